"""The sandbox's clock: standing, moved by hand, running from a date."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

import pytest

from mailferry.clock import ManualClock
from mailferry.sandbox.clock import SandboxClock, instant


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_date_is_its_start_in_utc() -> None:
    assert instant(date(2027, 1, 5)) == datetime(2027, 1, 5, tzinfo=UTC).timestamp()
    assert instant(datetime(2027, 1, 5, 12)) == datetime(2027, 1, 5, 12, tzinfo=UTC).timestamp()  # noqa: DTZ001


def test_stands_until_moved() -> None:
    machine = ManualClock(1000.0)
    clock = SandboxClock(machine, date(2027, 1, 5), running=False)
    machine.advance(500)
    assert clock.now() == datetime(2027, 1, 5, tzinfo=UTC)
    clock.advance(3600)
    assert clock.now() == datetime(2027, 1, 5, 1, tzinfo=UTC)


def test_runs_on_from_a_date_and_is_stopped() -> None:
    machine = ManualClock(1000.0)
    clock = SandboxClock(machine, date(2027, 1, 5))
    machine.advance(90)
    assert clock.now() == datetime(2027, 1, 5, 0, 1, 30, tzinfo=UTC)
    clock.set(clock.time(), running=False)
    machine.advance(90)
    assert clock.now() == datetime(2027, 1, 5, 0, 1, 30, tzinfo=UTC)


def test_without_a_date_it_is_the_machines_time() -> None:
    machine = ManualClock(1000.0)
    clock = SandboxClock(machine)
    machine.advance(5)
    assert clock.time() == 1005.0


async def test_sleeper_wakes_by_hand() -> None:
    clock = SandboxClock(ManualClock(0.0), date(2027, 1, 5), running=False)
    sleeper = asyncio.create_task(clock.sleep(60))
    await turn()
    clock.advance(59)
    await turn()
    assert not sleeper.done()
    clock.advance(1)
    await sleeper


@pytest.mark.parametrize("how", ["running", "set"])
async def test_sleeper_of_a_running_clock_wakes(how: str) -> None:
    machine = ManualClock(0.0)
    clock = SandboxClock(machine, date(2027, 1, 5))
    sleeper = asyncio.create_task(clock.sleep(60))
    await turn()
    if how == "running":
        machine.advance(60)
    else:
        clock.set(date(2027, 2, 1))
    await sleeper
