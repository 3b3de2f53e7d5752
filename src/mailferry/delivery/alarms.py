"""Standing alarms: each raised once, stored, logged and told, and cleared once, across restarts.

Leaves to others: what is worth an alarm (breaker, monitor, recorder), who is told by what (the teller handed in).
Invariant: nothing waits for the store; what could not be stored has at least been logged, and is stored later.
"""

from __future__ import annotations

from asyncio import Future
from typing import Protocol

from mailferry.alarms import api
from mailferry.alarms.api import AlarmSink, Code, Severity
from mailferry.clock import Clock
from mailferry.m365.facts import Text
from mailferry.obs.maillog import MailLog
from mailferry.spool.api import Alarm, Spool

#: How bad an alarm is by its kind, the part of its key before the colon.
_SEVERITIES = {"lane": Severity.CRITICAL, "spool": Severity.CRITICAL}


class Teller(AlarmSink, Protocol):
    """Whoever tells people of alarms, and can be told what they know already."""

    def recall(self, alarm: api.Alarm, since: float) -> None:
        """It stood before this run."""
        ...


class Alarms:
    """The alarms of delivery. `standing` holds every alarm that was there at start or was raised since, with its text
    by its key."""

    def __init__(self, spool: Spool, clock: Clock, log: MailLog, teller: Teller | None = None) -> None:
        self._spool = spool
        self._clock = clock
        self._log = log
        self._teller = teller
        self._unstored: dict[str, Alarm | None] = {}  # by key, None: cleared; until the store has confirmed it
        self.standing: dict[str, str] = {}
        self.since: dict[str, float] = {}  # of those that stood at start

    async def load(self) -> None:
        """Learn what stands from an earlier run."""
        for alarm in await self._spool.alarms():
            self.standing[alarm.key] = alarm.text
            self.since[alarm.key] = alarm.since
            if self._teller is not None:  # the store keeps the English text; the next time it is met brings the other
                self._teller.recall(stored(alarm), alarm.since)

    def sound(self, key: str, text: Text, cure: Text) -> None:
        """Raise the alarm; where it stands, it takes the new text, so that nobody works on a cause of yesterday."""
        if self._teller is not None:
            self._teller.raise_(_told(key, text, cure))
        before = self.standing.get(key)
        if before == text.en:
            return
        self.standing[key] = text.en
        if before is None:
            self._log.alarm(key, text.en, cure.en)
        self._store(key, Alarm(key, self._clock.time(), text.en, cure.en))

    def clear(self, key: str) -> None:
        """Clear it if it stands; cheap otherwise."""
        if self.standing.pop(key, None) is None:
            return
        self.since.pop(key, None)
        self._log.alarm_cleared(key)
        if self._teller is not None:
            self._teller.resolve(*_name(key))
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


def stored(alarm: Alarm) -> api.Alarm:
    """An alarm of the store as people are told it."""
    return _told(alarm.key, Text(alarm.text, alarm.text), Text(alarm.cure, alarm.cure))


def _name(key: str) -> tuple[Code, str]:
    """The kind and name of "lane:exo/scan@example.com"."""
    kind, _, name = key.partition(":")
    try:
        return Code(kind), name
    except ValueError:  # of a version that knew more kinds
        return Code.QUEUE, key


def _told(key: str, text: Text, cure: Text) -> api.Alarm:
    code, name = _name(key)
    return api.Alarm(code, name, _SEVERITIES.get(code.value, Severity.ERROR), text, cure)
