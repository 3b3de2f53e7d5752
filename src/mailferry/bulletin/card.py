"""A notice as a Teams message: an Adaptive Card in the envelope that a workflow's webhook takes.

Leaves to others: posting it; the address of a webhook is a secret of its owner. Invariant: the message stays below the
size that Teams takes, and nothing from a page becomes a link in it.

Sources: learn.microsoft.com, "Create incoming webhooks" (message with an attachment of the content type below; 28 KB)
and "Microsoft Teams" connector ("Message size limit", about 28 KB), both read in November 2026. Workflows take cards
only, the older connectors the same envelope.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mailferry.bulletin.notice import Block, Heading, Items, Link, Notice, Paragraph, Quotes, Table, pieces

#: The newest that Teams shows on computers and telephones alike; tables came with 1.5, so rows are facts here.
_VERSION = "1.4"
_LIMIT = 28 * 1024


class TooLarge(ValueError):
    """Teams would refuse the message."""


def card(notice: Notice) -> dict[str, Any]:
    """The body of the POST. Where it is too large, the quotations go first. Raises TooLarge."""
    for blocks in (notice.blocks, tuple(block for block in notice.blocks if not isinstance(block, Quotes))):
        message = _message(notice, blocks)
        size = len(json.dumps(message, ensure_ascii=False).encode())
        if size <= _LIMIT:
            return message
    raise TooLarge(f"the card would have {size} octets; Teams takes {_LIMIT}")


def _message(notice: Notice, blocks: tuple[Block, ...]) -> dict[str, Any]:
    title = _text(notice.title)
    actions = [
        {"type": "Action.OpenUrl", "title": _text(block.text)[:80], "url": block.address}
        for block in blocks
        if isinstance(block, Link)
    ]
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": _VERSION,
        "lang": notice.language,
        "fallbackText": title,
        "msteams": {"width": "Full"},
        "body": [
            {"type": "TextBlock", "text": title, "size": "Large", "weight": "Bolder", "wrap": True, "style": "heading"},
            *(element for block in blocks for element in _elements(block)),
        ],
        "actions": actions,
    }
    return {
        "type": "message",
        "attachments": [
            {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
        ],
    }


def _elements(block: Block) -> Iterator[dict[str, Any]]:
    match block:
        case Heading(text):
            yield _block(text, weight="Bolder", size="Medium", spacing="Large", color="Accent")
        case Paragraph(text):
            yield _block(text)
        case Items(entries, ordered):
            marks = (f"{number}." if ordered else "-" for number in range(1, len(entries) + 1))
            # A carriage return parts the lines of a list in a card's Markdown.
            yield _block("\r".join(f"{mark} {entry}" for mark, entry in zip(marks, entries, strict=True)))
        case Quotes(entries):
            yield from (_block(entry, isSubtle=True) for entry in entries)
        case Table(_, rows):
            yield {"type": "FactSet", "facts": [_fact(row) for row in rows]}
        case Link(label, text, _, rest):
            yield _block(f"{label}{text}{rest}")


def _block(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "TextBlock", "text": _text(text), "wrap": True, **more}


def _fact(row: tuple[str, ...]) -> dict[str, str]:
    first, *middle, last = (_text(cell) for cell in row)
    return {"title": first, "value": " – ".join(cell for cell in [*middle, last] if cell)}


def _text(text: str) -> str:
    """Without the marks of code, which a card does not know, and so that no text becomes a link."""
    return "".join(piece for _, piece in pieces(text)).replace("](", "] (")
