"""What has moved, by a later inventory; and the days remembered."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from mailferry.inventory.records import Authentication, Client, Fate, Finding, Severity, Switches
from mailferry.planner.make import make
from mailferry.planner.progress import FILE, Snapshot, progress, recall, remember
from mailferry.planner.settings import PlanSettings
from mailferry.planner.store import StoreError
from support.plans import PRODUCTS, TODAY, client, seen

BASIC = client("basic")
GATEWAY = ("eac", "signin", "gateway")
NOT_YET = (Finding("not-yet-through-us", Severity.NOTE),)
STILL_BOTH = (Finding("still-both", Severity.WARNING),)
LATER = date(2026, 12, 24)


def moved(before: Client, now: Client | None) -> bool:
    plan = make([before, client("busy")], PRODUCTS, PlanSettings(), TODAY)
    return bool(progress(plan, [] if now is None else [now], LATER).moved)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (BASIC, False),
        (None, False),
        (replace(BASIC, authentication=Authentication.OAUTH), True),
        (replace(BASIC, authentication=Authentication.MIXED), False),
        (replace(BASIC, fate=Fate.CONTINUES), True),
        (replace(BASIC, sources=GATEWAY), True),
        (replace(BASIC, sources=GATEWAY, findings=NOT_YET), False),
        (replace(BASIC, sources=GATEWAY, findings=STILL_BOTH), False),
        (replace(BASIC, id="renamed", authentication=Authentication.OAUTH), True),
        (replace(BASIC, id="renamed"), False),
        (client("another", authentication=Authentication.OAUTH), False),
    ],
)
def test_what_has_moved(now: Client | None, expected: bool) -> None:
    assert moved(BASIC, now) is expected


def test_who_came_through_the_gateway_before_has_not_moved_by_that() -> None:
    assert not moved(replace(BASIC, sources=GATEWAY), replace(BASIC, sources=GATEWAY))


def test_what_is_to_be_retired_is_gone_when_it_is_switched_off() -> None:
    idle = client("idle", last_seen=seen(80))
    assert moved(idle, None)
    assert not moved(idle, idle)
    assert moved(idle, replace(idle, switches=Switches(mailbox_disabled=True)))


def test_against_the_plan() -> None:
    clients = [client(f"c{number}") for number in range(4)] + [client("fine", fate=Fate.CONTINUES)]
    plan = make(clients, PRODUCTS, PlanSettings(pilot=0, capacity=2), TODAY)
    later = seen(-2)  # 26 November
    now = [
        replace(clients[0], authentication=Authentication.OAUTH),
        *(replace(one, last_seen=later) for one in clients[1:]),
        client("new"),
    ]
    result = progress(plan, now, date(2026, 11, 26))
    assert result.snapshot == Snapshot(date(2026, 11, 26), planned=4, moved=1, due=4)
    assert len(result.overdue) == 1  # what is due today is not overdue
    assert result.until == date(2026, 11, 26)
    assert progress(plan, [*clients], date(2026, 12, 20)).overdue == ()  # of exports that end before, nobody knows
    assert result.new == ("new",)


def test_days_are_remembered(tmp_path: Path) -> None:
    assert recall(tmp_path) == ()
    first, again, second = (Snapshot(date(2026, 12, day), 9, moved, 5) for day, moved in ((1, 1), (1, 2), (2, 3)))
    remember(second, tmp_path)
    remember(first, tmp_path)
    assert remember(again, tmp_path) == (again, second)
    assert recall(tmp_path) == (again, second)


def test_a_damaged_memory(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("[{]")
    with pytest.raises(StoreError, match="remove it"):
        recall(tmp_path)
