"""Whether there is room for more mail, and whether the directory works at all.

Leaves to others: what a client is told (listener). Invariant: `reason` costs a comparison while its answer is fresh;
it may be asked for every greeting and MAIL.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

from mailferry.clock import Clock
from mailferry.spool.api import SpoolFailed

#: Seconds for which an answer holds.
_FRESH = 1.0
#: A disk can be full for a quota's sake too.
FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})


class SpaceGate:
    """Free octets and inodes of the file system of `directory`.

    `reusable` counts octets inside the store's own files that new mail would fill first: a database never gives its
    pages back to the file system, so that without them a queue that was once long would keep the gate shut."""

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        min_free: int,
        min_inodes: int,
        statvfs: Callable[[Path], os.statvfs_result] = os.statvfs,
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._min_free = min_free
        self._min_inodes = min_inodes
        self._statvfs = statvfs
        self._asked = float("-inf")
        self._free = 0
        self._reason = ""
        self.reusable = 0

    def reason(self, size: int = 0) -> str:
        """Why a message of `size` octets cannot be taken, "" when it can."""
        now = self._clock.time()
        if not 0 <= now - self._asked < _FRESH:
            self._asked = now
            self._reason = self._look()
        if not self._reason and size > self._free - self._min_free:
            return f"a message of {size} octets would leave too little disk space"
        return self._reason

    def forget(self) -> None:
        """Look again at the next question: a write just failed."""
        self._asked = float("-inf")

    def _look(self) -> str:
        try:
            found = self._statvfs(self._directory)
        except OSError as error:
            return f"the spool directory cannot be looked at: {os.strerror(error.errno or 0)}"
        self._free = found.f_bavail * found.f_frsize + self.reusable
        if self._free < self._min_free:
            return f"only {self._free // (1 << 20)} MB are free in the spool, {self._min_free // (1 << 20)} are needed"
        # File systems without a table of inodes (btrfs) report none at all.
        if found.f_files and found.f_favail < self._min_inodes:
            return f"only {found.f_favail} inodes are free in the spool, {self._min_inodes} are needed"
        return ""


def probe(directory: Path) -> None:
    """Do once what storing a message does. Raises SpoolFailed that names the step and the cure."""
    first, second = directory / ".probe-1", directory / ".probe-2"
    step = "create a file"
    try:
        descriptor = os.open(first, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            step = "write to a file"
            os.write(descriptor, b"probe")
            step = "sync a file"
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        step = "rename a file"
        first.rename(second)
        step = "sync the directory"
        sync_directory(directory)
        step = "remove a file"
        second.unlink()
    except OSError as error:
        raise SpoolFailed(f"cannot {step} in {directory}: {error.strerror}; {_cure(error)}") from error


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cure(error: OSError) -> str:
    match error.errno:
        case errno.EACCES | errno.EPERM:
            return "the directory must belong to the user that runs the gateway"
        case errno.EROFS:
            return "the file system is mounted read-only"
        case errno.ENOSPC | errno.EDQUOT:
            return "free some space on its file system"
        case errno.EIO:
            return "the disk reports errors, look at the kernel log"
        case _:
            return "the spool needs a local file system that can sync files and directories"
