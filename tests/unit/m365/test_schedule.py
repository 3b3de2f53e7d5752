"""The schedule as announced, and the phase machine over it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.m365.schedule import (
    BasicAuthPhase,
    Precision,
    Revision,
    current,
    disabled_from,
    phase_at,
    schedule,
)

ORDER = list(BasicAuthPhase)


def test_revisions_are_listed_oldest_first_and_the_last_is_current() -> None:
    published = [revision.published for revision in schedule().revisions]
    assert published == [date(2024, 4, 15), date(2025, 6, 12), date(2026, 1, 27)]
    assert current() is schedule().revisions[-1]


@pytest.mark.parametrize("revision", schedule().revisions, ids=lambda revision: revision.id)
def test_the_phases_of_a_revision_lie_in_order(revision: Revision) -> None:
    starts = [phase.start for phase in revision.phases if phase.start]
    assert starts == sorted(starts)
    assert revision.phases[0].start is None
    assert revision.phases[-1].existing_tenants is BasicAuthPhase.REMOVED
    for phase in revision.phases:
        assert phase.text.en.isascii()
        assert not phase.text.ja.isascii()


@pytest.mark.parametrize(
    ("when", "created", "expected"),
    [
        (date(2026, 11, 24), None, BasicAuthPhase.ALLOWED),
        (date(2026, 12, 30), None, BasicAuthPhase.ALLOWED),
        (date(2026, 12, 31), None, BasicAuthPhase.DISABLED_BY_DEFAULT),
        (date(2027, 8, 1), date(2019, 5, 1), BasicAuthPhase.DISABLED_BY_DEFAULT),
        (date(2027, 1, 5), date(2026, 12, 31), BasicAuthPhase.DISABLED_BY_DEFAULT),
        (date(2027, 1, 5), date(2027, 1, 2), BasicAuthPhase.UNAVAILABLE),
        (date(2035, 1, 1), None, BasicAuthPhase.DISABLED_BY_DEFAULT),
    ],
)
def test_phase_at(when: date, created: date | None, expected: BasicAuthPhase) -> None:
    assert phase_at(when, tenant_created=created) is expected


def test_what_microsoft_has_not_said_can_be_assumed() -> None:
    assert phase_at(date(2028, 7, 1), removed=date(2028, 7, 1)) is BasicAuthPhase.REMOVED
    assert phase_at(date(2026, 12, 20), disabled=date(2026, 12, 15)) is BasicAuthPhase.DISABLED_BY_DEFAULT


def test_a_loose_date_carries_its_precision_and_an_unsaid_one_has_none() -> None:
    phase = current().first(BasicAuthPhase.DISABLED_BY_DEFAULT)
    assert phase is not None
    assert phase.approximate
    assert phase.precision is Precision.MONTH
    assert disabled_from() == date(2026, 12, 31)
    removed = current().first(BasicAuthPhase.REMOVED)
    assert removed is not None
    assert removed.start is None
    assert removed.precision is Precision.UNKNOWN
    assert not removed.covers(date(2099, 1, 1))


def test_what_is_missing_is_said() -> None:
    assert len(schedule().unpublished) >= 4
    assert any("switch" in text.en for text in schedule().unpublished)


@given(
    day=st.dates(date(2020, 1, 1), date(2040, 1, 1)),
    later=st.integers(0, 3000),
    created=st.none() | st.dates(date(2010, 1, 1), date(2040, 1, 1)),
    removed=st.none() | st.dates(date(2027, 7, 1), date(2040, 1, 1)),
)
def test_time_only_takes_away(day: date, later: int, created: date | None, removed: date | None) -> None:
    before = phase_at(day, tenant_created=created, removed=removed)
    after = phase_at(day + timedelta(days=later), tenant_created=created, removed=removed)
    assert ORDER.index(before) <= ORDER.index(after)
