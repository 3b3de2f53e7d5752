"""A message on its way in: small ones in memory, large ones already in their file.

Leaves to others: durability (writer, filewriter). Invariant: until commit nothing of it counts; after abort or a
failed commit nothing of it stays.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable

from mailferry.clock import Clock
from mailferry.mail.message import MessageId
from mailferry.spool.api import Accepted, SpoolError
from mailferry.spool.guard import accept
from mailferry.spool.sqlite.bodies import BodyFiles
from mailferry.spool.sqlite.database import translate
from mailferry.spool.sqlite.filewriter import FileWriter
from mailferry.spool.sqlite.operations import Arrival, Operation
from mailferry.spool.sqlite.rows import micros, seconds


class SqliteDraft:
    """One draft. `submit` hands an operation to the writer, from any thread."""

    __slots__ = ("_chunks", "_clock", "_file", "_files", "_loop", "_open", "_row_limit", "_submit", "id", "size")

    def __init__(
        self,
        message: MessageId,
        inline: int,
        files: BodyFiles,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        submit: Callable[[Operation], None],
    ) -> None:
        self.id = message
        self.size = 0
        self._row_limit = inline
        self._files = files
        self._clock = clock
        self._loop = loop
        self._submit = submit
        self._chunks: list[bytes] = []
        self._file: FileWriter | None = None
        self._open = True

    def write(self, data: bytes) -> None:
        if not self._open:
            raise SpoolError("the draft is closed")
        if type(data) is not bytes:  # a view may change before it is written
            data = bytes(data)
        self.size += len(data)
        if self._file is not None:
            self._file.write(data)
            return
        self._chunks.append(data)
        if self.size > self._row_limit:
            self._file = FileWriter(self._files, self._files.path(self.id), self._loop)
            for chunk in self._chunks:
                self._file.write(chunk)
            self._chunks = []

    def drain(self) -> Future[None] | None:
        return None if self._file is None else self._file.drain()

    def commit(self, accepted: Accepted) -> Future[MessageId]:
        if not self._open:
            raise SpoolError("the draft is closed")
        future: Future[MessageId] = self._loop.create_future()
        try:
            message = accept(self.id, accepted, self.size, seconds(micros(self._clock.time())))
        except SpoolError as error:
            self.abort()
            future.set_exception(error)
            return future
        self._open = False
        if self._file is None:
            data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
            self._submit(Arrival(future, message, accepted.lanes, data))
        else:
            self._commit_file(self._file, Arrival(future, message, accepted.lanes, None, self._file.path.parent))
        return future

    def abort(self) -> None:
        if self._open:
            self._open = False
            self._chunks = []
            if self._file is not None:
                self._file.discard()

    def _commit_file(self, file: FileWriter, arrival: Arrival) -> None:
        """The row follows the file; here in the pool."""

        def ended(error: OSError | None) -> None:
            if error is None:
                self._submit(arrival)
                return
            arrival.error = translate(error, file.path)
            self._loop.call_soon_threadsafe(arrival.settle)

        file.finish(ended)
