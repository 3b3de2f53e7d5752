"""The moving parts of the store and their life: lock, database, threads, sweep.

Leaves to others: what they are asked (store). Invariant: everything that can block runs in a thread of its own; what
`start` took is given back by `stop`, and by a `start` that failed.
"""

from __future__ import annotations

import asyncio
import sqlite3
from asyncio import Future
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from mailferry.clock import Clock
from mailferry.spool.api import Lease, SpoolError, SpoolFailed
from mailferry.spool.checkpoints import Checkpoint
from mailferry.spool.lock import ServeLock
from mailferry.spool.settings import SpoolSettings
from mailferry.spool.space import SpaceGate, probe
from mailferry.spool.sqlite.actions import interrupt, lost_bodies
from mailferry.spool.sqlite.bodies import BodyFiles, FileOperations
from mailferry.spool.sqlite.cache import HotCache
from mailferry.spool.sqlite.database import Connect, prepare, translate
from mailferry.spool.sqlite.journal import Journal
from mailferry.spool.sqlite.operations import Chore, Operation, Take
from mailferry.spool.sqlite.reader import Reader
from mailferry.spool.sqlite.rows import micros
from mailferry.spool.sqlite.transaction import Transactions
from mailferry.spool.sqlite.writer import Writer

T = TypeVar("T")
#: About how many octets a transaction adds to the log whatever it does: pages of every table and index it touches.
_BATCH_WEIGHT = 40_000
#: Takes the claims, their leases by lease number, and what went wrong.
Leased = Callable[[Sequence[Take], dict[int, list[Lease]], SpoolError | None], None]


class Engine:
    """Built by `start` in a worker thread; after that the loop uses `submit`, `read`, `cache`, `files` and `gate`."""

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        settings: SpoolSettings,
        *,
        serve: bool,
        loop: asyncio.AbstractEventLoop,
        answer: Callable[[Sequence[Operation]], None],
        checkpoint: Checkpoint,
        operations: FileOperations,
        connect: Connect,
    ) -> None:
        self.path = directory / "spool.db"
        self._directory = directory
        self._clock = clock
        self._settings = settings
        self._serve = serve
        self._loop = loop
        self._answer = answer
        self._checkpoint = checkpoint
        self._connect = connect
        self._undo = ExitStack()
        self._version = 0
        self.highest = 0  # number of a message or lease that was there before
        self.gate = SpaceGate(directory, clock, settings.min_free, settings.min_inodes)
        self.cache = HotCache(settings.cache)
        self._readers = ThreadPoolExecutor(1, "spool-reader")
        pool = ThreadPoolExecutor(settings.file_threads, "spool-file")
        self.files = BodyFiles(directory / "bodies", operations, pool, checkpoint)
        self.reader: Reader
        self.writer: Writer
        self.journal: Journal

    def start(self) -> None:
        """Blocks. Raises SpoolBusy or SpoolFailed, and then nothing stays open."""
        with ExitStack() as undo:
            try:
                self._start(undo)
            except (OSError, sqlite3.Error) as error:
                raise SpoolFailed(str(translate(error, self.path))) from error
            self._undo = undo.pop_all()

    def _start(self, undo: ExitStack) -> None:
        if not self._serve and not self.path.exists():
            # Made by whoever looks in first, the store would belong to the wrong user.
            raise SpoolFailed(f"there is no spool in {self._directory} yet: the gateway makes it at its first start")
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._serve:
            lock = ServeLock(self._directory)
            lock.acquire()
            undo.callback(lock.release)
            self._directory.chmod(0o700)
            probe(self._directory)
            self.files.prepare()
        prepare(self.path, self._connect)
        self.reader = Reader(self._connect(self.path), self.files, self.cache)
        undo.callback(self.reader.close)
        undo.callback(self._readers.shutdown)
        writing = self._connect(self.path)
        writing.execute(f"PRAGMA journal_size_limit = {self._settings.journal}")
        if self._serve:
            try:
                self._recover(writing)
            except BaseException:
                writing.close()
                raise
        self._look(writing)
        transactions = Transactions(writing, self.path, self._clock, self._checkpoint)
        self.writer = Writer(writing, transactions, self._written, self._settings.batch)
        self.writer.start()
        undo.callback(self.writer.stop)
        self.journal = Journal(self._connect(self.path), self._settings.journal * 3 // 4, self.chore)
        self.journal.start()
        undo.callback(self.journal.stop)
        undo.callback(self.files.pool.shutdown)

    def _recover(self, connection: sqlite3.Connection) -> None:
        """What a killed gateway left: leases, orphans, messages whose file is gone."""
        now = self._clock.time()
        self.highest = self.reader.highest()
        connection.execute("BEGIN IMMEDIATE")
        interrupt(connection, None, micros(now))
        lost = self.files.sweep(self.reader.open_files(), self.reader.newest(), now - self._settings.keep_history)
        lost_bodies(connection, lost, now)
        connection.execute("COMMIT")

    def stop(self) -> None:
        """Blocks until what was submitted is durable."""
        self._undo.close()

    def read(self, function: Callable[..., T], *arguments: object) -> Future[T]:
        """Run in the reader's thread; on the loop."""
        try:
            return self._loop.run_in_executor(self._readers, self._reading, function, arguments)
        except RuntimeError:  # the threads are gone
            future: Future[T] = self._loop.create_future()
            future.set_exception(SpoolFailed("the spool is closed"))
            return future

    def _reading(self, function: Callable[..., T], arguments: tuple[object, ...]) -> T:
        try:
            return function(*arguments)
        except (OSError, sqlite3.Error) as error:
            raise translate(error, self.path) from error

    def fetch(self, takes: Sequence[Take], done: Leased) -> None:
        """Read what claims got and call `done` with it on the loop; from the writer's thread."""
        self._readers.submit(self._fetch, takes, done)

    def _fetch(self, takes: Sequence[Take], done: Leased) -> None:
        found: dict[int, list[Lease]] = {}
        failed: SpoolError | None = None
        try:
            found = self.reader.leases(takes)
        except Exception as error:  # the claim must be answered, whatever it is
            failed = translate(error, self.path)
        self._loop.call_soon_threadsafe(done, takes, found, failed)

    def remove_finished(self, message: int) -> None:
        """Remove the file of a message once the database says that it is finished; on the loop."""
        self._readers.submit(self._remove_finished, message)

    def _remove_finished(self, message: int) -> None:
        try:
            self.files.remove(self.reader.finished_files(message))
        except (RuntimeError, sqlite3.Error):  # closing, or unreadable now: the sweep at the next start takes it
            return

    def chore(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Something for the writer's connection, between two batches."""
        self.writer.submit(Chore(work))

    def look(self, changed: Callable[[], None]) -> None:
        """Call `changed` on the loop if another process changed the database since the last look."""

        def work(connection: sqlite3.Connection) -> None:
            if self._look(connection):
                self._loop.call_soon_threadsafe(changed)

        self.chore(work)

    def _look(self, connection: sqlite3.Connection) -> bool:
        # Own commits do not count: data_version tells what other connections did, and only the writer's writes.
        version = connection.execute("PRAGMA data_version").fetchone()[0]
        free = connection.execute("PRAGMA freelist_count").fetchone()[0]
        self.gate.reusable = free * connection.execute("PRAGMA page_size").fetchone()[0]
        self._version, before = version, self._version
        return bool(before != version)

    def _written(self, batch: Sequence[Operation]) -> None:
        self.journal.written(_BATCH_WEIGHT + sum(each.weight for each in batch))
        self._answer(batch)
