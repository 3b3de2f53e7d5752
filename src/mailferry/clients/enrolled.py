"""Accounts that enrolled themselves: one small file each in the state directory, replaced in one step.

Leaves to others: who may enrol (listener.enrolment), what an enrolled account may do (its window's settings), telling a
running gateway (it looks by itself). Invariants: a file is readable by its owner only and holds a hash, never a
password; a revoked account stays on record, so that the device that still has its password does not enrol again.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote

_VERSION = 1
_MAX = 1 << 16


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


class Register:
    """The accounts on disk. Every method blocks on files and raises OSError; what is no record of ours is passed over
    by all() and named by broken()."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def all(self) -> list[Enrolled]:
        """Every record, the oldest first."""
        found = [one for one in map(self._read, self._files()) if one is not None]
        return sorted(found, key=lambda one: (one.at, one.account))

    def broken(self) -> list[str]:
        """Files that cannot be read as records."""
        return [path.name for path in self._files() if self._read(path) is None]

    def stamp(self) -> tuple[tuple[str, int], ...]:
        """Changes when any record does."""
        return tuple(sorted((path.name, path.stat().st_mtime_ns) for path in self._files()))

    def get(self, account: str) -> Enrolled | None:
        return self._read(self._path(account))

    def put(self, record: Enrolled) -> None:
        """Store it, synced; over what is there for the account."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(record.account)
        temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
        text = json.dumps({"version": _VERSION, **asdict(record)}, ensure_ascii=False, indent=1) + "\n"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            owner = self._directory.stat()
            if os.geteuid() == 0:  # by an administrator: the service's user must be able to read it
                os.chown(temporary, owner.st_uid, owner.st_gid)
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

    def _files(self) -> list[Path]:
        return sorted(self._directory.glob("*.json")) if self._directory.is_dir() else []

    def _path(self, account: str) -> Path:
        return self._directory / f"{quote(account.strip().casefold(), safe='@')[:200]}.json"

    def _read(self, path: Path) -> Enrolled | None:
        try:
            with path.open("rb") as file:
                values: dict[str, Any] = json.loads(file.read(_MAX))
            if values.pop("version") != _VERSION:
                return None
            return Enrolled(**{**values, "status": Status(values["status"]), "at": float(values["at"])})
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
