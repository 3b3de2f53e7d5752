"""Clean HTML back into the blocks of a notice, so that HTML from elsewhere passes through our own templates too.

Leaves to others: the allow-list (clean) and whether the text is true (claims). Invariant: blocks_of(content(notice))
is what the notice was made of, and what has no block is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from mailferry.bulletin.clean import checked
from mailferry.bulletin.notice import Block, Heading, Items, Link, Paragraph, Quotes, Table

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


class Shapeless(ValueError):
    """The HTML is clean, but no notice: text outside of paragraphs, lists in lists, links within lists."""


def blocks_of(html: str) -> tuple[Block, ...]:
    """Raises Unclean and Shapeless."""
    text = checked(html).replace("&nbsp;", " ")
    try:
        root = ElementTree.fromstring(f"<div>{text}</div>")  # noqa: S314 - no declaration survives `checked`
    except ElementTree.ParseError as error:
        raise Shapeless(f"the HTML is not well formed: {error}") from None
    if _words(root.text) or any(_words(child.tail) for child in root):
        raise Shapeless("there is text outside of any paragraph")
    return tuple(_merged(_block(child) for child in root))


def _merged(blocks: Iterator[Block]) -> Iterator[Block]:
    """Quotations in one language that follow each other are one block."""
    for language, group in groupby(blocks, key=lambda block: block.language if isinstance(block, Quotes) else None):
        if language is None:
            yield from group
        else:
            entries = (entry for block in group if isinstance(block, Quotes) for entry in block.entries)
            yield Quotes(tuple(entries), language)


def _block(element: Element) -> Block:
    match element.tag:
        case "h2" | "h3":
            return Heading(_text(element))
        case "p":
            return _paragraph(element)
        case "ul" | "ol":
            return Items(tuple(_text(child) for child in _children(element, "li")), ordered=element.tag == "ol")
        case "blockquote":
            return Quotes(tuple(_text(child) for child in _children(element, "p")), element.get("lang", ""))
        case "table":
            return _table(element)
    raise Shapeless(f"<{element.tag}> stands where a paragraph should")


def _paragraph(element: Element) -> Block:
    links = [position for position, child in enumerate(element) if child.tag == "a"]
    if not links:
        return Paragraph(_text(element))
    if len(links) > 1:
        raise Shapeless("there is more than one link in a paragraph")
    before, link, after = element[: links[0]], element[links[0]], element[links[0] + 1 :]
    label = _words(element.text) + "".join(map(_inline, before))
    rest = _words(link.tail) + "".join(map(_inline, after))
    return Link(label, _text(link), link.get("href", ""), rest)


def _table(element: Element) -> Table:
    head = [row for part in element.findall("thead") for row in _children(part, "tr")]
    rows = [row for part in element.findall("tbody") for row in _children(part, "tr")]
    cells = [tuple(_text(cell) for cell in row) for row in (*head, *rows)]
    if len(head) != 1 or len({len(row) for row in cells}) != 1 or len(cells[0]) < 2:
        raise Shapeless("a table needs one row of headings and the same number of cells, two or more, in each row")
    return Table(cells[0], tuple(cells[1:]))


def _children(element: Element, tag: str) -> list[Element]:
    if any(child.tag != tag or _words(child.tail) for child in element) or _words(element.text):
        raise Shapeless(f"<{element.tag}> may hold <{tag}> only")
    return list(element)


def _text(element: Element) -> str:
    return " ".join((_words(element.text) + "".join(map(_inline, element))).split())


def _inline(element: Element) -> str:
    inner = _words(element.text)
    if len(element) or element.tag not in ("code", "strong"):
        raise Shapeless(f"<{element.tag}> stands within a text")
    return (f"`{inner}`" if element.tag == "code" else inner) + _words(element.tail)


def _words(text: str | None) -> str:
    """The text with white space as one blank; a backtick would be a mark."""
    if text is None or not text.strip():
        return " " if text and "\n" not in text else ""
    before, after = (" " if text[edge].isspace() else "" for edge in (0, -1))
    return before + " ".join(text.replace("`", "'").split()) + after
