"""Keeping the write-ahead log short without stopping the commits.

Leaves to others: SQLite's own rules of the log (https://www.sqlite.org/wal.html).
Invariant: the log is copied into the database beside the writer, and the small rest by the writer itself between two
transactions, since only a log that is copied to its last frame starts again from the front.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from threading import Event, Thread

#: Rounds of copying beside the writer, and the frames of a round after which the writer may copy the rest itself.
_ROUNDS, _REST = 4, 250
_IDLE = 5.0  # seconds after which a short log is copied too, so that a start after a crash is quick


class Journal:
    """A thread with a connection of its own. `ask` hands work to the writer's connection."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        limit: int,
        ask: Callable[[Callable[[sqlite3.Connection], None]], None],
    ) -> None:
        self._connection = connection
        self._limit = limit
        self._ask = ask
        self._written = 0
        self._wake = Event()
        self._stopping = False
        self._runner = Thread(target=self._run, name="spool-journal", daemon=True)

    def start(self) -> None:
        self._runner.start()

    def written(self, octets: int) -> None:
        """The writer tells about how much it added to the log."""
        self._written += octets
        if self._written >= self._limit:
            self._wake.set()

    def stop(self) -> None:
        """Blocks."""
        self._stopping = True
        self._wake.set()
        self._runner.join()
        self._connection.close()

    def _run(self) -> None:
        while not self._stopping:
            full = self._wake.wait(_IDLE)
            self._wake.clear()
            if self._stopping or not (full or self._written):
                continue
            self._written = 0
            try:
                self._copy()
            except sqlite3.Error:  # the disk is full or fails; the log stays and the next round tries again
                continue
            if full:
                self._ask(copy_rest)

    def _copy(self) -> None:
        """Copy what is there, then what came meanwhile, until little comes while a round lasts."""
        before = 0
        for _ in range(_ROUNDS):
            copied = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[2]
            if copied - before <= _REST:
                return
            before = copied


def copy_rest(connection: sqlite3.Connection) -> None:
    """On the writer's connection, so that no frame can be added meanwhile; the next commit begins the log anew."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
