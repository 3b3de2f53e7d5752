"""A page's HTML as a tree without what no reader sees or the page puts round its article, and what its head says.

Leaves to others: which part is the article (page). Invariant: scripts are never run and nothing is fetched; the tree's
depth is bounded before anything recurses over it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import lxml.html  # type: ignore[import-untyped] # it has no annotations
from lxml.html import HtmlElement

#: libxml2 frees and copies trees by recursion; no page that people read is as deep.
DEPTH = 200
_GONE = (
    "//script|//style|//noscript|//template|//iframe|//object|//embed|//svg|//form|//button|//select|//nav|//footer|//aside"
    "|//amp-ad|//amp-sidebar|//amp-analytics|//amp-consent|//amp-embed|//amp-img|//amp-auto-ads|//dialog|//comment()"
    "|//*[@hidden]|//*[@aria-hidden='true']|//*[@role='navigation' or @role='complementary' or @role='contentinfo'"
    " or @role='search' or @role='dialog']|//processing-instruction()"
)
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?:px|pt|em|rem|%)?\s*(?:;|$|!)|opacity\s*:\s*0(?:\.0+)?\s*(?:;|$|!)"
    r"|(?:left|top|text-indent)\s*:\s*-\d{3,}|clip\s*:\s*rect\(0|color\s*:\s*(?:#fff(?:fff)?|white|transparent)\s*(?:;|$|!)"
    r"|(?:max-)?(?:height|width)\s*:\s*0(?:px)?\s*(?:;|$|!)",
    re.IGNORECASE,
)
_NOISE = re.compile(
    r"(?:^|[\s_-])(?:nav\w*|menu|breadcrumbs?|side-?bar|related\w*|recommend\w*|comments?|disqus\w*|respond|ads?|advert\w*"
    r"|adslot|banner|promo\w*|sponsor\w*|newsletter|subscri\w*|share\w*|social\w*|cookies?|consent|popup|modal|ranking"
    r"|popular|trending|tags?|tag-?list|pager|pagination|author-?(?:bio|box)|outbrain|taboola|teasers?|most-?read|toolbar"
    r"|skip-?link|sr-only|visually-hidden|screen-reader\w*|editor-?notes?|internal-?notes?|reviewer-?notes?|draft-?notes?)"
    r"(?:$|[\s_-])",
    re.IGNORECASE,
)
#: An element with more of the page's text than this is no trimming, whatever its class says.
_MOSTLY = 0.5
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)[^<>]*?(/?)>")
_LAYOUT = re.compile(
    r"</?(?:div|span|section|font|b|i|em|strong|center|blockquote|ul|ol|table|tbody|a)\b[^<>]*>", re.IGNORECASE
)
_VOID = frozenset(
    re.split(" ", "area base br col embed hr img input link meta source track wbr p li td tr th dt dd option")
)
_ENCODING = re.compile(r"^\s*<\?xml[^>]*\?>")


_DATED = "//*[{}]".format(
    " or ".join(f"contains(@class,'{word}')" for word in ("date", "time", "publish", "byline", "meta"))
)


@dataclass(frozen=True, slots=True)
class Head:
    """What a page says of itself; "" where it does not."""

    title: str
    publisher: str
    dates: tuple[str, ...]
    language: str


def tree(text: str) -> HtmlElement | None:
    """The page as a tree; None where there is nothing in it."""
    text = _ENCODING.sub("", text.replace("\x00", " "))
    if _deep(text):
        text = _LAYOUT.sub(" ", text)
        if _deep(text):
            text = re.sub(r"<[^<>]*>", " ", text)
    try:
        found = lxml.html.document_fromstring(text, parser=lxml.html.HTMLParser(remove_comments=True, remove_pis=True))
    except (lxml.html.etree.LxmlError, ValueError, AssertionError):
        return None
    return found if isinstance(found, HtmlElement) else None


def _deep(text: str) -> bool:
    depth = deepest = 0
    for closing, name, alone in _TAG.findall(text):
        if alone or name.lower() in _VOID:
            continue
        depth = max(0, depth - 1) if closing else depth + 1
        deepest = max(deepest, depth)
    return deepest > DEPTH


def prune(root: HtmlElement) -> None:
    """Take out what is hidden and what surrounds articles."""
    for element in root.xpath(_GONE):
        _drop(element)
    body = root.find("body")
    if body is None:
        return
    whole = max(1, len(body.text_content()))
    for element in list(body.iterdescendants("*")):
        if not isinstance(element.tag, str) or element.getparent() is None:
            continue
        if _HIDDEN.search(element.get("style", "")) or (
            _is_noise(element) and len(element.text_content()) < _MOSTLY * whole
        ):
            _drop(element)


def _is_noise(element: HtmlElement) -> bool:
    names = f"{element.get('class', '')} {element.get('id', '')}"
    return element.tag not in ("article", "main", "h1") and _NOISE.search(names) is not None


def _drop(element: Any) -> None:
    if element.getparent() is not None and element.tag != "body":
        element.drop_tree()


def head(root: HtmlElement) -> Head:
    """Title, publisher and dates by what the page states: JSON-LD, meta elements, headings, time elements."""
    linked = list(_linked(root))
    headings = [" ".join(element.text_content().split()) for element in root.iter("h1")]
    named = _meta(root, "og:title", "twitter:title", "dc.title")
    page_title = " ".join((root.findtext(".//title") or "").split())
    main, _, site = _site(page_title)
    title = next((text for text in (*_texts(linked, "headline"), named) if text), "")
    if not title:
        title = headings[0] if len(set(headings)) == 1 and headings[0] else main or (headings[0] if headings else "")
    publisher = next(iter(_texts(linked, "publisher")), "") or _meta(root, "og:site_name", "publisher", "dc.publisher")
    dates = [*_texts(linked, "datePublished")]
    dates += [_meta(root, "article:published_time", "datepublished", "date", "dc.date", "dc.date.issued", "pubdate",
                    "publish-date", "dcterms.created", "cXenseParse:recs:publishtime")]  # fmt: skip
    dates += [element.get("datetime") or element.text_content() for element in root.iter("time")]
    dates += list(_visible(root))
    dates += _texts(linked, "dateModified")
    dates.append(_meta(root, "article:modified_time", "last-modified", "dcterms.modified"))
    return Head(title, publisher or site or _meta(root, "application-name"), tuple(filter(None, dates)),
                root.get("lang", "")[:2].lower())  # fmt: skip


def _site(title: str) -> tuple[str, str, str]:
    """A page's title and the name of the site that follows it after a bar or dash."""
    match = re.match(r"(.{8,})\s+(?:[|｜»·•]|::|[-–—](?=\s))\s*([^|｜]{2,50})$", title)
    if match is None:
        match = re.match(r"(.{6,}?)(?:[|｜])([^|｜]{2,50})$", title)
    return (match[1], "|", match[2].strip()) if match else (title, "", "")


def _visible(root: HtmlElement) -> Iterator[str]:
    """Short texts whose class says that they are a date."""
    for element in root.xpath(_DATED):
        text = " ".join((element.get("content") or element.text_content()).split())
        if 6 <= len(text) <= 120:
            yield text


def _meta(root: HtmlElement, *names: str) -> str:
    wanted = {name.lower() for name in names}
    found: dict[str, str] = {}
    for element in root.iter("meta"):
        name = (element.get("property") or element.get("name") or element.get("itemprop") or "").lower()
        if name in wanted and element.get("content", "").strip():
            found.setdefault(name, " ".join(element.get("content", "").split()))
    return next((found[name.lower()] for name in names if name.lower() in found), "")


def _linked(root: HtmlElement) -> Iterator[dict[str, Any]]:
    """The JSON-LD objects that describe an article."""
    for element in root.xpath("//script[@type='application/ld+json']"):
        try:
            value = json.loads(element.text or "", strict=False)
        except (ValueError, RecursionError):
            continue
        entries = value if isinstance(value, list) else value.get("@graph", [value]) if isinstance(value, dict) else []
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and re.search(r"Article|Posting|Report|WebPage", str(entry.get("@type", ""))):
                yield entry


def _texts(entries: list[dict[str, Any]], key: str) -> Iterator[str]:
    for entry in entries:
        value = entry.get(key)
        value = value.get("name") if isinstance(value, dict) else value
        if isinstance(value, str) and value.strip():
            yield " ".join(value.split())
