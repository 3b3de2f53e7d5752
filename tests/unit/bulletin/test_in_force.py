"""Which day an accepted change means: the schedule's own day for the same words, in both languages."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from mailferry.bulletin.changes import Change
from mailferry.bulletin.compare import compare
from mailferry.bulletin.facts import Audience, Bound, Effect, Phase
from mailferry.bulletin.in_force import InForce, day_of, in_force
from mailferry.bulletin.read import read
from mailferry.m365.schedule import disabled_from

TODAY = date(2026, 11, 24)


def change(phase: Phase, **different: object) -> Change:
    period = phase.period
    made = Change(
        "a", phase.effect, phase.audience, period.first, period.last, period.precision, phase.bound, period.text,
        phase.sentence, "", "News", "Example", "", None, TODAY, "tanaka", TODAY,
    )  # fmt: skip
    return replace(made, **different)  # type: ignore[arg-type]


def said(sentence: str) -> Change:
    """The one dated phase of a page with this sentence."""
    page = f"<h1>SMTP AUTH in Exchange Online</h1><p>{sentence}</p>".encode()
    (point,) = compare(read(page, "page.html", "")).points
    return change(point.phase)


EN = "In existing tenants, Basic authentication for SMTP AUTH is disabled by default {}."
JA = "既存のテナントでは、SMTP AUTH の基本認証は{}既定で無効になります。"


@pytest.mark.parametrize(
    ("sentence", "day"),
    [
        (EN.format("at the end of December 2026"), disabled_from()),
        (JA.format("2026年12月末に"), disabled_from()),
        (EN.format("on March 31, 2027"), date(2027, 3, 31)),
        (EN.format("in March 2027"), date(2027, 3, 1)),
        (EN.format("from the end of February 2028"), date(2028, 2, 29)),
        (EN.format("in the second half of 2027"), date(2027, 7, 1)),
        (EN.format("after March 2027"), date(2027, 4, 1)),
        (JA.format("2027年3月31日より後に"), date(2027, 4, 1)),
        (EN.format("before April 1, 2027"), date(2027, 3, 31)),
        (EN.format("by the end of March 2027"), date(2027, 3, 31)),
        (EN.format("in mid-March 2027"), date(2027, 3, 11)),
    ],
)
def test_the_same_words_give_the_day_of_the_schedule(sentence: str, day: date) -> None:
    found = in_force([said(sentence)])
    assert (found.disabled, found.removed, found.ends) == (day, None, day)


BASE = said(EN.format("on March 31, 2027"))


def test_nothing_accepted_leaves_the_schedule() -> None:
    assert in_force([]) == InForce()
    assert (InForce().disabled, InForce().removed, InForce().ended_by) == (None, None, None)
    assert InForce().ends == disabled_from()


@pytest.mark.parametrize(
    "other",
    [
        replace(BASE, audience=Audience.NEW),
        replace(BASE, effect=Effect.UNCHANGED, bound=Bound.UNTIL),
        replace(BASE, effect=Effect.UNAVAILABLE),
        replace(BASE, effect=Effect.PARTIAL),
    ],
)
def test_what_is_not_about_existing_tenants_or_no_end_moves_nothing(other: Change) -> None:
    assert in_force([other]) == InForce()


def test_of_two_about_the_same_the_one_accepted_later_counts() -> None:
    later = replace(BASE, id="b", audience=Audience.ALL, first=date(2027, 2, 1), last=date(2027, 2, 1))
    assert in_force([BASE, later]).disabled == date(2027, 2, 1)
    assert in_force([later, BASE]).disabled == date(2027, 3, 31)


def test_a_removal_before_the_day_ends_it_and_one_after_does_not() -> None:
    removal = replace(BASE, id="r", effect=Effect.REMOVED, first=date(2027, 2, 1), last=date(2027, 2, 1))
    found = in_force([BASE, removal])
    assert (found.disabled, found.removed, found.ends, found.ended_by) == (
        date(2027, 3, 31), date(2027, 2, 1), date(2027, 2, 1), removal,
    )  # fmt: skip
    alone = in_force([removal])
    assert (alone.ends, alone.ended_by) == (disabled_from(), None)


def test_the_day_of_existing_tenants_alone_is_not_that_of_new_ones() -> None:
    assert in_force([BASE]).disabled_for_new is None
    assert in_force([replace(BASE, audience=Audience.ALL)]).disabled_for_new == day_of(BASE)
