"""Accounts that enrolled themselves: one small file each in the state directory, replaced in one step.

Leaves to others: who may enrol (listener.enrolment), what an enrolled account may do (its window's settings), telling a
running gateway (it looks by itself). Invariants: a file is readable by its owner only and holds a hash, never a
password; a revoked account stays on record, so that the device that still has its password does not enrol again; a
file that is damaged is an account still, of which nothing else is known.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import secrets
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote

from argon2 import extract_parameters

_VERSION = 1
_MAX = 1 << 16
_END = ".json"
#: Characters of an account that its file is named by; a name of a file has 255 octets (NAME_MAX).
_READABLE = 180
_YEAR_5000 = 1e11


class Status(StrEnum):
    """What an enrolled account may do."""

    ACTIVE = "active"
    PENDING = "pending"  # an administrator has to approve it
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """One account. `proof` is "verified" (Exchange Online knew the password) or "first-use" (nobody checked it);
    `at` in seconds since the epoch."""

    account: str
    password: str = field(repr=False)  # an Argon2id hash
    window: str
    address: str
    proof: str
    at: float
    status: Status


@dataclass(frozen=True, slots=True)
class Look:
    """All that was there at one time: the oldest record first, and the names of files that are no records. `stamp`
    changes when any file does."""

    stamp: tuple[tuple[object, ...], ...]
    records: tuple[Enrolled, ...] = ()
    broken: tuple[str, ...] = ()


class Register:
    """The accounts on disk. Every method blocks on files and raises OSError."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def look(self, known: object = None) -> Look | None:
        """Everything, or None when its stamp is `known` still."""
        files = self._files()
        stamp = tuple((path.name, *_mark(path)) for path in files)
        if stamp == known:
            return None
        read = [(path.name, self._read(path)) for path in files]
        records = sorted((one for _, one in read if one is not None), key=lambda one: (one.at, one.account))
        return Look(stamp, tuple(records), tuple(name for name, one in read if one is None))

    def get(self, account: str) -> Enrolled | None:
        return self._read(self._path(account))

    def put(self, record: Enrolled) -> None:
        """Store it, synced; over what is there for the account."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(record.account)
        temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
        text = json.dumps({"version": _VERSION, **asdict(record)}, ensure_ascii=False, indent=1) + "\n"
        owner = self._directory.stat()
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                if os.geteuid() == 0:  # by an administrator: the service's user must be able to read it. By the
                    # descriptor: that user owns the directory, and could put a link in the name's place.
                    os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync(self._directory)

    def change(self, account: str, status: Status) -> Enrolled | None:
        """Give the account another status; None when there is no such account."""
        record = self.get(account)
        if record is None:
            return None
        changed = replace(record, status=status)
        self.put(changed)
        return changed

    def forget(self, account: str) -> bool:
        """Take the account, damaged or not, off the record; whether there was one."""
        try:
            self._path(account).unlink()
        except FileNotFoundError:
            return False
        _sync(self._directory)
        return True

    def file_of(self, account: str) -> str:
        """The name of the account's file, whether there is one or not."""
        folded = account.strip().casefold()
        name = quote(folded, safe="@")
        if len(name) > _READABLE:
            name = f"{name[:_READABLE]}~{hashlib.sha256(folded.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}"
        return name + _END

    def _files(self) -> list[Path]:
        """Not by glob, which takes a directory that may not be read for an empty one."""
        try:
            return sorted(path for path in self._directory.iterdir() if path.name.endswith(_END))
        except FileNotFoundError:
            return []

    def _path(self, account: str) -> Path:
        return self._directory / self.file_of(account)

    def _read(self, path: Path) -> Enrolled | None:
        try:
            # No link is followed and no pipe waited for: root reads here, in a directory of the service's user.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                values = json.loads(file.read(_MAX))
            record = _record(values)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        return record if self.file_of(record.account) == path.name else None


def _record(values: dict[str, Any]) -> Enrolled:
    """Raises what a wrong value raises: one bad file must not reach what builds clients of it."""
    if values.pop("version") != _VERSION:
        raise ValueError("version")
    record = Enrolled(**{**values, "status": Status(values["status"]), "at": float(values["at"])})
    if not all(isinstance(text, str) for text in (record.account, record.window, record.address, record.proof)):
        raise TypeError("text")
    if not math.isfinite(record.at) or not 0 <= record.at < _YEAR_5000:
        raise ValueError("at")
    extract_parameters(record.password)
    return record


def _mark(path: Path) -> tuple[object, ...]:
    """Changes with the file, within one tick of the file system's clock too, and when its owner changes."""
    try:
        found = path.lstat()
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
