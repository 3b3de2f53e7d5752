"""The lock on a spool directory: one gateway at a time owns the leases.

Leaves to others: what the holder may do (sqlite.store). Invariant: the lock ends with the process, however it ends.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from mailferry.spool.api import SpoolBusy


class ServeLock:
    """An exclusive flock on the file `lock` in the directory. The file stays; its text names the last holder."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Raises SpoolBusy when another process (or object) has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise SpoolBusy(f"another gateway (process {holder or 'unknown'}) holds {self._path.parent}") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
