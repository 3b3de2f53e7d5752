"""Japanese dates: one table of patterns, each with what it makes of its groups.

Leaves to others: ranges, missing years and bounds (periods). Invariant: fiscal years (年度), seasons and what leans on
the day of reading (来年, 年内) have no span.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mailferry.bulletin import span
from mailferry.bulletin.facts import Precision
from mailferry.bulletin.span import Piece, Point, Span

#: 2026年, 2026(令和8)年, 令和8年(2026年)
_YEAR = (
    r"(?:(?P<year>20\d\d)\s*(?:\(\s*令和\s*(?:\d+|元)\s*年?\s*\)\s*)?年(?:\s*\(\s*令和\s*(?:\d+|元)\s*年\s*\))?"
    r"|令和\s*(?P<reiwa>\d{1,2}|元)\s*年(?:\s*\(\s*20\d\d\s*年?\s*\))?)(?!度)\s*の?\s*"
)
_RELATIVE_YEAR = r"(?P<relative>同年|同|翌年|翌)\s*の?\s*"
_MONTH = r"(?P<month>\d{1,2})\s*月"
_WEEKDAY = r"(?:\s*\([月火水木金土日](?:曜日?)?\))?"
_MONTH_PIECES = {
    "末日": Piece.LAST_DAY, "最終日": Piece.LAST_DAY, "月末": Piece.END, "末": Piece.END, "下旬": Piece.LATE,
    "終わり": Piece.END, "中旬": Piece.MIDDLE, "半ば": Piece.MIDDLE, "なかば": Piece.MIDDLE, "中ごろ": Piece.MIDDLE,
    "中頃": Piece.MIDDLE, "上旬": Piece.EARLY, "初旬": Piece.EARLY, "初め": Piece.BEGINNING, "はじめ": Piece.BEGINNING,
    "始め": Piece.BEGINNING, "頭": Piece.BEGINNING, "前半": Piece.FIRST_HALF, "後半": Piece.SECOND_HALF,
}  # fmt: skip
_YEAR_PIECES = {
    "年末": Piece.END, "末": Piece.END, "暮れ": Piece.END, "終盤": Piece.LATE, "後半": Piece.SECOND_HALF,
    "下半期": Piece.SECOND_HALF, "下期": Piece.SECOND_HALF, "前半": Piece.FIRST_HALF, "上半期": Piece.FIRST_HALF,
    "上期": Piece.FIRST_HALF, "半ば": Piece.MIDDLE, "なかば": Piece.MIDDLE, "中ごろ": Piece.MIDDLE,
    "中頃": Piece.MIDDLE, "中盤": Piece.MIDDLE, "初頭": Piece.EARLY, "序盤": Piece.EARLY, "年初": Piece.BEGINNING,
    "年頭": Piece.BEGINNING, "年明け": Piece.BEGINNING, "初め": Piece.BEGINNING, "はじめ": Piece.BEGINNING,
    "始め": Piece.BEGINNING,
}  # fmt: skip
_OF_MONTH = rf"(?:の|\s)*(?P<part>{'|'.join(_MONTH_PIECES)})"
_OF_YEAR = rf"(?P<part>{'|'.join(_YEAR_PIECES)})"


def _year(match: re.Match[str]) -> int:
    if match["year"]:
        return int(match["year"])
    return 2018 + (1 if match["reiwa"] == "元" else int(match["reiwa"]))


_Reader = Callable[[re.Match[str]], Span | None]
_TABLE: tuple[tuple[str, _Reader], ...] = (
    (rf"{_YEAR}{_MONTH}\s*(?P<day>\d{{1,2}})\s*日{_WEEKDAY}",
     lambda m: span.day(_year(m), int(m["month"]), int(m["day"]))),
    (rf"{_YEAR}{_MONTH}{_OF_MONTH}", lambda m: span.month(_year(m), int(m["month"]), _MONTH_PIECES[m["part"]])),
    (rf"{_YEAR}(?P<month>1|4|7|10)\s*(?:月\s*)?[~-]\s*(?P<until>3|6|9|12)\s*月期?(?!\s*\d)",
     lambda m: span.months(_year(m), int(m["month"]), int(m["until"]), _width(m))),
    (rf"{_YEAR}{_MONTH}(?!\s*\d+\s*日)", lambda m: span.month(_year(m), int(m["month"]))),
    (rf"{_YEAR}第?\s*(?P<n>[1-4一二三四])\s*四半期", lambda m: span.quarter(_year(m), _digit(m["n"]))),
    (rf"{_YEAR}(?:Q(?P<n>[1-4])|(?P<n2>[1-4])Q)", lambda m: span.quarter(_year(m), int(m["n"] or m["n2"]))),
    (rf"{_YEAR}{_OF_YEAR}", lambda m: span.whole_year(_year(m), _YEAR_PIECES[m["part"]])),
    (rf"{_YEAR}", lambda m: span.whole_year(_year(m))),
    (r"(?:20\d\d\s*年度|令和\s*(?:\d+|元)\s*年度)(?:末|内|の?(?:前半|後半|上期|下期|上半期|下半期|第\d四半期))?",
     lambda m: None),
    (rf"{_YEAR}(?:[春夏秋冬]|春先|夏頃|夏ごろ|秋頃|秋ごろ)", lambda m: None),
)  # fmt: skip
_PATTERNS = tuple((re.compile(pattern), reader) for pattern, reader in _TABLE)
_YEARLESS = (
    re.compile(rf"(?<![年\d])(?:{_RELATIVE_YEAR})?{_MONTH}\s*(?P<day>\d{{1,2}})\s*日{_WEEKDAY}"),
    re.compile(rf"(?<![年\d])(?:{_RELATIVE_YEAR})?{_MONTH}{_OF_MONTH}"),
    re.compile(rf"(?<![年\d])(?:{_RELATIVE_YEAR})?{_MONTH}(?!\s*\d+\s*日)(?!間)"),
    re.compile(rf"(?P<relative>同年|翌年){_OF_YEAR}?"),
)
_VAGUE = re.compile(
    r"(?:来年|再来年|今年|本年|昨年|年内|年度内|年度末|来月|今月|先月|来春|来夏|来秋|今春|今夏|今秋|今冬|来冬|来期|今期|年末(?!調整|年始)|年明け|年度明け)(?:の?(?:前半|後半|末|初め|初頭|中))?"
    r"|\d+\s*(?:か月|カ月|ヶ月|ヵ月|週間|日)後"
)


def _width(match: re.Match[str]) -> Precision:
    return Precision.QUARTER if int(match["until"]) - int(match["month"]) == 2 else Precision.MONTH


def _digit(text: str) -> int:
    return "一二三四".index(text) + 1 if text in "一二三四" else int(text)


def points(text: str) -> list[Point]:
    """Every date in folded `text`, overlapping where several patterns fit."""
    found = [
        Point(match.start(), match.end(), reader(match))
        for pattern, reader in _PATTERNS
        for match in pattern.finditer(text)
    ]
    for pattern in _YEARLESS:
        for match in pattern.finditer(text):
            groups = match.groupdict()
            month = int(groups.get("month") or 0)
            part = groups.get("part") or ""
            relative = groups["relative"]
            found.append(
                Point(
                    match.start(), match.end(), None, month, int(groups.get("day") or 0),
                    _MONTH_PIECES.get(part) if month else _YEAR_PIECES.get(part),
                    None if not relative else int(relative.startswith("翌")),
                )
            )  # fmt: skip
    found += [Point(match.start(), match.end(), None) for match in _VAGUE.finditer(text)]
    return found
