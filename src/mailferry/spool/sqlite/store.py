"""The embedded store: one SQLite file, body files beside it, one writer with group commit.

Leaves to others: threads and recovery (engine), statements (schema.sql, queries.sql), reading SMTP and choosing times.
Invariant: a future completes only after what it answers for is durable; nothing here blocks the loop.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from mailferry.clock import Clock
from mailferry.mail.body import Body
from mailferry.mail.message import IdSource, MessageId
from mailferry.spool.api import (
    Alarm,
    Choose,
    Filter,
    LaneDue,
    Lease,
    MessageView,
    Move,
    SpoolBusy,
    SpoolError,
    SpoolFailed,
    SpoolFull,
    State,
    Use,
    UsedMinute,
)
from mailferry.spool.checkpoints import Checkpoint, no_checkpoint
from mailferry.spool.guard import check_moves, used_before
from mailferry.spool.settings import SpoolSettings
from mailferry.spool.sqlite import actions, parts
from mailferry.spool.sqlite.bodies import FileBody, FileOperations
from mailferry.spool.sqlite.database import Connect, connect
from mailferry.spool.sqlite.draft import SqliteDraft
from mailferry.spool.sqlite.engine import Engine
from mailferry.spool.sqlite.operations import Arrival, Expire, Operation, Take, Verdict
from mailferry.spool.sqlite.verbs import Verbs


class SqliteSpool(Verbs):
    """The Spool protocol. `operations` and `connect` are seams for disks that fail."""

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        ids: IdSource,
        settings: SpoolSettings,
        serve: bool = True,
        *,
        checkpoint: Checkpoint = no_checkpoint,
        operations: FileOperations | None = None,
        connect: Connect = connect,
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._serve = serve
        self._checkpoint = checkpoint
        self._operations = operations or FileOperations()
        self._connect = connect
        self._watchers: list[Callable[[Iterable[str] | None], None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop
        self._engine: Engine
        self._closed = True
        self.batches = 0  # transactions, and so syncs of the log, since the object was made

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._engine = Engine(
            self._directory,
            self._clock,
            self._settings,
            serve=self._serve,
            loop=self._loop,
            answer=self._answer,
            checkpoint=self._checkpoint,
            operations=self._operations,
            connect=self._connect,
        )
        await self._loop.run_in_executor(None, self._engine.start)
        self._ids.rise_above(self._engine.highest)
        self._closed = False
        self._timer = self._loop.call_later(self._settings.poll, self._poll)

    @property
    def strays(self) -> tuple[int, Path]:
        """Files that the start set aside, and where: of mail that an older copy of the database has forgotten, or that
        a kill cut off."""
        return self._engine.files.set_aside, self._engine.files.strays

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        await self._loop.run_in_executor(None, self._engine.stop)
        await asyncio.sleep(0)  # answers that the writer sent last

    # -- new mail ---------------------------------------------------------------------------------------------------

    def draft(self, size: int | None = None) -> SqliteDraft:
        if not self._serve:
            raise SpoolBusy("only the gateway takes mail into the spool")
        reason = self._engine.gate.reason(size or 0)
        if reason:
            raise SpoolFull(reason)
        limit = self._settings.inline_limit
        return SqliteDraft(self._ids.next(), limit, self._engine.files, self._clock, self._loop, self._submit)

    def full(self) -> str:
        return self._engine.gate.reason()

    # -- delivery ---------------------------------------------------------------------------------------------------

    def claim(
        self, lane: str, now: float, limit: int, lease: float, last: str = "", begin: int | None = None
    ) -> Future[list[Lease]]:
        future: Future[list[Lease]] = self._loop.create_future()
        if self._serve:
            begin = limit if begin is None else begin
            deadline = self._clock.monotonic() + lease
            self._submit(Take(future, lane, now, limit, self._ids.next(), now + lease, last, begin, deadline))
        else:
            future.set_exception(SpoolBusy("only the gateway leases mail"))
        return future

    def begin(self, leases: Sequence[Lease]) -> Future[bool]:
        return self._loop.create_task(self._begin(leases))

    def record(self, lease: Lease, moves: Sequence[Move], use: Use) -> Future[bool]:
        future: Future[bool] = self._loop.create_future()
        try:
            found = check_moves(lease, moves)
        except SpoolError as refused:
            future.set_exception(refused)
        else:
            self._submit(Verdict(future, lease, found, use, self._clock.time()))
        return future

    def lanes(self) -> Future[list[LaneDue]]:
        return self._loop.create_task(self._lanes())

    def used(self, lane: str, since: float) -> Future[list[UsedMinute]]:
        return self._engine.read(self._engine.reader.used, lane, since)

    def senders(self, since: float) -> Future[list[str]]:
        return self._engine.read(self._engine.reader.senders, since)

    def watch(self, changed: Callable[[Iterable[str] | None], None]) -> None:
        self._watchers.append(changed)

    def reroute(self, choose: Choose, most: int | None = None) -> Future[int]:
        read = partial(self._engine.read, self._engine.reader.reroutes)
        return self._loop.create_task(parts.reroute(read, self._task, self._clock.time, choose, most))

    # -- people -----------------------------------------------------------------------------------------------------

    def find(self, which: Filter, limit: int = 100, after: MessageId | None = None) -> Future[list[MessageView]]:
        return self._engine.read(self._engine.reader.find, which, limit, after)

    def show(self, message: MessageId) -> Future[MessageView | None]:
        return self._engine.read(self._engine.reader.show, message)

    def body(self, message: MessageId) -> Future[Body | None]:
        return self._engine.read(self._engine.reader.body, message)

    def counts(self) -> Future[dict[State, int]]:
        return self._engine.read(self._engine.reader.counts)

    def alarms(self) -> Future[list[Alarm]]:
        return self._engine.read(self._engine.reader.alarms)

    def purge(self, before: float) -> Future[int]:
        return self._loop.create_task(parts.purge(self._task, before, used_before(before, self._clock.time())))

    async def _begin(self, leases: Sequence[Lease]) -> bool:
        try:
            return await self._task(partial(actions.begin, leases=leases))
        except actions.LeaseLost:
            return False

    async def _lanes(self) -> list[LaneDue]:
        # A claim takes back what has expired, too; but where nothing else waits, there is no claim.
        if self._serve:
            with suppress(SpoolError):  # the next look tries again
                expired: Future[None] = self._loop.create_future()
                self._submit(Expire(expired, self._clock.time()))
                await expired
        return await self._engine.read(self._engine.reader.lanes)

    # -- the writer -------------------------------------------------------------------------------------------------

    def _submit(self, operation: Operation) -> None:
        """From any thread. A file that was being written when the spool closed may still get its row."""
        if self._closed and not (isinstance(operation, Arrival) and operation.data is None):
            operation.error = SpoolFailed("the spool is closed")
            self._loop.call_soon_threadsafe(operation.settle)
        else:
            self._engine.writer.submit(operation)

    def _answer(self, batch: Sequence[Operation]) -> None:
        """In the writer's thread, with a batch that is durable or failed. Claims go on to the reader."""
        self.batches += 1
        takes: list[Take] = []
        others: list[Operation] = []
        for each in batch:
            if isinstance(each, Take) and each.error is None:
                takes.append(each)
                continue
            others.append(each)
            if isinstance(each, Arrival) and each.error is None:
                self._engine.cache.put(each.message, each.data)
        if takes:
            self._engine.fetch(takes, self._leased)
        if others:
            self._loop.call_soon_threadsafe(self._settle, others)

    def _settle(self, batch: Sequence[Operation]) -> None:
        """On the loop: one call for the whole batch."""
        changed: set[str] = set()
        for each in batch:
            if each.error is None:
                changed.update(each.lanes)
                if isinstance(each, Verdict):
                    self._attempted(each)
            else:
                self._engine.gate.forget()
                if isinstance(each, Arrival) and each.data is None:
                    self._engine.files.remove([each.message.id])
            each.settle()
        if changed:
            for watcher in self._watchers:
                watcher(changed)

    def _attempted(self, verdict: Verdict) -> None:
        self._engine.cache.discard(verdict.lease.message.id)
        if isinstance(verdict.lease.body, FileBody) and not self._closed:
            self._engine.remove_finished(verdict.lease.message.id)

    def _leased(self, takes: Sequence[Take], found: dict[int, list[Lease]], error: SpoolError | None) -> None:
        """On the loop. What a caller no longer waits for, or could not be read, goes back at once, since nobody would
        attempt it."""
        if error is not None:
            self._task(
                partial(actions.unlease, leases=[each.lease for each in takes], now=self._clock.time())
            ).add_done_callback(Future.exception)  # where that fails too, the leases expire
        for each in takes:
            each.result, each.error = found.get(each.lease, []), error
            if each.future.done():
                for lease in each.result:
                    self.record(lease, (), Use(0, 0))
            each.settle()

    def _poll(self) -> None:
        self._engine.look(self._foreign)
        self._timer = self._loop.call_later(self._settings.poll, self._poll)

    def _foreign(self) -> None:
        for watcher in self._watchers:
            watcher(None)
