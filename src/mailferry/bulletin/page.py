"""The main text of a page as blocks, each once: without navigation, advertisements, related articles and comments.

Leaves to others: the tree (tree), what was put round the page (unwrap), sentences and facts.
Invariant: the article stands once, also where the page holds it twice; nothing hidden is in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from lxml.html import HtmlElement  # type: ignore[import-untyped] # it has no annotations

from mailferry.bulletin.fold import fold
from mailferry.bulletin.rules import cue
from mailferry.bulletin.sections import drop_sections
from mailferry.bulletin.sentences import Block, Form
from mailferry.bulletin.tree import prune

#: A block this long that comes again is the article a second time.
_REPEATED = 24
#: Less main text than this is no article; then the whole page is taken.
_LITTLE = 160
_DATE = re.compile(r"\d{4}|月|half|quarter|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)", re.IGNORECASE)


def main_text(root: HtmlElement) -> list[Block]:
    """The article's blocks, in order."""
    prune(root)
    drop_sections(root)
    return clean(_article(root))


def _article(root: HtmlElement) -> list[Block]:
    """trafilatura says which text is the article; the blocks are the page's own, so that headings, lists and tables
    keep their shape."""
    from trafilatura import bare_extraction

    body = root.find("body")
    whole = list(_walk(body)) if body is not None else []
    found = bare_extraction(root, fast=True, favor_recall=True, include_comments=False, include_tables=True)
    main = "" if found is None or isinstance(found, dict) else _bare("".join(found.body.itertext()))
    kept = [_within(block, main) for block in whole]
    for at, block in enumerate(whole):  # a heading stands where what follows it stands
        if block.form is Form.HEADING:
            kept[at] = kept[at] or any(kept[at + 1 : at + 3])
    blocks = [block for block, good in zip(whole, kept, strict=True) if good]
    return blocks if _length(blocks) >= min(_LITTLE, 0.5 * _length(whole)) else whole


def _bare(text: str) -> str:
    return re.sub(r"\W+", "", text)


def _within(block: Block, main: str) -> bool:
    parts = [_bare(part) for part in block.text.split(": ")]
    return _bare(block.text) in main or all(part in main for part in parts)


def _length(blocks: Iterable[Block]) -> int:
    return sum(len(block.text) for block in blocks)


def clean(blocks: Iterable[Block]) -> list[Block]:
    """Without repetition, notes and what stands under headings like "Related articles"."""
    kept: list[Block] = []
    seen: set[str] = set()
    dropping = 0  # the level of the heading under which everything goes; 0: nothing
    for block in blocks:
        plain = fold(block.text).strip()
        if block.form is Form.RULE:
            dropping = 0 if dropping == _NOTES else dropping
            continue
        level = block.level if block.form is Form.HEADING else 0
        if dropping and level and level <= dropping:
            dropping = 0
        if cue("notes").search(plain):
            dropping = _NOTES
        elif len(plain) <= 60 and cue("end").search(plain):
            dropping = level or _NOTES
        key = re.sub(r"\W+", "", plain).lower() + (f"|{block.context}" if block.context else "")
        if dropping or (len(key) >= _REPEATED and key in seen) or not plain:
            continue
        seen.add(key)
        kept.append(block)
    return kept


#: Deeper than any heading: whatever heading follows ends it.
_NOTES = 7
_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_CONTAINERS = frozenset(
    re.split(
        r"\s+",
        "html body main article section div header center dl td th ul ol list item blockquote quote table tbody thead "
        "tr row cell amp-layout figure details li dd dt font",
    )
)
_BLOCKS = frozenset(("p", "pre", "head", "hr", "address", "caption", "figcaption", "summary", *_HEADINGS)) | _CONTAINERS


def _walk(element: Any, form: Form = Form.TEXT) -> Iterator[Block]:
    """Blocks under an element of HTML or of trafilatura's own form; the depth was bounded by tree."""
    tag = element.tag if isinstance(element.tag, str) else ""
    if tag in ("table",):
        yield from _table(element)
    elif tag == "hr":
        yield Block(Form.RULE, "")
    elif tag in _HEADINGS or tag == "head":
        level = _HEADINGS.get(tag) or _HEADINGS.get(element.get("rend", ""), 2)
        yield from _leaf(Form.HEADING, [element], level)
    elif tag in ("p", "pre", "address", "caption", "figcaption", "summary") and not _has_blocks(element):
        yield from _leaf(form, [element])
    else:
        yield from _flow(element, Form.ITEM if tag in ("item", "li", "dd") else form)


def _has_blocks(element: Any) -> bool:
    return any(isinstance(child.tag, str) and child.tag in _BLOCKS for child in element.iterdescendants())


def _flow(element: Any, form: Form) -> Iterator[Block]:
    """Text and blocks side by side: runs of text become blocks of their own."""
    run: list[Any] = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str) and child.tag in _BLOCKS:
            yield from _leaf(form, run)
            yield from _walk(child, form)
            run = [child.tail or ""]
        else:
            run += [child, child.tail or ""]
    yield from _leaf(form, run)


def _leaf(form: Form, parts: list[Any], level: int = 0) -> Iterator[Block]:
    text, codes = "", []
    for part in parts:
        if isinstance(part, str):
            text += part
        else:
            text += _text(part)
            codes += [_text(code).strip() for code in part.iter("code", "tt", "kbd", "samp")]
    for piece in re.split(r"\n\s*\n", text) if form is not Form.HEADING else [text]:
        line = re.sub(r"\s+", " ", piece).strip()
        line = re.sub(r"(?<=[\u3040-\u30ff\u4e00-\u9fff、。]) (?=[\u3040-\u30ff\u4e00-\u9fff])", "", line)
        if line:
            yield Block(form, line, codes=tuple(" ".join(code.split()) for code in codes if code), level=level)


def _text(element: Any) -> str:
    """An element's text; a line break that the page asked for ends a sentence."""
    text = element.text or ""
    for child in element:
        if isinstance(child.tag, str):
            text += "\n\n" if child.tag in ("br", "lb") else _text(child)
        text += child.tail or ""
    return text


def _table(table: Any) -> Iterator[Block]:
    """A row says of its first cell what the others hold; a heading row says what each column is about. A table that
    only lays out the page is walked as any other element."""
    rows = [[cell for cell in row if cell.tag in ("cell", "td", "th")] for row in table.iter("row", "tr")]
    rows = [row for row in rows if row]
    if any(_has_blocks(cell) and len(_text(cell)) > 200 for row in rows for cell in row):
        for row in rows:
            for cell in row:
                yield from _flow(cell, Form.TEXT)
        return
    texts = [[" ".join(_text(cell).split()) for cell in row] for row in rows]
    header = texts[0] if len(texts) > 1 and _is_header(texts) else []
    for row in texts[1:] if header else texts:
        first, rest = row[0], row[1:]
        if not rest:
            yield Block(Form.TEXT, first)
        for column, cell in enumerate(rest, 1):
            if cell:
                context = header[column] if column < len(header) else ""
                yield Block(Form.TEXT, f"{first}: {cell}" if first else cell, context)


def _is_header(rows: list[list[str]]) -> bool:
    dated = [any(_DATE.search(cell) for cell in row) for row in rows]
    return not dated[0] and any(dated)
