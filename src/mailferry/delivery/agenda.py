"""What is to be looked at again, and when: one timer for all lanes.

Leaves to others: what is done then (scheduler). Invariant: a name rings no later than the earliest time asked for it,
or MOST seconds after the clock was set forward past that time; a clock that is set back delays, and never repeats.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import Task
from collections.abc import Callable

from mailferry.clock import Clock

#: The timer runs on the machine's monotonic time, so it looks at the wall clock at least this often.
MOST = 60.0


class Agenda:
    """Names by time. `ring` is called when something may be due."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._heap: list[tuple[float, str]] = []
        self._times: dict[str, float] = {}
        self._timer: Task[None] | None = None
        self._armed = float("inf")

    def at(self, when: float, name: str) -> None:
        """Look at `name` at `when`, unless that is planned for earlier. Infinity asks for nothing."""
        if when >= self._times.get(name, float("inf")):
            return
        self._times[name] = when
        heapq.heappush(self._heap, (when, name))
        if when < self._armed:
            self.arm()

    def due(self, now: float) -> list[str]:
        """Take what is due."""
        found = []
        while self._heap and self._heap[0][0] <= now:
            when, name = heapq.heappop(self._heap)
            if self._times.get(name) == when:
                del self._times[name]
                found.append(name)
        return found

    def arm(self) -> None:
        """Set the timer for the first entry."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._armed = self._heap[0][0] if self._heap else float("inf")
        if self._heap:
            seconds = min(max(0.0, self._armed - self._clock.time()), MOST)
            self._timer = asyncio.get_running_loop().create_task(self._sleep(seconds))

    def close(self) -> None:
        self._heap.clear()
        self._times.clear()
        self.arm()

    async def _sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._timer = None
        self._armed = float("inf")
        self._ring()
