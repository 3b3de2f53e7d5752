"""One target's reports: gathered, spaced, tried again until they arrive.

Leaves to others: what stands (hub), the form (targets).
Invariants: memory is bounded; of one alarm only the last change waits; what could not be delivered waits until it can;
a report begins no sooner than `interval` after the one before.
"""

from __future__ import annotations

import asyncio
import contextlib

from mailferry.alarms.api import Alarm
from mailferry.alarms.report import Change, Name, Notice, Report, ordered
from mailferry.alarms.settings import TargetSettings
from mailferry.alarms.target import Target, TargetError
from mailferry.clock import Clock
from mailferry.obs.maillog import MailLog
from mailferry.obs.redact import clean

#: Changes that wait at most; the others are counted.
_MOST = 500
#: Seconds between attempts: the first, doubled each time, up to the last.
_FIRST, _LONGEST = 15.0, 1800.0
#: Real seconds that what waits gets when the gateway stops.
_LAST_CHANCE = 5.0


class Outbox:
    """start() once; put() any time; close() tries once more what waits."""

    def __init__(self, settings: TargetSettings, target: Target, gateway: str, clock: Clock, log: MailLog) -> None:
        self.name = settings.name
        self._settings = settings
        self._target = target
        self._gateway = gateway
        self._clock = clock
        self._log = log
        self._waiting: dict[Name, Notice] = {}
        self._more = 0
        self._told: dict[Name, float] = {}  # when this target last heard of what stands
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._sent = float("-inf")
        self.trouble = ""

    def wants(self, alarm: Alarm) -> bool:
        chosen = self._settings
        return alarm.severity.rank >= chosen.severity.rank and (not chosen.events or alarm.code in chosen.events)

    def put(self, notice: Notice) -> None:
        """Tell of it with the next report. An alarm that went before anybody heard of it is told as over."""
        if not self.wants(notice.alarm):
            return
        if notice.change is Change.RESOLVED:
            self._told.pop(notice.name, None)
            if not self._settings.resolved:
                return
        else:
            self._told[notice.name] = notice.at
        if notice.name not in self._waiting and len(self._waiting) >= _MOST:
            self._more += 1
            return
        before = self._waiting.get(notice.name)
        if before is not None and before.change is Change.RAISED and notice.change is Change.REPEATED:
            notice = Notice(Change.RAISED, notice.alarm, notice.since, notice.at)
        self._waiting[notice.name] = notice
        self._wake.set()

    def recall(self, notice: Notice) -> None:
        """It stood before this run: the reminder comes in its time."""
        if self.wants(notice.alarm):
            self._told[notice.name] = self._clock.time()

    def remind(self, alarm: Alarm, since: float) -> None:
        """Say again what stands, when it was said long enough ago."""
        now, name = self._clock.time(), (alarm.code, alarm.key)
        repeat = self._settings.repeat
        if repeat and self.wants(alarm) and not 0 <= now - self._told.get(name, now) < repeat:
            self.put(Notice(Change.REPEATED, alarm, since, now))

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"alarms {self.name}")

    async def close(self) -> None:
        """Stop; what waits gets one chance of a few seconds."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        if self._waiting and not self.trouble:
            with contextlib.suppress(Exception):  # the gateway stops, whatever a target has to say
                async with asyncio.timeout(_LAST_CHANCE):
                    await self._target.send(self._report())

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            # A clock that was set back must not hold a report until its old time comes again.
            due = min(max(0.0, self._sent + self._settings.interval - self._clock.time()), self._settings.interval)
            await self._clock.sleep(max(self._settings.gather, due))
            await self._deliver()

    async def _deliver(self) -> None:
        """Try until it arrives; what comes meanwhile goes with it."""
        failures = 0
        while True:
            report, self._more = self._report(), 0
            self._waiting.clear()
            self._wake.clear()
            try:
                await self._target.send(report)
            except asyncio.CancelledError:
                self._take_back(report)  # the gateway stops: better twice than not at all
                raise
            except TargetError as error:
                problem, asked = error.cause, error.retry_after
            except Exception as error:  # a target of ours that is broken must not end the others' alarms
                problem, asked = type(error).__name__, 0.0
            else:
                self._arrived()
                return
            self._take_back(report)
            self._failed(problem, failures)
            pause = min(_FIRST * 2.0 ** min(failures, 20), _LONGEST)
            failures += 1
            await self._clock.sleep(max(pause, min(asked, _LONGEST)))

    def _report(self) -> Report:
        return Report(self._gateway, self._clock.time(), ordered(tuple(self._waiting.values())), self._more)

    def _take_back(self, report: Report) -> None:
        """What did not arrive waits again, unless there is news of it; of too many, the worst."""
        old = {each.name: each for each in report.notices}
        kept = ordered(tuple({**old, **self._waiting}.values()))
        self._more += report.more + len(kept[_MOST:])
        self._waiting = {each.name: each for each in kept[:_MOST]}
        self._wake.set()

    def _arrived(self) -> None:
        self._sent = self._clock.time()
        self._log.metrics.alarm_reports.labels(self.name, "sent").inc()
        if self.trouble:
            self._log.note("alarm target works again", target=self.name)
            self.trouble = ""

    def _failed(self, cause: str, failures: int) -> None:
        cause = clean(cause)
        self._log.metrics.alarm_reports.labels(self.name, "failed").inc()
        if not failures or cause not in self.trouble:
            self._log.trouble("alarm not delivered", target=self.name, cause=cause)
        self.trouble = f"alarm target {self.name}: {cause}"
