"""How often the state of operations may be asked for in one Azure subscription, by all its routes together.

Leaves to others: asking (acs_rest), the figures (m365.limits). Invariant: a look waits for its turn; the service is
never asked more often than is published, so that what it refuses is its own trouble.
Source: Learn, "Service limits for Azure Communication Services", email: twice as many looks as messages, with a domain
of one's own and with an Azure-managed one alike. A subscription whose limit was raised is taken to look twice as well.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mailferry.clock import Clock
from mailferry.m365.limits import azure_communication, azure_communication_rest
from mailferry.routes.api import Limits
from mailferry.routes.window import Window

_MINUTE, _HOUR = 60.0, 3600.0
#: Seconds until the windows are looked at again while nobody knows when there is room.
_LONGEST = 5.0


class Polls:
    """`limits` of what may be sent."""

    __slots__ = ("_clock", "_hour", "_minute")

    def __init__(self, clock: Clock, limits: Limits) -> None:
        send, status = azure_communication(), azure_communication_rest()
        self._clock = clock
        minute = limits.messages_per_minute * status.status_per_minute.value // send.messages_per_minute.value
        hour = limits.messages_per_hour * status.status_per_hour.value // send.messages_per_hour.value
        self._minute = Window(minute, _MINUTE, 0.0)
        self._hour = Window(hour, _HOUR, 1.0)

    @asynccontextmanager
    async def turn(self, until: float) -> AsyncIterator[bool]:
        """Enter for one look when its turn has come, with True, or at once with False where that is after `until`: then
        nothing may be asked. Leave when it was answered."""
        granted = await self._wait(until)
        if not granted:
            yield False
            return
        windows = (self._minute, self._hour)
        for window in windows:
            window.flying += 1
        try:
            yield True
        finally:
            now = self._clock.time()
            for window in windows:
                window.flying -= 1
                window.add(now, 1)

    async def _wait(self, until: float) -> bool:
        while (at := max(self._minute.when(now := self._clock.time(), 1), self._hour.when(now, 1))) > now:
            if at == float("inf"):  # the end of another look decides
                at = now + _LONGEST
            if at > until:
                return False
            await self._clock.sleep(at - now)
        return True
