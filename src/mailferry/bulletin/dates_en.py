"""English dates: one table of patterns, each with what it makes of its groups.

Leaves to others: ranges, missing years and bounds (periods). Invariant: what could be read in two ways (06/12/2027,
fiscal years) or leans on the day of reading ("next year") has no span.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mailferry.bulletin import span
from mailferry.bulletin.span import Piece, Point, Span

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>january|february|march|april|may|june|july|august|september|october|november|december"
    r"|(?:jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec)\b\.?)"
)
_YEAR = r"(?P<year>20\d\d|'\d\d)\b"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?\b"
_PART = (
    r"(?P<part>(?:very\s+)?(?:end|close|(?:last|final|closing) (?:few )?(?:days|weeks?)|beginning|start|first days"
    r"|first week|middle|(?:first|second|latter|last)\s+half)\s+of|late|early|mid(?:dle)?)[\s-]+"
    r"(?:the\s+month\s+of\s+)?"
)
_CALENDAR = r"(?:of\s+|in\s+)?(?:the\s+)?(?:calendar\s+year\s+|cy\s?|year\s+)?"
_ORDINALS = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "latter": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4}
_WEEKDAY = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s+)?"

_PIECES = (
    (re.compile(r"first\s+half"), Piece.FIRST_HALF),
    (re.compile(r"(second|latter|last)\s+half"), Piece.SECOND_HALF),
    (re.compile(r"mid"), Piece.MIDDLE),
    (re.compile(r"late"), Piece.LATE),
    (re.compile(r"early"), Piece.EARLY),
    (re.compile(r"beginning|start|first"), Piece.BEGINNING),
    (re.compile(r"end|clos|last|final"), Piece.END),
)


def _piece(text: str | None) -> Piece | None:
    if not text:
        return None
    return next(piece for pattern, piece in _PIECES if pattern.search(text.lower()))


def _month(match: re.Match[str]) -> int:
    return _MONTHS.index(match["month"].lower()[:3]) + 1


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text.lstrip("'"))


def _number(text: str, most: int) -> int:
    return most if text.lower() in ("last", "final") else _ORDINALS.get(text.lower()) or int(text)


def _slashed(match: re.Match[str]) -> Span | None:
    """12/31/2026 and 31/12/2026 can be told apart, 06/12/2026 cannot."""
    first, second, year = int(match["a"]), int(match["b"]), int(match["year"])
    if first != second and first <= 12 and second <= 12:
        return None
    return span.day(year, first, second) or span.day(year, second, first)


def _half(match: re.Match[str]) -> Span | None:
    return span.half(_year(match["year"]), _number(match["n"], 2))


def _quarter(match: re.Match[str]) -> Span | None:
    return span.quarter(_year(match["year"]), _number(match["n"], 4))


def _days(match: re.Match[str]) -> Span | None:
    """March 1-15, 2026."""
    year, month = _year(match["year"]), _month(match)
    first, last = span.day(year, month, int(match["day"])), span.day(year, month, int(match["last"]))
    return span.joined(first, last) if first and last else None


_Reader = Callable[[re.Match[str]], Span | None]


def _unsaid(match: re.Match[str]) -> Span | None:
    """No calendar says when that is."""
    return None


_TABLE: tuple[tuple[str, _Reader], ...] = (
    (
        r"(?P<year>20\d\d)([-/.])(?P<m>\d{1,2})\2(?P<d>\d{1,2})(?!\d)(?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?",
        lambda m: span.day(_year(m["year"]), int(m["m"]), int(m["d"])),
    ),
    (r"(?<![\d/])(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<year>20\d\d)\b", _slashed),
    (rf"(?<!\d){_DAY}\s*(?:-|to|through)\s*(?P<last>\d{{1,2}})(?:st|nd|rd|th)?\s+{_MONTH},?\s+{_YEAR}", _days),
    (rf"{_MONTH}\s+{_DAY}\s*(?:-|to|through)\s*(?P<last>\d{{1,2}})(?:st|nd|rd|th)?,?\s+{_YEAR}", _days),
    (
        rf"{_WEEKDAY}(?<!\d){_DAY}(?:\s+of)?\s+{_MONTH},?\s+{_YEAR}",
        lambda m: span.day(_year(m["year"]), _month(m), int(m["day"])),
    ),
    (rf"{_WEEKDAY}{_MONTH}\s+{_DAY},?\s+{_YEAR}", lambda m: span.day(_year(m["year"]), _month(m), int(m["day"]))),
    (
        r"\b(?:fy\s?(?:20)?\d\d|fiscal(?:\s+year)?\s+20\d\d)(?:[\s-]?[qh][1-4])?|\b[qh][1-4]\s+(?:of\s+)?"
        r"(?:fy\s?(?:20)?\d\d|fiscal(?:\s+year)?\s+20\d\d)"
        r"|\b(?:first|second|third|fourth|last|final)\s+(?:half|quarter)\s+of\s+fiscal(?:\s+year)?\s+20\d\d",
        _unsaid,
    ),
    (
        rf"\b(?:q(?P<n>[1-4])[\s/-]?{_CALENDAR}(?P<year>20\d\d)|(?P<n2>[1-4])q[\s/-]?(?P<year2>20\d\d|\d\d))\b",
        lambda m: span.quarter(_year(m["year"] or m["year2"]), int(m["n"] or m["n2"])),
    ),
    (
        rf"\b(?:h(?P<n>[12])[\s/-]?{_CALENDAR}(?P<year>20\d\d)|(?P<n2>[12])h[\s/-]?(?P<year2>20\d\d|\d\d))\b",
        lambda m: span.half(_year(m["year"] or m["year2"]), int(m["n"] or m["n2"])),
    ),
    (
        r"\b(?:cy\s?)?(?P<year>20\d\d)[\s-]?q(?P<n>[1-4])\b|\bcy\s?(?P<year2>\d\d)[\s-]?q(?P<n2>[1-4])\b",
        lambda m: span.quarter(_year(m["year"] or m["year2"]), int(m["n"] or m["n2"])),
    ),
    (
        r"\b(?:cy\s?)?(?P<year>20\d\d)[\s-]?h(?P<n>[12])\b|\bcy\s?(?P<year2>\d\d)[\s-]?h(?P<n2>[12])\b",
        lambda m: span.half(_year(m["year"] or m["year2"]), int(m["n"] or m["n2"])),
    ),
    (rf"\b(?P<n>first|second|third|fourth|1st|2nd|3rd|4th|last|final)\s+quarter\s*,?\s*{_CALENDAR}{_YEAR}", _quarter),
    (rf"\b(?P<n>first|second|latter|1st|2nd|last)\s+half\s*,?\s*{_CALENDAR}{_YEAR}", _half),
    (
        rf"\b(?:last|final)\s+day\s+of\s+{_MONTH},?\s+{_YEAR}",
        lambda m: span.month(_year(m["year"]), _month(m), Piece.LAST_DAY),
    ),
    (
        rf"\b{_PART}(?:the\s+)?{_MONTH},?\s+(?:of\s+)?{_YEAR}",
        lambda m: span.month(_year(m["year"]), _month(m), _piece(m["part"])),
    ),
    (rf"\b{_MONTH},?\s+(?:of\s+)?{_YEAR}", lambda m: span.month(_year(m["year"]), _month(m))),
    (rf"\b{_PART}{_CALENDAR}{_YEAR}", lambda m: span.whole_year(_year(m["year"]), _piece(m["part"]))),
    (r"\b(?:cy\s?|calendar\s+year\s+)(?P<year>20\d\d|\d\d)\b", lambda m: span.whole_year(_year(m["year"]))),
    (
        rf"\b(?:in|by|during|throughout|until|before|after|into|since)\s+(?P<whole>{_YEAR})(?![-.,]?\d)",
        lambda m: span.whole_year(_year(m["year"])),
    ),
)
#: Dates without their year; "may" and "march" are words as well, so these are found by their capitals.
_CAPITALS = (
    r"(?P<month>January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)\b\.?)"
)
_YEARLESS = (
    re.compile(rf"\b(?i:{_PART}){_CAPITALS}\b"),
    re.compile(rf"\b{_CAPITALS}\s+{_DAY}(?!\s*[:%])"),
    re.compile(rf"(?<!\d)(?<!\d\.){_DAY}\s+(?:of\s+)?{_CAPITALS}\b"),
    re.compile(
        rf"\b(?i:in|by|of|to|from|till|until|since|after|early|before|during|between)\s+(?P<whole>{_CAPITALS})\b"
    ),
    re.compile(rf"\b{_CAPITALS}(?=\s*(?:-|to|through|and)\s*{_CAPITALS.replace('?P<month>', '?:')})"),
)
_RELATIVE = re.compile(
    r"\b(?:(?:next|this|later\s+this|the\s+following|the\s+coming|last|previous)\s+"
    r"(?:year|month|quarter|spring|summer|autumn|fall|winter)"
    r"|(?:(?:spring|summer|autumn|fall|winter)\s+(?:of\s+)?20\d\d)"
    r"|year[\s-]end|(?:around|by|before|after|at|over|until)\s+(?:the\s+)?(?:new\s+year(?:'s(?:\s+(?:day|eve))?)?|christmas|turn\s+of\s+the\s+year)"
    r"|(?:end|close|second\s+half|first\s+half)\s+of\s+the\s+(?:calendar\s+)?(?:year|month)(?!\s+20)"
    r"|in\s+\d+\s+(?:days|weeks|months))\b",
    re.IGNORECASE,
)
_PATTERNS = tuple((re.compile(pattern, re.IGNORECASE), reader) for pattern, reader in _TABLE)


def _extent(match: re.Match[str]) -> tuple[int, int]:
    """Where the date stands, without the word that shows it to be one."""
    return match.span("whole") if "whole" in match.groupdict() else match.span()


def points(text: str) -> list[Point]:
    """Every date in folded `text`, overlapping where several patterns fit."""
    found = [Point(*_extent(match), reader(match)) for pattern, reader in _PATTERNS for match in pattern.finditer(text)]
    for pattern in _YEARLESS:
        for match in pattern.finditer(text):
            groups = match.groupdict()
            found.append(
                Point(*_extent(match), None, _month(match), int(groups.get("day") or 0), _piece(groups.get("part")))
            )
    found += [Point(match.start(), match.end(), None) for match in _RELATIVE.finditer(text)]
    return found
