"""Standing alarms: each raised once, stored and logged, and cleared once, across restarts.

Leaves to others: what is worth an alarm (breaker, monitor, recorder).
Invariant: nothing waits for the store; what could not be stored has at least been logged, and is stored later.
"""

from __future__ import annotations

from asyncio import Future

from mailferry.clock import Clock
from mailferry.obs.maillog import MailLog
from mailferry.spool.api import Alarm, Spool


class Alarms:
    """The alarms of delivery. `standing` holds every alarm that was there at start or was raised since, with its text
    by its key."""

    def __init__(self, spool: Spool, clock: Clock, log: MailLog) -> None:
        self._spool = spool
        self._clock = clock
        self._log = log
        self._unstored: dict[str, Alarm | None] = {}  # by key, None: cleared; until the store has confirmed it
        self.standing: dict[str, str] = {}

    async def load(self) -> None:
        """Learn what stands from an earlier run."""
        self.standing.update({alarm.key: alarm.text for alarm in await self._spool.alarms()})

    def sound(self, key: str, text: str, cure: str) -> None:
        """Raise the alarm; where it stands, it takes the new text, so that nobody works on a cause of yesterday."""
        before = self.standing.get(key)
        if before == text:
            return
        self.standing[key] = text
        if before is None:
            self._log.alarm(key, text, cure)
        self._store(key, Alarm(key, self._clock.time(), text, cure))

    def clear(self, key: str) -> None:
        """Clear it if it stands; cheap otherwise."""
        if self.standing.pop(key, None) is None:
            return
        self._log.alarm_cleared(key)
        self._store(key, None)

    def again(self) -> None:
        """Store what the store has not taken yet: a disk that was full is when alarms are raised."""
        for key, alarm in list(self._unstored.items()):
            self._store(key, alarm)

    def _store(self, key: str, alarm: Alarm | None) -> None:
        self._unstored[key] = alarm

        def done(future: Future[bool]) -> None:
            if future.cancelled():
                return
            if (error := future.exception()) is not None:
                self._log.trouble("alarm not stored", key=key, cause=str(error))
            elif key in self._unstored and self._unstored[key] is alarm:
                del self._unstored[key]

        stored = self._spool.clear_alarm(key) if alarm is None else self._spool.raise_alarm(alarm)
        stored.add_done_callback(done)
