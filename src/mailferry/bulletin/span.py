"""A stretch of the calendar as a page names it: how a year and its parts become first and last day.

Leaves to others: finding the words (dates_en, dates_ja). Invariant: a span that exists has first <= last; a day that is
in no calendar makes none.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto

from mailferry.bulletin.facts import Precision

#: Years an announcement may speak of; a four-digit number outside them is no year.
YEARS = range(2000, 2100)


class Piece(Enum):
    """A part of a month, or of a year."""

    BEGINNING = auto()
    EARLY = auto()
    MIDDLE = auto()
    LATE = auto()
    END = auto()
    FIRST_HALF = auto()
    SECOND_HALF = auto()
    LAST_DAY = auto()


@dataclass(frozen=True, slots=True)
class Span:
    """First and last day, both included."""

    first: date
    last: date
    precision: Precision


@dataclass(frozen=True, slots=True)
class Point:
    """One date found at [start, end) of a text. `span` is None where the text alone does not say when: "next year",
    "12/06/2027". `month` and `day` or `piece` are kept where only the year is missing."""

    start: int
    end: int
    span: Span | None
    month: int = 0
    day: int = 0
    piece: Piece | None = None
    year_after: int | None = None  # "same year" 0, "the year after" 1: counted from the date before it

    def in_year(self, year: int) -> Span | None:
        """The span once its year is known."""
        if self.day:
            return day(year, self.month, self.day)
        if self.month:
            return month(year, self.month, self.piece)
        return whole_year(year, self.piece)


def day(year: int, number: int, of_month: int) -> Span | None:
    try:
        single = date(year, number, of_month)
    except ValueError:
        return None
    return Span(single, single, Precision.DAY) if year in YEARS else None


def month(year: int, number: int, piece: Piece | None = None) -> Span | None:
    """A month or a part of it: thirds for beginning, middle and end."""
    if year not in YEARS or not 1 <= number <= 12:
        return None
    length = calendar.monthrange(year, number)[1]
    if piece is Piece.LAST_DAY:
        return day(year, number, length)
    first, last = {
        None: (1, length),
        Piece.BEGINNING: (1, 10),
        Piece.EARLY: (1, 10),
        Piece.MIDDLE: (11, 20),
        Piece.LATE: (21, length),
        Piece.END: (21, length),
        Piece.FIRST_HALF: (1, 15),
        Piece.SECOND_HALF: (16, length),
    }[piece]
    precision = Precision.MONTH if piece is None else Precision.PART
    return Span(date(year, number, first), date(year, number, last), precision)


def months(year: int, first: int, last: int, precision: Precision) -> Span | None:
    if year not in YEARS or not 1 <= first <= last <= 12:
        return None
    return Span(date(year, first, 1), date(year, last, calendar.monthrange(year, last)[1]), precision)


def quarter(year: int, number: int) -> Span | None:
    return months(year, 3 * number - 2, 3 * number, Precision.QUARTER)


def half(year: int, number: int) -> Span | None:
    return months(year, 6 * number - 5, 6 * number, Precision.HALF)


def whole_year(year: int, piece: Piece | None = None) -> Span | None:
    """A year or a part of it. Its end is December and its beginning January; early and late are its quarters."""
    if piece is Piece.LAST_DAY:
        return day(year, 12, 31)
    first, last, precision = {
        None: (1, 12, Precision.YEAR),
        Piece.BEGINNING: (1, 1, Precision.MONTH),
        Piece.EARLY: (1, 3, Precision.QUARTER),
        Piece.MIDDLE: (4, 9, Precision.HALF),
        Piece.LATE: (10, 12, Precision.QUARTER),
        Piece.END: (12, 12, Precision.MONTH),
        Piece.FIRST_HALF: (1, 6, Precision.HALF),
        Piece.SECOND_HALF: (7, 12, Precision.HALF),
    }[piece]
    return months(year, first, last, precision)


#: From exact to loose.
LOOSENESS = list(Precision)


def joined(first: Span, second: Span) -> Span | None:
    """From the beginning of one to the end of the other, as loose as the looser; None when that runs backwards."""
    if first.first > second.last or first.first > second.first:
        return None
    precision = max(first.precision, second.precision, key=LOOSENESS.index)
    return Span(first.first, second.last, precision)
