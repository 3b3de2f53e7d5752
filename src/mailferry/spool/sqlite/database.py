"""Connections to the database file: how it is opened, made, brought up to date, and recognised as broken.

Leaves to others: what is read and written (reader, writer).
Invariant: a file that is not ours, damaged, or newer than this program is left exactly as it was.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from mailferry.spool.api import SpoolError, SpoolFailed, SpoolFull
from mailferry.spool.space import FULL_ERRNOS
from mailferry.spool.sqlite.queries import migrations, read_sql

#: "MFRY" in the header of the file.
APPLICATION = 0x4D465259
#: UPDATE FROM came with 3.33; json_each and partial indexes are older.
OLDEST = (3, 33, 0)
#: Up to this size a whole check at start takes less than a second.
_CHECKED = 64 << 20
_TIMEOUT = 30.0  # seconds to wait for another process's transaction

#: Opens the file; a test's seam for a disk that fails.
Connect = Callable[[Path], sqlite3.Connection]


def connect(path: Path) -> sqlite3.Connection:
    """A connection that any thread may use, one at a time, with transactions under our control."""
    connection = sqlite3.connect(
        path, timeout=_TIMEOUT, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    connection.execute("PRAGMA synchronous = FULL")  # every commit is on stable storage when it returns
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # spool.sqlite.journal does it beside the commits
    connection.execute("PRAGMA secure_delete = OFF")  # else each removed body is written over, and logged, as zeros
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -16384")  # KiB
    connection.execute("PRAGMA recursive_triggers = OFF")
    return connection


def prepare(path: Path, open_: Connect = connect) -> None:
    """Create the file or bring it up to date. Raises SpoolFailed with nothing changed when it cannot be used."""
    if sqlite3.sqlite_version_info < OLDEST:
        raise SpoolFailed(f"SQLite {sqlite3.sqlite_version} is too old, {'.'.join(map(str, OLDEST))} is needed")
    # The file's mode is also the mode of its log and shared memory, so it is made before SQLite would make it.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    try:
        connection = open_(path)
        try:
            _recognise(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            _migrate(connection)
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise SpoolFailed(explain(error, path)) from error


def _recognise(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION and (tables or application):
        raise SpoolFailed(f"{path} is the database of another program; nothing was changed")
    if version > len(migrations()):
        raise SpoolFailed(f"{path} was written by a newer version of this program; nothing was changed")
    if path.stat().st_size <= _CHECKED:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise SpoolFailed(f"{path} is damaged ({found}); nothing was changed. {_DAMAGED}")


def _migrate(connection: sqlite3.Connection) -> None:
    """One transaction from whatever version to this one, safe against a second process that does the same."""
    connection.execute("BEGIN IMMEDIATE")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    steps = migrations()
    if version == len(steps):
        connection.execute("COMMIT")
        return
    scripts = [read_sql("schema.sql")] if version == 0 else [read_sql(f"migrations/{each}") for each in steps[version:]]
    for script in scripts:
        for statement in split(script):
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {len(steps)}")
    connection.execute("COMMIT")


def split(script: str) -> list[str]:
    """The statements of a script, one by one: executescript would commit the transaction it is called in."""
    statements, pending = [], ""
    for line in script.splitlines(keepends=True):
        pending += line
        if line.rstrip().endswith(";") and sqlite3.complete_statement(pending):
            statements.append(pending)
            pending = ""
    return statements


_DAMAGED = "Restore it from a backup, or move the spool directory away and start with an empty one."


def explain(error: Exception, path: Path) -> str:
    """What happened to the file, and the cure, for an administrator."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return f"{path} is damaged ({error}); nothing was changed. {_DAMAGED}"
    return f"{path}: {error}"


def translate(error: Exception, path: Path) -> SpoolError:
    """An error of SQLite or of the system as what the spool may raise."""
    if isinstance(error, SpoolError):
        return error
    kind = SpoolFull if is_full(error) else SpoolFailed
    if isinstance(error, OSError):
        return kind(f"{path.parent}: {error.strerror}")
    return kind(explain(error, path))


def is_full(error: Exception) -> bool:
    """Whether there was no room on the disk."""
    if isinstance(error, OSError):
        return error.errno in FULL_ERRNOS
    code = getattr(error, "sqlite_errorcode", 0)
    # The shared memory beside the log grows too; there a full disk is called an I/O error.
    return code & 0xFF == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE


#: Errors of the disk rather than of one operation: they meet the whole batch.
_STORE_FAULTS = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_NOMEM,
    }
)


def is_store_fault(error: Exception) -> bool:
    """Whether trying the operations one by one would only fail again."""
    return isinstance(error, OSError) or getattr(error, "sqlite_errorcode", 0) & 0xFF in _STORE_FAULTS
