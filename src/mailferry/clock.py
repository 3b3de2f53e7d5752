"""Time as an object that is handed in, so that a test or a rehearsal can stand at any date.

Leaves to others: formatting dates (callers) and timers of the event loop that guard sockets (listener, routes).
Invariant: nothing in the mail path reads the wall clock by itself; it asks the Clock it was given.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the mail path may ask of time."""

    def time(self) -> float:
        """Seconds since the Unix epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only ever pass, whatever is done to the clock; good for spans, within one process."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of this clock have passed."""
        ...


class SystemClock:
    """The machine's clock."""

    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class ManualClock:
    """A clock that stands still until it is moved; sleepers wake in the order of their time."""

    def __init__(self, start: float | datetime = 1_800_000_000.0) -> None:
        self._now = start.timestamp() if isinstance(start, datetime) else float(start)
        self._passed = self._now
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def time(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._passed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), waiter))
        await waiter

    def set(self, now: float | datetime) -> None:
        """Jump to `now` (backwards too) and wake whoever is due there. Forwards, that time has passed."""
        before, self._now = self._now, now.timestamp() if isinstance(now, datetime) else float(now)
        self._passed += max(0.0, self._now - before)
        while self._sleepers and self._sleepers[0][0] <= self._now:
            waiter = heapq.heappop(self._sleepers)[2]
            if not waiter.done():
                waiter.set_result(None)

    def advance(self, seconds: float) -> None:
        self.set(self._now + seconds)

    def step(self, seconds: float) -> None:
        """Somebody sets the machine's clock: it shows another time, but none has passed for whoever sleeps."""
        self._now += seconds
        self._sleepers = [(at + seconds, order, waiter) for at, order, waiter in self._sleepers]


def utc(seconds: float) -> datetime:
    """The aware UTC datetime of `seconds` since the epoch."""
    return datetime.fromtimestamp(seconds, UTC)
