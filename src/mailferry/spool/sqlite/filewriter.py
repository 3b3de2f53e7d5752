"""Writing the file of one large body in the thread pool, in order, while the loop goes on.

Leaves to others: the row (writer) and the space gate (space). Invariant: at most one job per file is in the pool; the
loop learns of an error only at the end, and then no file is left.
"""

from __future__ import annotations

import asyncio
import errno
from asyncio import Future
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from mailferry.spool.sqlite.bodies import BodyFiles, Ended

#: Octets that may wait for the disk before reading from the client stops, and at which it goes on.
_HIGH, _LOW = 1 << 20, 256 << 10
#: Octets that are gathered before the pool is asked: handing a job to another thread costs more than writing 64 KiB.
_GATHER = 256 << 10


class FileWriter:
    """The file of one draft. `write`, `drain`, `finish` and `discard` belong to the loop, the rest to the pool."""

    def __init__(self, files: BodyFiles, path: Path, loop: asyncio.AbstractEventLoop) -> None:
        self.path = path
        self._files = files
        self._loop = loop
        self._lock = Lock()
        self._chunks: list[bytes] = []
        self._pending = 0
        self._running = False
        self._waiter: Future[None] | None = None
        self._then: Callable[[], None] | None = None
        self._descriptor: int | None = None
        self._error: OSError | None = None

    def write(self, data: bytes) -> None:
        with self._lock:
            self._chunks.append(data)
            self._pending += len(data)
            if self._pending >= _GATHER:
                self._start()

    def drain(self) -> Future[None] | None:
        with self._lock:
            if self._pending <= _HIGH:
                return None
            if self._waiter is None or self._waiter.done():
                self._waiter = self._loop.create_future()
            return self._waiter

    def finish(self, ended: Ended) -> None:
        """Sync and close once everything is written, then call `ended` in the pool."""
        self._end(lambda: ended(self._sync()))

    def discard(self) -> None:
        """Remove the file once what is under way has ended."""
        self._end(self._remove)

    def _end(self, then: Callable[[], None]) -> None:
        with self._lock:
            self._then = then
            self._start()
            lost = not self._running
        if lost:
            then()

    def _start(self) -> None:
        if not self._running:
            self._running = True
            try:
                self._files.pool.submit(self._work)
            except RuntimeError:  # the spool was closed
                self._running, self._chunks, self._pending = False, [], 0
                self._error = OSError(errno.ESHUTDOWN, "the spool is closed")

    def _work(self) -> None:
        while True:
            with self._lock:
                chunks, self._chunks = self._chunks, []
                then = None if chunks else self._then
                if not chunks:
                    self._running = False
            if chunks:
                self._write(chunks)
                continue
            if then is not None:
                then()
            return

    def _write(self, chunks: list[bytes]) -> None:
        operations = self._files.operations
        try:
            if self._descriptor is None and self._error is None:
                self._descriptor = operations.create(self.path)
                self._files.checkpoint("spool.body-started")
            for chunk in chunks:
                if self._error is None and self._descriptor is not None:
                    operations.write(self._descriptor, chunk)
        except OSError as error:
            self._error = error
        with self._lock:
            self._pending -= sum(map(len, chunks))
            wake = self._waiter is not None and self._pending <= _LOW
        if wake:
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _sync(self) -> OSError | None:
        operations = self._files.operations
        try:
            if self._descriptor is not None and self._error is None:
                operations.sync(self._descriptor)
        except OSError as error:
            self._error = error
        if self._error is not None:
            self._remove()
            return self._error
        self._close()
        self._files.checkpoint("spool.body-written")
        return None

    def _close(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            try:
                self._files.operations.close(descriptor)
            except OSError as error:
                self._error = self._error or error

    def _remove(self) -> None:
        created = self._descriptor is not None
        self._close()
        if created:
            try:
                self._files.operations.unlink(self.path)
            except OSError as error:  # the sweep at the next start takes it
                self._error = self._error or error
