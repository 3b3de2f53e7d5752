"""What must be done from time to time: gauges, old history, certificates that end.

Leaves to others: alarms about mail (delivery.monitor) and about credentials (tokens.broker).
Invariant: one failing chore never stops the others, nor the next round.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from mailferry.alarms.api import Alarm, AlarmSink, Code, NoAlarms, Severity
from mailferry.clock import Clock, utc
from mailferry.listener.tls import Contexts
from mailferry.m365.facts import Text
from mailferry.obs.maillog import MailLog
from mailferry.spool.api import Spool

#: Seconds between two looks at the gauges, and between two rounds of the slow chores.
_GAUGES = 15.0
#: Seconds after which what an administrator did in another process is noticed at the latest.
_OFTEN = 5.0
_SLOW = 3600.0
_DAY = 86400.0
_WARN_DAYS = 30.0
_LOUD_DAYS = 7.0
_ROOM = Text(
    "Make room on the disk of the spool, or lower [spool] min_free; clients keep their mail meanwhile.",
    "スプールのディスクの空きを増やすか、[spool] min_free を下げてください。その間、メールは送信元に残ります。",
)


class Housekeeping:
    """start() once; stop() ends it between two chores."""

    def __init__(
        self,
        spool: Spool,
        directory: Path,
        keep_history: float,
        contexts: Contexts,
        clock: Clock,
        log: MailLog,
        alarms: AlarmSink | None = None,
        often: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._spool = spool
        self._directory = directory
        self._keep = keep_history
        self._contexts = contexts
        self._clock = clock
        self._log = log
        self._alarms = alarms or NoAlarms()
        self._often = often
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        chores = (
            (self._gauges, _GAUGES),
            (self._purge, _SLOW),
            (self._certificates, _DAY),
            (self._look, _OFTEN),
        )
        for chore, every in chores:
            self._tasks.append(loop.create_task(self._repeat(chore, every), name=f"housekeeping {chore.__name__}"))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _repeat(self, chore: Callable[[], Awaitable[None]], every: float) -> None:
        while True:
            try:
                await chore()
            except Exception as error:
                self._log.trouble("housekeeping failed", chore=chore.__name__.strip("_"), cause=repr(error))
            await self._clock.sleep(every)

    async def _gauges(self) -> None:
        metrics = self._log.metrics
        for state, number in (await self._spool.counts()).items():
            metrics.queue.labels(state.value).set(number)
        metrics.free_bytes.set(shutil.disk_usage(self._directory).free)
        if reason := self._spool.full():
            text = Text(f"New mail is refused: {reason}", f"新しいメールを受け付けていません: {reason}")
            self._alarms.raise_(Alarm(Code.SPACE, "spool", Severity.CRITICAL, text, _ROOM))
        else:
            self._alarms.resolve(Code.SPACE, "spool")

    async def _look(self) -> None:
        if self._often is not None:
            await self._often()

    async def _purge(self) -> None:
        removed = await self._spool.purge(self._clock.time() - self._keep)
        if removed:
            self._log.note("history purged", messages=removed)

    async def _certificates(self) -> None:
        for listener, when in self._contexts.expiries().items():
            days = (when - self._clock.time()) / _DAY
            if days <= _WARN_DAYS:
                self._log.expiry_warning(f"certificate of listener {listener}", days)
                self._alarms.raise_(_ending(listener, when, days))
            else:
                self._alarms.resolve(Code.EXPIRY, f"listener:{listener}")


def _ending(listener: str, when: float, days: float) -> Alarm:
    day = f"{utc(when):%Y-%m-%d}"
    text = Text(
        f"The certificate of listener {listener} ends on {day}; then devices that check it send no more.",
        f"リスナー {listener} の証明書の有効期限は {day} です。以後、証明書を検証する機器は送信できなくなります。",
    )
    cure = Text("Renew the certificate and send SIGHUP.", "証明書を更新し、SIGHUP を送ってください。")
    severity = Severity.ERROR if days <= _LOUD_DAYS else Severity.WARNING
    return Alarm(Code.EXPIRY, f"listener:{listener}", severity, text, cure, {"until": day})
