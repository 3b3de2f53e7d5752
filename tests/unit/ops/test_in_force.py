"""The timeline with accepted changes: count, states and phases follow them, and what moved them is said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from mailferry.bulletin.changes import Changes
from mailferry.bulletin.facts import Effect
from mailferry.m365.schedule import BasicAuthPhase, current, phase_at
from mailferry.ops.in_force import AS_SHIPPED, InForce, in_force, moved, phases, said
from mailferry.ops.timeline import assumed, count, document, present, states, then
from support.accepted import MARCH, REMOVAL, TODAY
from support.accepted import accept as accept_in

Accept = Callable[..., InForce]


@pytest.fixture
def accept(tmp_path: Path) -> Accept:
    def accepted(day: date, effect: Effect = Effect.DISABLED_BY_DEFAULT) -> InForce:
        accept_in(tmp_path, day, effect)
        return in_force(tmp_path)

    return accepted


def test_the_count_goes_to_the_accepted_day(accept: Accept) -> None:
    found = accept(MARCH)
    left = count(date(2027, 3, 1), "en", found)
    assert (left.days, left.text, left.rest, left.near) == (30, "30 days left", "until 2027-03-31", True)
    assert count(date(2027, 4, 10), "ja", found).rest == "2027-03-31 を過ぎています"


@pytest.mark.parametrize(("language", "words"), [("en", "accepted by tanaka"), ("ja", "tanaka が承認")])
def test_it_says_which_change_moved_it(accept: Accept, language: str, words: str) -> None:
    text = assumed(language, accept(MARCH))
    assert "2027-03-31" in text
    assert "Example" in text
    assert words in text
    assert "2026-12-31" not in text


def test_existing_and_new_tenants_are_kept_apart(accept: Accept) -> None:
    rows = present(date(2027, 1, 15), "en", accept(MARCH))
    assert rows == [("Existing tenants", "allowed"), ("Tenants created after December 2026", "unavailable")]


def test_after_the_removal_it_is_gone_for_all(accept: Accept) -> None:
    found = accept(REMOVAL, Effect.REMOVED)
    assert states(REMOVAL, found) == (BasicAuthPhase.REMOVED, BasicAuthPhase.REMOVED)
    assert then(REMOVAL, "en", found) is None
    assert then(date(2027, 2, 1), "en", found) is not None
    assert "2026-12-31" in assumed("en", found), "the removal alone leaves the other day as it was announced"
    assert document(TODAY, "en", found)["removed_from"] == "2028-09-30"


@pytest.mark.parametrize("disabled", [None, date(2026, 12, 15), MARCH, date(2027, 9, 30)])
@pytest.mark.parametrize("removed", [None, date(2027, 2, 1), REMOVAL])
def test_the_present_phase_is_what_the_tenant_has(accept: Accept, disabled: date | None, removed: date | None) -> None:
    found = AS_SHIPPED
    for day, effect in ((disabled, Effect.DISABLED_BY_DEFAULT), (removed, Effect.REMOVED)):
        found = accept(day, effect) if day is not None else found
    for step in range(0, 800, 5):
        day = TODAY + timedelta(days=step)
        covering = {phase.existing_tenants for phase in phases(found) if phase.covers(day)}
        assert covering == {phase_at(day, disabled=disabled, removed=removed)}, day


def test_the_words_of_the_schedule_stay_with_the_new_day_beside_them(accept: Accept) -> None:
    accept(MARCH)
    found = accept(REMOVAL, Effect.REMOVED)
    assert [phase.when for phase in phases(found)] == [phase.when for phase in current().phases]
    assert [moved(phase, found) for phase in phases(found)] == [MARCH, MARCH, None, REMOVAL]
    assert phases(AS_SHIPPED) == current().phases


def test_revoking_undoes_all_of_it(accept: Accept, tmp_path: Path) -> None:
    found = accept(MARCH)
    assert document(TODAY, "en", found)["days_left"] == 127
    Changes(tmp_path).revoke(Effect.DISABLED_BY_DEFAULT.value)
    assert in_force(tmp_path) == AS_SHIPPED
    assert said(AS_SHIPPED, "en") == []
    assert document(TODAY, "en", in_force(tmp_path))["in_force"] == {"disabled": None, "removed": None}
