"""The sink that every room is handed: knows what stands, and tells each target of what changes.

Leaves to others: delivery to a target (outbox), keeping alarms over a restart (delivery.alarms).
Invariant: a call does nothing but memory work, and nobody is told twice that the same alarm was raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from mailferry.alarms.api import Alarm, Code
from mailferry.alarms.outbox import Outbox
from mailferry.alarms.report import Change, Name, Notice
from mailferry.clock import Clock
from mailferry.obs.maillog import MailLog

#: Seconds between two looks for what must be said again.
_OFTEN = 60.0
#: Alarms that are remembered at most: a fault of every sender of a large site is one report with a number.
_MOST = 5000


@dataclass(frozen=True, slots=True)
class _Standing:
    alarm: Alarm
    since: float


class Hub:
    """The AlarmSink of a gateway. start() once; close() at the end."""

    def __init__(self, outboxes: Sequence[Outbox], clock: Clock, log: MailLog) -> None:
        self._outboxes = tuple(outboxes)
        self._clock = clock
        self._log = log
        self._standing: dict[Name, _Standing] = {}
        self._reminder: asyncio.Task[None] | None = None

    def raise_(self, alarm: Alarm) -> None:
        """It stands; told when it is new or became worse, else at the next reminder."""
        name = (alarm.code, alarm.key)
        before = self._standing.get(name)
        if before is None and len(self._standing) >= _MOST:
            return
        now = self._clock.time()
        self._standing[name] = standing = _Standing(alarm, now if before is None else before.since)
        if before is None or alarm.severity.rank > before.alarm.severity.rank:
            self._tell(Notice(Change.RAISED, alarm, standing.since, now))

    def resolve(self, code: Code, key: str) -> None:
        """It no longer stands."""
        standing = self._standing.pop((code, key), None)
        if standing is not None:
            self._tell(Notice(Change.RESOLVED, standing.alarm, standing.since, self._clock.time()))

    def recall(self, alarm: Alarm, since: float) -> None:
        """It stood before this run and was told then."""
        self._standing.setdefault((alarm.code, alarm.key), _Standing(alarm, since))
        for box in self._outboxes:
            box.recall(Notice(Change.REPEATED, alarm, since, since))

    def standing(self) -> list[tuple[Alarm, float]]:
        """Every alarm that stands, with when it was raised."""
        return [(each.alarm, each.since) for each in self._standing.values()]

    def troubles(self) -> list[str]:
        """What is wrong with targets, a line each."""
        return [box.trouble for box in self._outboxes if box.trouble]

    def start(self) -> None:
        for box in self._outboxes:
            box.start()
        if self._outboxes:
            self._reminder = asyncio.get_running_loop().create_task(self._remind(), name="alarm reminder")

    async def close(self) -> None:
        if self._reminder is not None:
            self._reminder.cancel()
            await asyncio.gather(self._reminder, return_exceptions=True)
            self._reminder = None
        await asyncio.gather(*(box.close() for box in self._outboxes))

    async def _remind(self) -> None:
        while True:
            await self._clock.sleep(_OFTEN)
            for standing in list(self._standing.values()):
                for box in self._outboxes:
                    box.remind(standing.alarm, standing.since)

    def _tell(self, notice: Notice) -> None:
        for box in self._outboxes:
            try:
                box.put(notice)
            except Exception as error:  # whoever raised the alarm has mail to carry
                self._log.trouble("alarm not queued", target=box.name, cause=type(error).__name__)
