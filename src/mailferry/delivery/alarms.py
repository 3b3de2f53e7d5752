"""Standing alarms: each raised once, stored and logged, and cleared once, across restarts.

Leaves to others: what is worth an alarm (breaker, monitor, recorder).
Invariant: nothing waits for the store; an alarm that could not be stored has at least been logged.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable

from mailferry.clock import Clock
from mailferry.obs.maillog import MailLog
from mailferry.spool.api import Alarm, Spool


class Alarms:
    """The alarms of delivery. `standing` holds the keys of every alarm that was there at start or was raised since."""

    def __init__(self, spool: Spool, clock: Clock, log: MailLog) -> None:
        self._spool = spool
        self._clock = clock
        self._log = log
        self.standing: set[str] = set()

    async def load(self) -> None:
        """Learn what stands from an earlier run."""
        self.standing.update(alarm.key for alarm in await self._spool.alarms())

    def sound(self, key: str, text: str, cure: str) -> None:
        """Raise the alarm unless it stands."""
        if key in self.standing:
            return
        self.standing.add(key)
        self._log.alarm(key, text, cure)
        self._store(key, lambda: self._spool.raise_alarm(Alarm(key, self._clock.time(), text, cure)))

    def clear(self, key: str) -> None:
        """Clear it if it stands; cheap otherwise."""
        if key not in self.standing:
            return
        self.standing.discard(key)
        self._log.alarm_cleared(key)
        self._store(key, lambda: self._spool.clear_alarm(key))

    def _store(self, key: str, action: Callable[[], Future[bool]]) -> None:
        def done(future: Future[bool]) -> None:
            if not future.cancelled() and (error := future.exception()) is not None:
                self._log.trouble("alarm not stored", key=key, cause=str(error))

        action().add_done_callback(done)
