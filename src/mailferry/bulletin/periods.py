"""Dates in running text as periods: ranges joined, missing years taken from the date beside them, bounds named.

Leaves to others: single dates (dates_en, dates_ja) and what happens then (phases).
Invariant: every period has first <= last; a date whose year the sentence does not give stands in `vague`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mailferry.bulletin import dates_en, dates_ja
from mailferry.bulletin.facts import Bound, Period
from mailferry.bulletin.fold import fold
from mailferry.bulletin.span import Point, Span, joined


@dataclass(frozen=True, slots=True)
class Found:
    """A period at [start, end) of the text. `moved`: the text says that this date was given up for the next one."""

    start: int
    end: int
    period: Period
    bound: Bound
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Dates:
    """The periods of a text in their order, and the words that are dates but do not say when."""

    found: tuple[Found, ...]
    vague: tuple[str, ...]


#: What every date has; most sentences have none of it.
_HINT = re.compile(
    r"\d|[年月]|year|month|quarter|spring|summer|autumn|winter|christmas|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    r"|[来今]期",
    re.IGNORECASE,
)
_ARTICLE = r"(?:the\s+|in\s+|at\s+|on\s+)*"
_JOIN_EN = re.compile(rf"\s*(?:-|~|to|through|thru|until|till|up\s+to)\s*{_ARTICLE}", re.IGNORECASE)
_AND = re.compile(rf"\s*and\s*{_ARTICLE}", re.IGNORECASE)
_BETWEEN = re.compile(rf"\b(?:between|both)\s+{_ARTICLE}$", re.IGNORECASE)
_JOIN_JA = re.compile(r"\s*(?:[~-]|から)\s*")
_UNTIL_JA = re.compile(r"\s*(?:まで|にかけ)")
_MOVED = re.compile(
    r"\b(?:mov|postpon|delay|shift|push|chang|extend|reschedul|slip|deferr|revis|brought|bring)\w*\b[^.;:]{0,60}\bfrom\s+"
    rf"{_ARTICLE}$",
    re.IGNORECASE,
)

_MOVED_JA = re.compile(r"\s*から[^。;]{0,40}(?:延期|変更|後ろ倒し|先送り|繰り延べ|繰り下げ|見直|前倒し|ずれ込)")

_BEFORE_EN = (
    (re.compile(rf"\b(?:no\s+(?:earlier|sooner)\s+than|not\s+before|on\s+or\s+after)\s+{_ARTICLE}$", re.I), Bound.FROM),
    (re.compile(rf"\b(?:no\s+later\s+than|by|on\s+or\s+before)\s+{_ARTICLE}$", re.I), Bound.BY),
    (re.compile(rf"\bnot\b[^.;,]{{0,40}}\buntil\s+(?:after\s+)?{_ARTICLE}$", re.I), Bound.FROM),
    (re.compile(rf"\b(?:until|till|up\s+to|through|(?:now|today)\s+(?:to|-))\s+{_ARTICLE}$", re.I), Bound.UNTIL),
    (re.compile(rf"\b(?:before|prior\s+to|ahead\s+of)\s+{_ARTICLE}$", re.I), Bound.BEFORE),
    (re.compile(rf"\b(?:after|following|later\s+than|past|beyond)\s+{_ARTICLE}$", re.I), Bound.AFTER),
    (re.compile(rf"\b(?:from|since|starting|beginning|effective|as\s+of|commencing|begins?|starts?)\s+{_ARTICLE}$",
                re.I), Bound.FROM),
)  # fmt: skip
_AFTER_EN = re.compile(r"\s*(?:onwards?|and\s+later|or\s+later|and\s+beyond)\b", re.IGNORECASE)
_AFTER_JA = (
    (re.compile(r"\s*(?:の?期間)?(?:までに)"), Bound.BY),
    (re.compile(r"\s*まで"), Bound.UNTIL),
    (re.compile(r"\s*(?:以降|から|を皮切りに|付けで|をもって|を機に)"), Bound.FROM),
    (re.compile(r"\s*(?:より(?:も)?後|の?後に|を過ぎ|経過後|よりあと)"), Bound.AFTER),
    (re.compile(r"\s*(?:より(?:も)?前|以前|の?前に|よりまえ)"), Bound.BEFORE),
    (re.compile(r"\s*より(?!も?[前後])"), Bound.FROM),
)  # fmt: skip


def dates(text: str) -> Dates:
    """All dates of a sentence, English and Japanese alike."""
    plain = fold(text)
    if not _HINT.search(plain):
        return Dates((), ())
    points = list(_dated(plain, _whole(dates_en.points(plain) + dates_ja.points(plain))))
    found: list[Found] = []
    vague: list[str] = []
    skip = False
    for index, point in enumerate(points):
        if skip:
            skip = False
            continue
        following = points[index + 1] if index + 1 < len(points) else None
        span = _range(plain, point, following) if following else None
        if span is not None and following is not None:
            whole = _found(text, plain, replace(point, end=following.end, span=span))
            found.append(replace(whole, bound=Bound.IN))
            skip = True
        elif point.span is None:
            vague.append(text[point.start : point.end])
        else:
            found.append(_found(text, plain, point))
    return Dates(tuple(found), tuple(vague))


def _whole(points: list[Point]) -> list[Point]:
    """The longest reading at each place, in order; of equals the one that says when."""
    chosen: list[Point] = []
    for point in sorted(points, key=lambda p: (p.start, -p.end, p.span is None, not p.month)):
        if not chosen or point.start >= chosen[-1].end:
            chosen.append(point)
    return chosen


def _dated(text: str, points: list[Point]) -> Iterator[Point]:
    """Years that are left out, where the sentence gives them: "March 1 to April 30, 2026", "2026年3月1日～4月30日",
    同年, 翌年, and a later day that follows in the same sentence."""
    before: Span | None = None
    for index, point in enumerate(points):
        span = point.span
        if span is None and before is not None and (point.month or point.year_after is not None):
            span = point.in_year(before.first.year + (point.year_after or 0))
            if span is not None and point.year_after is None and span.first < before.first:
                span = None
        elif span is None and point.month and point.year_after is None and index + 1 < len(points):
            following = points[index + 1]
            if following.span is not None and _linked(text, point, following):
                span = point.in_year(following.span.first.year)
        if span is not None:
            before = span
        yield replace(point, span=span)


def _linked(text: str, first: Point, second: Point) -> bool:
    """Whether the words between two dates make them one range."""
    between = text[first.end : second.start]
    if _JOIN_EN.fullmatch(between):
        return _MOVED.search(_head(text, first)) is None
    if _AND.fullmatch(between):
        return _BETWEEN.search(_head(text, first)) is not None
    if _JOIN_JA.fullmatch(between):
        return "から" not in between or _UNTIL_JA.match(text[second.end :]) is not None
    return False


def _range(text: str, first: Point, second: Point) -> Span | None:
    if first.span is None or second.span is None or not _linked(text, first, second):
        return None
    return joined(first.span, second.span)


def _found(text: str, plain: str, point: Point) -> Found:
    assert point.span is not None  # noqa: S101 - the callers have looked
    span = point.span
    period = Period(span.first, span.last, span.precision, text[point.start : point.end])
    moved = _MOVED.search(_head(plain, point)) is not None or _MOVED_JA.match(plain, point.end) is not None
    return Found(point.start, point.end, period, _bound(plain, point), moved)


def _bound(text: str, point: Point) -> Bound:
    for pattern, bound in _AFTER_JA:
        if pattern.match(text, point.end):
            return bound
    if _AFTER_EN.match(text, point.end):
        return Bound.FROM
    head = _head(text, point)
    if re.search(r"^\W*~\s*$", head):  # "～2026年12月：…"
        return Bound.UNTIL
    return next((bound for pattern, bound in _BEFORE_EN if pattern.search(head)), Bound.IN)


def _head(text: str, point: Point) -> str:
    """The words before a date that may say something of it."""
    return text[max(0, point.start - 120) : point.start]
