"""The SQLite store with its seams open."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailferry.clock import ManualClock
from mailferry.mail.message import IdSource
from mailferry.spool.settings import SpoolSettings
from mailferry.spool.sqlite.bodies import FileOperations
from mailferry.spool.sqlite.database import connect
from mailferry.spool.sqlite.store import SqliteSpool
from support.spool_contract import SETTINGS, Kit, sqlite_kit


@pytest.fixture
async def kit(clock: ManualClock, tmp_path: Path) -> AsyncIterator[Kit]:
    made = sqlite_kit(clock, tmp_path)
    await made.open()
    yield made
    await made.spool.close()


class Disk(FileOperations):
    """A disk whose calls are written down and fail where the test says: `failing` names calls by method."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.failing: dict[str, int] = {}

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.failing:
            raise OSError(self.failing[name], "the disk fails")

    def create(self, path: Path) -> int:
        self._call("create")
        return super().create(path)

    def write(self, descriptor: int, data: bytes) -> None:
        self._call("write")
        super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        self._call("sync")
        super().sync(descriptor)

    def unlink(self, path: Path) -> None:
        self._call("unlink")
        super().unlink(path)


class Faulty(sqlite3.Connection):
    """A connection whose statements fail where the test says."""

    code = 0
    name = ""
    #: Statements that fail while `code` is set, by a word in them.
    where = ""

    def execute(self, sql: str, *arguments: object) -> sqlite3.Cursor:  # type: ignore[override]
        kind = type(self)
        if kind.code and kind.where in sql and not sql.startswith("PRAGMA"):
            error = sqlite3.OperationalError("the database fails")
            error.sqlite_errorcode, error.sqlite_errorname = kind.code, kind.name
            raise error
        return super().execute(sql, *arguments)  # type: ignore[arg-type]


class Bench:
    """Opens stores in one directory and closes them at the end."""

    def __init__(self, directory: Path, clock: ManualClock) -> None:
        self.directory = directory / "spool"
        self.clock = clock
        self.disk = Disk()
        self.points: list[str] = []
        self.faults: type[Faulty] = type("Faults", (Faulty,), {})
        self._opened: list[SqliteSpool] = []

    def connect(self, path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, factory=self.faults, timeout=10
        )
        for pragma in ("synchronous = FULL", "wal_autocheckpoint = 0"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    async def open(self, settings: SpoolSettings = SETTINGS, *, serve: bool = True, faulty: bool = False) -> Kit:
        async def open_(before: object) -> SqliteSpool:
            spool = SqliteSpool(
                self.directory,
                self.clock,
                IdSource(self.clock),
                settings,
                serve,
                checkpoint=self.points.append,
                operations=self.disk,
                connect=self.connect if faulty else connect,
            )
            await spool.open()
            self._opened.append(spool)
            return spool

        made = Kit(self.clock, open_)
        await made.open()
        return made

    async def close(self) -> None:
        for spool in self._opened:
            await spool.close()
        self._opened.clear()

    def log_size(self) -> int:
        return (self.directory / "spool.db-wal").stat().st_size

    def files(self) -> list[Path]:
        return [path for path in (self.directory / "bodies").rglob("*") if path.is_file()]


@pytest.fixture
async def bench(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Bench]:
    made = Bench(tmp_path, clock)
    yield made
    await made.close()
