"""What must be done from time to time: gauges, old history, certificates that end.

Leaves to others: alarms about mail (delivery.monitor) and about credentials (tokens.broker).
Invariant: one failing chore never stops the others, nor the next round.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from mailferry.clock import Clock
from mailferry.listener.tls import Contexts
from mailferry.obs.maillog import MailLog
from mailferry.spool.api import Spool

#: Seconds between two looks at the gauges, and between two rounds of the slow chores.
_GAUGES = 15.0
_SLOW = 3600.0
_DAY = 86400.0
_WARN_DAYS = 30.0


class Housekeeping:
    """start() once; stop() ends it between two chores."""

    def __init__(
        self, spool: Spool, directory: Path, keep_history: float, contexts: Contexts, clock: Clock, log: MailLog
    ) -> None:
        self._spool = spool
        self._directory = directory
        self._keep = keep_history
        self._contexts = contexts
        self._clock = clock
        self._log = log
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        for chore, every in ((self._gauges, _GAUGES), (self._purge, _SLOW), (self._certificates, _DAY)):
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

    async def _purge(self) -> None:
        removed = await self._spool.purge(self._clock.time() - self._keep)
        if removed:
            self._log.note("history purged", messages=removed)

    async def _certificates(self) -> None:
        for listener, when in self._contexts.expiries().items():
            days = (when - self._clock.time()) / _DAY
            if days <= _WARN_DAYS:
                self._log.expiry_warning(f"certificate of listener {listener}", days)
