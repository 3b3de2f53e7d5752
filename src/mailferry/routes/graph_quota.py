"""The requests of one application to one mailbox, kept to what Microsoft Graph takes of them: so many at once, in ten
minutes, and octets sent up in five.

Leaves to others: making the requests (graph_talk), the figures (m365.limits), messages and recipients (delivery's
budgets). Invariants: whatever is asked of a mailbox counts, sending, looking up and reading reports alike, and a
request that was refused or lost as well; a turn that would be long in coming is said at once, in place of a refusal.
Source: Learn, "Microsoft Graph service-specific throttling limits", Outlook service: "limits per mailbox", for "each
app ID and mailbox combination - that is, a specific app accessing a specific user or group mailbox".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from mailferry.clock import Clock, SystemClock
from mailferry.m365.limits import GraphLimits, graph
from mailferry.routes.window import Window

_TEN_MINUTES, _FIVE_MINUTES = 600.0, 300.0
#: Ends within so many seconds share an entry of a window.
_GRAIN = 1.0
#: Seconds for which a request waits for room; what needs longer is given back to the queue.
_PATIENCE = 30.0
#: Mailboxes whose counts are kept; beyond these, those without any go.
_KEPT = 1000


class Full(Exception):
    """There is no room for `wait` seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"no room for {wait:.0f} s")
        self.wait = wait


class Quota:
    """One application and one mailbox."""

    __slots__ = ("_clock", "_octets", "_requests", "_slots")

    def __init__(self, clock: Clock, limits: GraphLimits) -> None:
        self._clock = clock
        self._slots = asyncio.Semaphore(limits.concurrent_requests.value)
        self._requests = Window(limits.requests_per_10_minutes.value, _TEN_MINUTES, _GRAIN)
        self._octets = Window(limits.upload_per_5_minutes.value, _FIVE_MINUTES, _GRAIN)

    @asynccontextmanager
    async def turn(self, octets: int) -> AsyncIterator[None]:
        """Enter for one request that sends up `octets`, leave when it was answered. Raises Full."""
        octets = min(octets, self._octets.limit)
        async with self._slots:
            await self._room(octets)
            self._requests.flying += 1
            self._octets.flying += octets
            try:
                yield
            finally:
                now = self._clock.time()
                self._requests.flying -= 1
                self._octets.flying -= octets
                self._requests.add(now, 1)
                self._octets.add(now, octets)

    def expect(self, requests: int) -> None:
        """So many will come, one after another, and are of no use one without the others. Raises Full."""
        wait = self._wait(min(requests, self._requests.limit), 0)
        if wait > 0:
            raise Full(wait)

    @property
    def idle(self) -> bool:
        now = self._clock.time()
        return not self._slots.locked() and all(
            window.flying == 0 and window.free(now) >= window.limit for window in (self._requests, self._octets)
        )

    async def _room(self, octets: int) -> None:
        waited = 0.0
        while (wait := self._wait(1, octets)) > 0:
            if waited + wait > _PATIENCE:
                raise Full(wait)
            await self._clock.sleep(wait)
            waited += wait

    def _wait(self, requests: int, octets: int) -> float:
        now = self._clock.time()
        at = max(self._requests.when(now, requests), self._octets.when(now, octets))
        return at - now if at != float("inf") else _GRAIN  # another request has to end first


class Quotas:
    """Of every mailbox. `apps`: credential -> its application, where several credentials are one application's."""

    def __init__(
        self, clock: Clock | None = None, apps: Mapping[str, str] | None = None, limits: GraphLimits | None = None
    ) -> None:
        self._clock = clock or SystemClock()
        self._apps = dict(apps or {})
        self._limits = limits or graph()
        self._quotas: dict[tuple[str, str], Quota] = {}

    def of(self, credential: str, mailbox: str) -> Quota:
        key = (self._apps.get(credential, credential), mailbox.lower())
        quota = self._quotas.get(key)
        if quota is None:
            if len(self._quotas) >= _KEPT:
                self._quotas = {each: kept for each, kept in self._quotas.items() if not kept.idle}
            quota = self._quotas[key] = Quota(self._clock, self._limits)
        return quota
