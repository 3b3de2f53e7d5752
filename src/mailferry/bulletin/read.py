"""From a page's bytes to an announcement: the one way in, for files, standard input, addresses and exports.

Leaves to others: decoding, unwrapping, main text, facts (each in its file) and fetching (fetch).
Invariant: the same bytes always give the same announcement; hostile bytes give an announcement with little in it or a
`PageError`, nothing else.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from datetime import date
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from mailferry.bulletin import center, plain
from mailferry.bulletin.decode import decode
from mailferry.bulletin.extract import TooMuch, extract
from mailferry.bulletin.facts import Announcement, Precision
from mailferry.bulletin.fold import fold
from mailferry.bulletin.periods import dates
from mailferry.bulletin.rules import effect_cue
from mailferry.bulletin.sentences import Block, Form, Sentence, sentences
from mailferry.bulletin.unwrap import Inside, looks_like_html, unwrap

#: An announcement is a few pages; more is refused before it is parsed.
LIMIT = 4 << 20


_FORWARDED = re.compile(r"^(?:(?:fwd?|re|転送|返信)\s*[:：]\s*)+(?=\S)", re.IGNORECASE)


class PageError(ValueError):
    """The page cannot be read; the text says why and what to do."""


def read(source: bytes | str, address: str = "", charset: str = "") -> Announcement:
    """The announcement in a page, or the most telling one of an export with several.

    `address` is where it came from, "" for standard input; `charset` what HTTP said. Raises PageError.
    """
    found = read_all(source, address, charset)
    return max(found, key=lambda one: (len(one.phases) > 0, len(one.phases) + len(one.mentions)))


def read_all(source: bytes | str, address: str = "", charset: str = "") -> tuple[Announcement, ...]:
    """Every announcement: one of a page, one of each message of an export. Raises PageError."""
    if len(source) > LIMIT:
        raise PageError(
            f"{address or 'the page'} has {len(source):,} bytes, more than the {LIMIT >> 20} MiB that an announcement "
            "may have; save the article alone and read that"
        )
    letter = plain.mail(source)
    if letter is not None:
        return (_announce(Inside(letter.body, letter.html, letter.title, letter.publisher, letter.date), address),)
    text = source if isinstance(source, str) else decode(source, charset)
    if not text.strip():
        raise PageError(f"{address or 'standard input'} is empty; give an announcement as HTML, text or JSON")
    messages = center.messages(text)
    if messages is not None:
        return tuple(_announce(message, address) for message in messages)
    return (_announce(unwrap(text), address),)


def _announce(inside: Inside, address: str) -> Announcement:
    title, publisher, stated = inside.title, inside.publisher, [inside.date]
    if inside.html and looks_like_html(inside.text):
        blocks, (page_title, page_publisher, page_dates) = _html(inside.text)
        title, publisher, stated = title or page_title, publisher or page_publisher, [*stated, *page_dates]
    else:
        blocks, found = _plain(inside.text)
        title, publisher = title or found.get("subject", ""), publisher or _sender(found.get("from", ""))
        stated.append(found.get("date", ""))
    headings = (block.text for block in blocks if block.form is Form.HEADING)
    title = title or ("" if inside.html else _first_line(blocks)) or next(headings, "") or _first(blocks)
    try:
        facts = extract((Sentence(title, heading=True), *sentences(blocks)))
    except TooMuch as error:
        raise PageError(f"{address or 'the page'} has {error}; save the article alone and read that") from error
    return Announcement(
        title=_FORWARDED.sub("", " ".join(title.split())),
        publisher=publisher or _host(address),
        published=_published(stated, blocks),
        address=address,
        language=_language(blocks),
        phases=tuple(facts.phases.values()),
        mentions=tuple(facts.mentions.values()),
        unread=tuple(facts.unread),
    )


def _html(text: str) -> tuple[list[Block], tuple[str, str, tuple[str, ...]]]:
    from mailferry.bulletin.page import main_text
    from mailferry.bulletin.tree import head, tree

    root = tree(text)
    if root is None:
        return [], ("", "", ())
    said = head(root)
    return main_text(root), (said.title, said.publisher, said.dates)


def _plain(text: str) -> tuple[list[Block], dict[str, str]]:
    from mailferry.bulletin.page import clean

    found, body = plain.headers(text)
    return clean(plain.blocks(body)), found


def _sender(text: str) -> str:
    return re.sub(r"\s*[<\[(].*$|\"", "", text).strip() or text


def _first_line(blocks: list[Block]) -> str:
    """What stands first, where it is short and no sentence."""
    text = blocks[0].text if blocks else ""
    return text if len(text) <= 140 and not re.search(r"[.。!?！？:：]\s*$", text) else ""


def _first(blocks: Iterable[Block]) -> str:
    text = next((block.text for block in blocks), "")
    return text if len(text) <= 120 else f"{text[:117]}..."


def _host(address: str) -> str:
    host = urlsplit(address).hostname if "://" in address else ""
    return (host or "").removeprefix("www.")


def day(text: str) -> date | None:
    """The one day that a short text names: ISO 8601, RFC 5322 or as people write it."""
    text = text.strip()
    with contextlib.suppress(ValueError):
        if re.match(r"[A-Z][a-z]{2},\s", text):
            return parsedate_to_datetime(text).date()
        return date.fromisoformat(text[:10])
    exact = [found for found in dates(text[:200]).found if found.period.precision is Precision.DAY]
    return exact[0].period.first if exact else None


def _published(stated: Iterable[str], blocks: list[Block]) -> date | None:
    """The day the page gives for itself, in its head or in a short line that says so."""
    for text in stated:
        if text and (found := day(text)) is not None:
            return found
    for block in blocks:
        if len(block.text) <= 100 and (found := day(block.text)) is not None:
            rest = fold(block.text)
            if effect_cue("history").search(rest) or len(re.sub(r"[\d\W]", "", rest)) < 16:
                return found
    return None


def _language(blocks: list[Block]) -> str:
    text = "".join(block.text for block in blocks)
    japanese = len(re.findall(r"[\u3041-\u30fa\u4e00-\u9fff]", text))
    return "ja" if japanese > 0.1 * len(text) else "en"
