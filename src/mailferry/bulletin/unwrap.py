"""What was put round an article: fences, JSON, thinking, notes. Its inside comes out, once.

Leaves to others: reading HTML (page) and plain text (plain). Invariant: text inside a think-block or beside a fenced
document never counts as the article.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

#: Blocks in which a program talks to itself. One that is never closed ends where a document begins.
_THINK = re.compile(
    r"<(think|thinking|thought|thoughts|reasoning|scratchpad|reflection|analysis)\b[^>]*>.*?"
    r"(?:</\1\s*>|(?=<!doctype|<html\b|```)|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_FENCE = re.compile(
    r"^[ \t>]*(`{3,}|~{3,})[ \t]*([\w+-]*)[^\n]*\n(.*?)(?:^[ \t>]*\1[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_TAG = re.compile(r"<(?:!doctype|html|head|body|article|main|div|p|h[1-6]|table|ul|ol|section)\b[^>]*>", re.IGNORECASE)
_DOCUMENT = re.compile(r"<!doctype\s+html|<html\b", re.IGNORECASE)
_TITLES = ("title", "Title", "headline", "subject", "name")
_CONTENTS = ("content", "body", "html", "text", "article", "description", "articleBody", "message", "markdown")


@dataclass(frozen=True, slots=True)
class Inside:
    """An article as it was found: HTML or plain text, with a title where one stood beside it."""

    text: str
    html: bool
    title: str = ""
    publisher: str = ""
    date: str = ""


def looks_like_html(text: str) -> bool:
    return _TAG.search(text) is not None


def unwrap(text: str) -> Inside:
    """The one document in `text`."""
    text = _THINK.sub("\n", text)
    whole = _from_json(text.strip())
    if whole is not None:
        return whole
    document = _DOCUMENT.search(text)
    if document is None or document.start() > 0:
        fenced = next(_fenced(text), None)
        if fenced is not None:
            return fenced
    if document is not None:
        return Inside(_unfenced(text[document.start() :]), True)
    bare = _bare_json(text)
    if bare is not None:
        return bare
    return Inside(text, looks_like_html(text))


def _unfenced(text: str) -> str:
    """A page without what somebody fenced into it; a JSON copy of the article is no second article. Where the page has
    nothing but the fence, the fence is the article."""
    rest = _FENCE.sub("\n", text)
    if len(_words(rest)) >= 200:
        return rest
    inner = next(_fenced(text), None)
    return inner.text if inner is not None else text


def _words(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)).strip()


def _fenced(text: str) -> Iterator[Inside]:
    """Documents that stand in fences, the longest first; samples of commands are none."""
    found = []
    for match in _FENCE.finditer(text):
        body = match[3].strip()
        inside = _from_json(body) or _cut_json(body)
        if inside is None and looks_like_html(body):
            inside = Inside(body, True)
        elif inside is None and match[2].lower() in ("markdown", "md", "text", "txt") and len(body) > 200:
            inside = Inside(body, False)
        if inside is not None:
            found.append(inside)
    yield from sorted(found, key=lambda inside: -len(inside.text))


def _from_json(text: str) -> Inside | None:
    if not text.startswith(("{", "[")):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return _article(value)


_CUT = re.compile(r'"(title|headline|subject|content|body|html|text|article)"\s*:\s*"((?:[^"\\]|\\.)*)', re.DOTALL)


def _cut_json(text: str) -> Inside | None:
    """A JSON object that was cut off, or that holds line breaks in its strings: its title and its content."""
    if not text.startswith("{"):
        return None
    parts = {match[1]: match[2].removesuffix("\\") for match in _CUT.finditer(text)}
    content = next((parts[key] for key in _CONTENTS if parts.get(key)), "")
    if not content:
        return None
    title = next((parts[key] for key in _TITLES if parts.get(key)), "")
    content, title = _unescaped(content), _unescaped(title)
    return Inside(content, looks_like_html(content), title)


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text.replace("\\n", "\n").replace('\\"', '"')


def _bare_json(text: str) -> Inside | None:
    """JSON that stands among notes without a fence."""
    start = re.search(r'^\s*\{\s*"', text, re.MULTILINE)
    if start is None:
        return None
    at = text.index("{", start.start())
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(text, at)
    except (ValueError, RecursionError):
        return _cut_json(text[at:])
    return _article(value)


def _text(value: Any) -> str:
    """A string, or WordPress's {"rendered": …}, or Graph's {"content": …}."""
    if isinstance(value, dict):
        value = value.get("rendered", value.get("content", ""))
    return value if isinstance(value, str) else ""


def _article(value: Any) -> Inside | None:
    """An object with a content, as content management systems and notice writers make them."""
    if isinstance(value, list):
        return next((inside for inside in map(_article, value) if inside is not None), None)
    if not isinstance(value, dict):
        return None
    content = next((_text(value[key]) for key in _CONTENTS if _text(value.get(key))), "")
    if not content:
        inner = (_article(entry) for entry in value.values() if isinstance(entry, dict | list))
        return next((inside for inside in inner if inside is not None), None)
    title = next((_text(value[key]) for key in _TITLES if _text(value.get(key))), "")
    date = next((_text(value[key]) for key in ("date", "published", "datePublished", "date_gmt") if value.get(key)), "")
    publisher = _text(value.get("publisher") or value.get("site_name") or "")
    return Inside(content, looks_like_html(content), title, publisher, date)
