"""Results on their way into the spool: nothing waits for one, but not too many are on the way.

Leaves to others: the transaction (spool). Invariant: a result that the store could not take is stored
again later, and until then no new mail is taken, so that a full disk does not make duplicates.
"""

from __future__ import annotations

import asyncio
from asyncio import Future, Task
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mailferry.clock import Clock
from mailferry.delivery import alarm_texts
from mailferry.delivery.alarms import Alarms
from mailferry.mail.message import format_id
from mailferry.obs.maillog import MailLog
from mailferry.spool.api import Lease, Move, Spool, SpoolError, SpoolFailed, SpoolFull, Use

ALARM = "spool:record"
_AGAIN = 5.0


@dataclass(frozen=True, slots=True)
class Entry:
    lease: Lease
    moves: Sequence[Move]
    use: Use
    then: Callable[[], None] | None


class Recorder:
    """Stores results. `resumed` is called when the spool takes results again after it had refused one."""

    def __init__(
        self, spool: Spool, alarms: Alarms, clock: Clock, log: MailLog, limit: int, resumed: Callable[[], None]
    ) -> None:
        self._spool = spool
        self._alarms = alarms
        self._clock = clock
        self._log = log
        self._limit = limit
        self._resumed = resumed
        self._pending = 0
        self._failed: deque[Entry] = deque()
        self._again: Task[None] | None = None
        self._changed = asyncio.Event()

    @property
    def blocked(self) -> bool:
        """Whether a result waits to be stored again."""
        return bool(self._failed)

    def put(self, lease: Lease, moves: Sequence[Move], use: Use, then: Callable[[], None] | None = None) -> None:
        """Store what an attempt did; `then` is called once it is durable."""
        self._store(Entry(lease, moves, use, then))

    async def room(self) -> None:
        """Return at once, unless too many results wait."""
        while self._pending >= self._limit:
            self._changed.clear()
            await self._changed.wait()

    async def idle(self) -> None:
        """Return when nothing waits."""
        while self._pending or self._failed:
            self._changed.clear()
            await self._changed.wait()

    async def close(self) -> None:
        """Wait for what is on its way, and give up what the spool had refused: it stays claimed, which is safe."""
        while self._pending:
            self._changed.clear()
            await self._changed.wait()
        if self._again is not None:
            self._again.cancel()
            await asyncio.gather(self._again, return_exceptions=True)
        for entry in self._failed:
            self._log.trouble(
                "result lost, the message will count as unknown", message=format_id(entry.lease.message.id)
            )
        self._failed.clear()

    def _store(self, entry: Entry) -> None:
        self._pending += 1
        self._spool.record(entry.lease, entry.moves, entry.use).add_done_callback(
            lambda future: self._stored(entry, future)
        )

    def _stored(self, entry: Entry, future: Future[bool]) -> None:
        self._pending -= 1
        self._changed.set()
        message = format_id(entry.lease.message.id)
        error = asyncio.CancelledError() if future.cancelled() else future.exception()
        if error is not None:
            self._log.trouble("result not stored", message=message, cause=str(error) or "cancelled")
            if isinstance(error, SpoolFailed | SpoolFull):
                self._keep(entry, error)
            return
        if not self._failed:
            self._alarms.clear(ALARM)  # it may stand from an earlier run
        if not future.result():
            self._log.trouble("lease lost before its result was stored", message=message, lane=entry.lease.lane)
        if entry.then is not None:
            entry.then()

    def _keep(self, entry: Entry, error: SpoolError) -> None:
        self._alarms.sound(ALARM, alarm_texts.about(alarm_texts.RECORD, str(error)), alarm_texts.SPOOL_CURE)
        self._failed.append(entry)
        if self._again is None or self._again.done():
            self._again = asyncio.get_running_loop().create_task(self._retry())

    async def _retry(self) -> None:
        """Store the first again until it works, then the others."""
        while self._failed:
            await self._clock.sleep(_AGAIN)
            entry = self._failed[0]
            try:
                await self._spool.record(entry.lease, entry.moves, entry.use)
            except (SpoolFailed, SpoolFull):
                continue
            except SpoolError as error:
                self._log.trouble("result not stored", message=format_id(entry.lease.message.id), cause=str(error))
            self._failed.popleft()
            while self._failed:
                self._store(self._failed.popleft())
            if entry.then is not None:
                entry.then()
        self._changed.set()
        self._alarms.clear(ALARM)
        self._resumed()
