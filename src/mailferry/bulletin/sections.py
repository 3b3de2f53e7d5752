"""Sections of a page that are none of its article: notes to its authors, related articles, comments.

Leaves to others: what is hidden or named as noise by its class (tree), and plain text (page.clean).
Invariant: a section ends at the next heading of its own level or above; a paragraph takes only itself and the list that
belongs to it along.
"""

from __future__ import annotations

import re
from typing import Any

from lxml.html import HtmlElement  # type: ignore[import-untyped] # it has no annotations

from mailferry.bulletin.fold import fold
from mailferry.bulletin.rules import cue

_HEADING = re.compile(r"h[1-6]")
_LEAVES = ("p", "div", "span", "strong", "b", "li", "blockquote", "pre", "dt", "td", "summary")
_LONGEST_HEADING = 60


def drop_sections(root: HtmlElement) -> None:
    """Take them out of the tree."""
    for element in list(root.iter("h1", "h2", "h3", "h4", "h5", "h6", *_LEAVES)):
        if element.getparent() is None or (element.tag in ("div", "blockquote", "td") and _holds_blocks(element)):
            continue
        text = fold(" ".join(element.text_content().split()))
        notes = cue("notes").search(text) is not None
        end = len(text) <= _LONGEST_HEADING and cue("end").search(text) is not None
        if _HEADING.fullmatch(str(element.tag)) and (notes or end):
            _drop_section(element, int(element.tag[1]))
        elif notes:
            _drop_paragraph(element)
        elif end and element.tag not in ("li", "td", "span"):
            _drop_section(element, 6)


def _holds_blocks(element: Any) -> bool:
    return any(child.tag in ("p", "div", "ul", "ol", "table", "section", "article") for child in element.iter()
               if child is not element)  # fmt: skip


def _drop_section(heading: Any, level: int) -> None:
    """The heading and what follows it, up to the next heading as high as it."""
    following = list(heading.itersiblings())
    for element in following:
        inner = [element, *element.iterdescendants("h1", "h2", "h3", "h4", "h5", "h6")]
        if any(_HEADING.fullmatch(str(each.tag)) and int(each.tag[1]) <= level for each in inner):
            break
        element.drop_tree()
    heading.drop_tree()


def _drop_paragraph(element: Any) -> None:
    following = element.getnext()
    if following is not None and following.tag in ("ul", "ol"):
        following.drop_tree()
    element.drop_tree()
