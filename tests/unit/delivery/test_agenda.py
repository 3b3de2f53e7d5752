"""One timer for many names."""

from __future__ import annotations

import asyncio

from mailferry.clock import ManualClock
from mailferry.delivery.agenda import Agenda


class Bell:
    """Notes what was due at each ring."""

    def __init__(self) -> None:
        self.clock = ManualClock(0.0)
        self.rings: list[tuple[float, list[str]]] = []
        self.agenda = Agenda(self.clock, self._ring)

    def _ring(self) -> None:
        found = self.agenda.due(self.clock.time())
        if found:
            self.rings.append((self.clock.time(), found))
        self.agenda.arm()

    async def to(self, time: float) -> None:
        await asyncio.sleep(0)
        self.clock.set(time)
        for _ in range(5):
            await asyncio.sleep(0)


async def test_names_ring_in_their_order() -> None:
    bell = Bell()
    bell.agenda.at(20, "b")
    bell.agenda.at(10, "a")
    await bell.to(10)
    await bell.to(20)
    assert bell.rings == [(10, ["a"]), (20, ["b"])]
    bell.agenda.close()


async def test_the_earliest_wish_wins() -> None:
    bell = Bell()
    bell.agenda.at(20, "a")
    bell.agenda.at(10, "a")
    bell.agenda.at(15, "a")
    await bell.to(10)
    await bell.to(30)
    assert bell.rings == [(10, ["a"])]
    bell.agenda.close()


async def test_infinity_asks_for_nothing() -> None:
    bell = Bell()
    bell.agenda.at(float("inf"), "a")
    await bell.to(1e9)
    assert bell.rings == []


async def test_the_wall_clock_is_looked_at_every_minute() -> None:
    """A timer sleeps by the monotonic clock, so a wall clock that was set must be noticed."""
    bell = Bell()
    bell.agenda.at(4000, "a")
    await asyncio.sleep(0)
    assert [at for at, _, waiter in bell.clock._sleepers if not waiter.done()] == [60.0]
    bell.agenda.close()


async def test_a_closed_agenda_is_silent() -> None:
    bell = Bell()
    bell.agenda.at(10, "a")
    bell.agenda.close()
    await bell.to(100)
    assert bell.rings == []
