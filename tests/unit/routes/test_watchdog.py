"""One timer for many deadlines."""

from __future__ import annotations

import asyncio
from math import inf

from mailferry.routes.watchdog import Watchdog


class One:
    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.calls = 0
        self.called = asyncio.Event()

    def expired(self) -> None:
        self.calls += 1
        self.deadline = inf
        self.called.set()


async def test_what_is_due_is_told_and_nothing_else():
    now = asyncio.get_running_loop().time()
    due, later, never = One(now), One(now + 1000), One(inf)
    dog = Watchdog(0.005)
    for one in (due, later, never):
        dog.add(one)
    await due.called.wait()
    assert (due.calls, later.calls, never.calls) == (1, 0, 0)
    due.called.clear()
    due.deadline = 0.0
    await due.called.wait()
    assert due.calls == 2
    for one in (due, later, never):
        dog.discard(one)


async def test_no_timer_runs_while_nothing_is_watched():
    loop = asyncio.get_running_loop()
    before = len(getattr(loop, "_scheduled", ()))
    dog, one = Watchdog(1000.0), One(0.0)
    dog.add(one)
    dog.discard(one)
    dog.discard(one)
    timers = [timer for timer in getattr(loop, "_scheduled", ()) if not timer.cancelled()]
    assert len(timers) <= before
