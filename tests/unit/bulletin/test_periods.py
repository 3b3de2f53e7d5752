"""Dates in English and Japanese as periods: single, loose, as ranges, without a year, and those that say no when."""

from __future__ import annotations

import pytest

from mailferry.bulletin.facts import Bound, Precision
from mailferry.bulletin.periods import dates


@pytest.mark.parametrize(
    ("text", "first", "last", "precision"),
    [
        ("at the end of December 2026", "2026-12-21", "2026-12-31", "part"),
        ("in late Dec. 2026", "2026-12-21", "2026-12-31", "part"),
        ("early January, 2027", "2027-01-01", "2027-01-10", "part"),
        ("mid-March 2027", "2027-03-11", "2027-03-20", "part"),
        ("the first half of February 2028", "2028-02-01", "2028-02-15", "part"),
        ("the second half of 2027", "2027-07-01", "2027-12-31", "half-year"),
        ("H2 of calendar year 2027", "2027-07-01", "2027-12-31", "half-year"),
        ("2H27", "2027-07-01", "2027-12-31", "half-year"),
        ("the third quarter of 2027", "2027-07-01", "2027-09-30", "quarter"),
        ("Q1 CY2027", "2027-01-01", "2027-03-31", "quarter"),
        ("CY27 Q4", "2027-10-01", "2027-12-31", "quarter"),
        ("December 31st, 2026", "2026-12-31", "2026-12-31", "day"),
        ("Thursday, 31 December 2026", "2026-12-31", "2026-12-31", "day"),
        ("2026-12-31T23:59:00Z", "2026-12-31", "2026-12-31", "day"),
        ("12/31/2026", "2026-12-31", "2026-12-31", "day"),
        ("31/12/2026", "2026-12-31", "2026-12-31", "day"),
        ("the last day of February 2028", "2028-02-29", "2028-02-29", "day"),
        ("February 2028", "2028-02-01", "2028-02-29", "month"),
        ("the end of 2026", "2026-12-01", "2026-12-31", "month"),
        ("sometime in 2028", "2028-01-01", "2028-12-31", "year"),
        ("from March 1 to April 30, 2026", "2026-03-01", "2026-04-30", "day"),
        ("between 1 March and 30 April 2026", "2026-03-01", "2026-04-30", "day"),
        ("March 1–15, 2026", "2026-03-01", "2026-03-15", "day"),
        ("1 to 30 April 2026", "2026-04-01", "2026-04-30", "day"),
        ("July through December 2027", "2027-07-01", "2027-12-31", "month"),
        ("2026年12月末", "2026-12-21", "2026-12-31", "part"),
        ("２０２６年１２月３１日（木）", "2026-12-31", "2026-12-31", "day"),
        ("2026 年 12 月 31 日", "2026-12-31", "2026-12-31", "day"),
        ("2027年1月上旬", "2027-01-01", "2027-01-10", "part"),
        ("2027年後半", "2027-07-01", "2027-12-31", "half-year"),
        ("2027年の下半期", "2027-07-01", "2027-12-31", "half-year"),
        ("2027年第3四半期", "2027-07-01", "2027-09-30", "quarter"),
        ("2027年7～9月期", "2027-07-01", "2027-09-30", "quarter"),
        ("2026年12月", "2026-12-01", "2026-12-31", "month"),
        ("2026年末", "2026-12-01", "2026-12-31", "month"),
        ("令和8年12月31日", "2026-12-31", "2026-12-31", "day"),
        ("2026(令和8)年12月末", "2026-12-21", "2026-12-31", "part"),
        ("2026年3月1日～4月30日", "2026-03-01", "2026-04-30", "day"),
        ("2026年3月1日から同年4月30日まで", "2026-03-01", "2026-04-30", "day"),
        ("2026年12月から翌年3月まで", "2026-12-01", "2027-03-31", "month"),
        ("2028年中", "2028-01-01", "2028-12-31", "year"),
    ],
)  # fmt: skip
def test_a_date_is_its_range(text: str, first: str, last: str, precision: str) -> None:
    found = dates(text)
    assert [(f.period.first.isoformat(), f.period.last.isoformat()) for f in found.found] == [(first, last)]
    assert found.found[0].period.precision is Precision(precision)
    assert found.found[0].period.text in text
    assert found.vague == ()


@pytest.mark.parametrize(
    "text",
    ["by year-end", "06/12/2026", "in FY27", "next year", "on December 31", "fiscal year 2027",
     "second half of fiscal 2027",     "2027年度", "12月末に", "来年後半", "年内に", "同年4月", "2027年春", "3か月後"],
)  # fmt: skip
def test_what_does_not_say_when_is_not_guessed(text: str) -> None:
    found = dates(text)
    assert found.found == ()
    assert found.vague


@pytest.mark.parametrize(
    "text",
    [
        "You may send 2026 mails",
        "They march on",
        "550 5.7.30",
        "version 3.0",
        "February 30, 2026",
        "2026年13月",
        "3日間",
        "OAuth 2.0",
    ],
)
def test_what_is_no_date(text: str) -> None:
    assert dates(text).found == ()


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("until December 2026", Bound.UNTIL),
        ("now to December 2026", Bound.UNTIL),
        ("by the end of December 2026", Bound.BY),
        ("after December 2026", Bound.AFTER),
        ("before March 2027", Bound.BEFORE),
        ("starting on January 1, 2027", Bound.FROM),
        ("December 2026 onwards", Bound.FROM),
        ("will not be removed until the second half of 2027", Bound.FROM),
        ("in December 2026", Bound.IN),
        ("2026年12月まで", Bound.UNTIL),
        ("2026年12月末までに", Bound.BY),
        ("2026年12月より後に", Bound.AFTER),
        ("2026年12月末以降", Bound.FROM),
        ("2026年12月末に", Bound.IN),
    ],
)
def test_bounds(text: str, bound: Bound) -> None:
    assert [found.bound for found in dates(text).found] == [bound]


@pytest.mark.parametrize(
    "text", ["postponed from April 30, 2026 to the end of December 2026", "2026年4月30日から2026年12月末に延期"]
)
def test_a_date_that_was_moved_is_no_range(text: str) -> None:
    assert [found.moved for found in dates(text).found] == [True, False]


def test_a_later_day_without_its_year_takes_that_of_the_date_before_it() -> None:
    found = dates("2026年3月1日から段階的に拒否し、4月30日にすべて拒否する").found
    assert [each.period.last.isoformat() for each in found] == ["2026-03-01", "2026-04-30"]
