"""The sandbox's clock: it stands where it is set and is advanced by hand, or runs from a set date.

Leaves to others: guarding sockets (the event loop's own timers). Invariant: a sleeper wakes when this clock reaches
its time, whether by running, by being advanced or by being set.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time

from mailferry.clock import Clock, utc


def instant(at: datetime | date) -> float:
    """Seconds since the epoch; a bare date means its start in UTC, a naive time is taken as UTC."""
    if not isinstance(at, datetime):
        at = datetime.combine(at, time(), UTC)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


class SandboxClock:
    """A Clock that can be moved."""

    def __init__(self, base: Clock, at: datetime | date | None = None, running: bool = True) -> None:
        self._base = base
        self._running = running
        self._now = base.time() if at is None else instant(at)
        self._since = base.time()
        self._moved = asyncio.Event()

    @property
    def running(self) -> bool:
        return self._running

    def time(self) -> float:
        return self._now + (self._base.time() - self._since if self._running else 0.0)

    def monotonic(self) -> float:
        return self._base.monotonic()

    def now(self) -> datetime:
        return utc(self.time())

    def set(self, at: datetime | date | float, running: bool | None = None) -> None:
        """Stand at `at`, backwards too; `running` changes whether it runs from there."""
        self._now = float(at) if isinstance(at, int | float) else instant(at)
        self._since = self._base.time()
        if running is not None:
            self._running = running
        self._wake()

    def advance(self, seconds: float) -> None:
        self.set(self.time() + seconds)

    async def sleep(self, seconds: float) -> None:
        until = self.time() + seconds
        while (left := until - self.time()) > 0:
            moved = self._moved
            if not self._running:
                await moved.wait()
                continue
            passed = asyncio.ensure_future(self._base.sleep(left))
            change = asyncio.ensure_future(moved.wait())
            try:
                await asyncio.wait({passed, change}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                passed.cancel()
                change.cancel()

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()
