"""Spans are said as loosely as they were announced, in both languages."""

from __future__ import annotations

from datetime import date

import pytest

from mailferry.bulletin import wording
from mailferry.bulletin.facts import Audience, Bound, Effect, Period, Phase, Precision


def period(first: str, last: str, precision: Precision, text: str = "") -> Period:
    return Period(date.fromisoformat(first), date.fromisoformat(last), precision, text)


@pytest.mark.parametrize(
    ("span", "english", "japanese"),
    [
        (period("2026-04-30", "2026-04-30", Precision.DAY), "on 30 April 2026", "2026年4月30日に"),
        (period("2026-03-01", "2026-04-30", Precision.DAY), "from 1 March to 30 April 2026",
         "2026年3月1日から4月30日まで"),
        (period("2026-12-21", "2027-01-05", Precision.DAY), "from 21 December 2026 to 5 January 2027",
         "2026年12月21日から2027年1月5日まで"),
        (period("2026-12-21", "2026-12-31", Precision.PART), "at the end of December 2026", "2026年12月末に"),
        (period("2026-12-21", "2026-12-31", Precision.PART, "12月下旬"), "in late December 2026", "2026年12月下旬に"),
        (period("2026-12-01", "2026-12-10", Precision.PART), "at the beginning of December 2026", "2026年12月上旬に"),
        (period("2026-12-11", "2026-12-20", Precision.PART), "in the middle of December 2026", "2026年12月中旬に"),
        (period("2026-12-16", "2026-12-31", Precision.PART), "in the second half of December 2026", "2026年12月後半に"),
        (period("2026-12-01", "2026-12-31", Precision.MONTH), "in December 2026", "2026年12月に"),
        (period("2026-03-01", "2026-05-31", Precision.MONTH), "from March to May 2026", "2026年3月から5月まで"),
        (period("2027-10-01", "2027-12-31", Precision.QUARTER), "in the fourth quarter of 2027", "2027年第4四半期に"),
        (period("2027-01-01", "2027-06-30", Precision.HALF), "in the first half of 2027", "2027年前半に"),
        (period("2027-07-01", "2027-12-31", Precision.HALF), "in the second half of 2027", "2027年後半に"),
        (period("2027-04-01", "2027-09-30", Precision.HALF), "in the middle of 2027", "2027年半ばに"),
        (period("2027-01-01", "2027-12-31", Precision.YEAR), "in 2027", "2027年に"),
    ],
)  # fmt: skip
def test_a_span(span: Period, english: str, japanese: str) -> None:
    phase = Phase(span, Effect.REMOVED, Audience.ALL, "")
    assert wording.at(phase, "en") == english
    assert wording.at(phase, "ja") == japanese


@pytest.mark.parametrize(
    ("bound", "english", "japanese"),
    [
        (Bound.FROM, "From the end of December 2026", "2026年12月末から"),
        (Bound.AFTER, "After the end of December 2026", "2026年12月末より後"),
        (Bound.BY, "By the end of December 2026", "2026年12月末までに"),
        (Bound.UNTIL, "Until the end of December 2026", "2026年12月末まで"),
        (Bound.BEFORE, "Before the end of December 2026", "2026年12月末より前"),
        (Bound.IN, "End of December 2026", "2026年12月末"),
    ],
)
def test_a_bound(bound: Bound, english: str, japanese: str) -> None:
    phase = Phase(period("2026-12-21", "2026-12-31", Precision.PART), Effect.REMOVED, Audience.ALL, "", bound)
    assert wording.label(phase, "en") == english
    assert wording.label(phase, "ja") == japanese


def test_until_a_span_of_several_is_until_its_last() -> None:
    span = period("2026-01-01", "2026-12-31", Precision.MONTH)
    assert wording.until(span, "en") == "until December 2026"
    assert wording.until(span, "ja") == "2026年12月まで"
