"""One timer for all connections."""

from __future__ import annotations

import asyncio

import pytest

from mailferry.listener.wheel import Wheel


class Entry:
    def __init__(self, *answers: float) -> None:
        self.slot = 0
        self.answers = list(answers)
        self.looked = 0

    def look(self) -> float:
        self.looked += 1
        return self.answers.pop(0) if self.answers else 0.0


def turn(wheel: Wheel, times: int) -> None:
    for _ in range(times):
        wheel.turn()


def test_an_entry_is_looked_at_when_it_is_due() -> None:
    """Never early, and one turn late at most."""
    wheel, entry = Wheel(), Entry(5.0)
    wheel.add(entry, 3.0)
    turn(wheel, 3)
    assert entry.looked == 0
    turn(wheel, 1)
    assert entry.looked == 1
    turn(wheel, 6)
    assert entry.looked == 2
    turn(wheel, 50)
    assert entry.looked == 2


def test_a_removed_entry_is_forgotten() -> None:
    """And removing twice, or what was never there, is nothing."""
    wheel, entry = Wheel(), Entry(5.0)
    wheel.add(entry, 3.0)
    wheel.remove(entry)
    wheel.remove(entry)
    wheel.remove(Entry())
    turn(wheel, 10)
    assert entry.looked == 0


def test_removing_during_a_turn() -> None:
    """One connection's timeout may end another's."""
    wheel = Wheel()
    other = Entry()

    class Removing(Entry):
        def look(self) -> float:
            wheel.remove(other)
            return 0.0

    wheel.add(Removing(), 1.0)
    wheel.add(other, 1.0)
    turn(wheel, 5)


async def test_it_turns_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Started once, stopped for good."""
    monkeypatch.setattr("mailferry.listener.wheel._SECONDS", 0.001)
    wheel, looked = Wheel(), asyncio.Event()

    class Telling(Entry):
        def look(self) -> float:
            looked.set()
            return 0.0

    wheel.add(Telling(), 0.0)
    wheel.start()
    wheel.start()
    await asyncio.wait_for(looked.wait(), 20)
    wheel.stop()
    wheel.stop()
