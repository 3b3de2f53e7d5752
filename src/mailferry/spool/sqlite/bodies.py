"""Bodies too large for the database: one file each.

Leaves to others: when a file may go (store) and backpressure towards the client (draft).
Invariant: a file is synced, then its directory, then its row is written; a file without a row is an orphan that the
next start removes. Names are final from the start, since only a row makes a file count.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path

from mailferry.mail.body import CHUNK, BodyGone
from mailferry.mail.message import MessageId, format_id, parse_id
from mailferry.spool.checkpoints import Checkpoint
from mailferry.spool.space import sync_directory

_FOLDERS = 64


class FileOperations:
    """The system calls, one by one: the seam where a test makes a disk fail."""

    def create(self, path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def write(self, descriptor: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    def sync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)

    def unlink(self, path: Path) -> None:
        path.unlink(missing_ok=True)


class BodyFiles:
    """The directory of body files."""

    def __init__(self, directory: Path, operations: FileOperations, pool: Executor, checkpoint: Checkpoint) -> None:
        self.directory = directory
        self.operations = operations
        self.pool = pool
        self.checkpoint = checkpoint
        self.set_aside = 0  # files of unknown messages that are newer than all known ones, at this start

    def path(self, message: int) -> Path:
        """Messages of the same second share a folder, so that one sync of it serves a whole batch."""
        return self.directory / f"{(message >> 32) % _FOLDERS:02x}" / format_id(MessageId(message))

    def prepare(self) -> None:
        self.directory.mkdir(mode=0o700, exist_ok=True)
        for number in range(_FOLDERS):
            (self.directory / f"{number:02x}").mkdir(mode=0o700, exist_ok=True)
        sync_directory(self.directory)

    def body(self, message: int, size: int) -> FileBody:
        return FileBody(self.path(message), size, self.pool)

    def remove(self, messages: Iterable[int]) -> None:
        """Unlink in the pool; what a crash leaves is swept at the next start."""
        with suppress(RuntimeError):  # the store is closed: the next start sweeps
            for message in messages:
                self.pool.submit(self._remove, self.path(message))

    def _remove(self, path: Path) -> None:
        self.checkpoint("spool.before-unlink")
        self.operations.unlink(path)

    @property
    def strays(self) -> Path:
        return self.directory.parent / "strays"

    def _orphan(self, path: Path, newest: int) -> None:
        if parse_id(path.name) <= newest or not path.stat().st_size:
            self.operations.unlink(path)
            return
        self.strays.mkdir(mode=0o700, exist_ok=True)
        path.rename(self.strays / path.name)
        self.set_aside += 1

    def _forget_strays(self, before: float) -> None:
        if self.strays.is_dir():
            for path in self.strays.iterdir():
                if _is_name(path.name) and path.stat().st_mtime < before:
                    self.operations.unlink(path)

    def sweep(self, wanted: dict[int, int], newest: int, before: float) -> list[int]:
        """Remove the files of no message in `wanted` ({message: size}); those of `wanted` without a whole file. What
        does not bear the name of a message was not put here by the store, and is left alone. A file above `newest`, the
        last message that the database knows, may be of mail that an older copy of the database has forgotten: it is set
        aside, until it is older than `before` (seconds since the epoch)."""
        self._forget_strays(before)
        found: set[str] = set()
        names = {format_id(MessageId(message)): size for message, size in wanted.items()}
        for number in range(_FOLDERS):
            for path in (self.directory / f"{number:02x}").iterdir():
                size = names.get(path.name)
                if size is None:
                    if _is_name(path.name) and path.is_file():
                        self._orphan(path, newest)
                elif path.stat().st_size == size:
                    found.add(path.name)
        return [message for message in wanted if format_id(MessageId(message)) not in found]


def _is_name(text: str) -> bool:
    try:
        return format_id(parse_id(text)) == text
    except ValueError:
        return False


class FileBody:
    """A stored file as a Body."""

    __slots__ = ("_path", "_pool", "_size")

    def __init__(self, path: Path, size: int, pool: Executor) -> None:
        self._path = path
        self._size = size
        self._pool = pool

    @property
    def size(self) -> int:
        return self._size

    @property
    def inline(self) -> bytes | None:
        return None

    async def chunks(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        descriptor = await loop.run_in_executor(self._pool, self._open)
        try:
            done = 0
            while done < self._size:
                data = await loop.run_in_executor(self._pool, os.pread, descriptor, CHUNK, done)
                if not data:
                    raise BodyGone(f"{self._path} became shorter")
                done += len(data)
                yield data
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise BodyGone(f"{self._path} is missing") from None
        if os.fstat(descriptor).st_size != self._size:
            os.close(descriptor)
            raise BodyGone(f"{self._path} does not have the {self._size} octets that were accepted")
        return descriptor


class LostBody:
    """The body of a message whose row or file is not there: whoever reads it learns so, and never gets an empty one."""

    inline = None

    def __init__(self, message: int, size: int) -> None:
        self._message = message
        self.size = size

    async def chunks(self) -> AsyncIterator[bytes]:
        raise BodyGone(f"message {format_id(MessageId(self._message))} has no body")
        yield b""


#: Told how writing a file ended; called in the pool.
Ended = Callable[[OSError | None], None]
