"""One batch of operations as one transaction with one sync.

Leaves to others: gathering the batch (writer), the statements (schema.sql, queries.sql).
Invariant: each operation of a batch either took effect whole and durably, or has an error and no effect; an operation
that cannot be done never takes its neighbours with it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from heapq import heappop, heappush
from pathlib import Path

from mailferry.clock import Clock
from mailferry.spool.checkpoints import Checkpoint
from mailferry.spool.guard import lost_lease
from mailferry.spool.space import sync_directory
from mailferry.spool.sqlite.actions import interrupt
from mailferry.spool.sqlite.database import is_full, is_store_fault, translate
from mailferry.spool.sqlite.operations import Arrival, Expire, Operation, Take, Task, Verdict
from mailferry.spool.sqlite.queries import SIZES, fitting, many_rows, queries
from mailferry.spool.sqlite.rows import ARRIVAL_COLUMNS, VERDICT_COLUMNS, arrival_row, micros


class Transactions:
    """Runs batches on the writer's connection, in the writer's thread."""

    def __init__(self, connection: sqlite3.Connection, path: Path, clock: Clock, checkpoint: Checkpoint) -> None:
        self._connection = connection
        self._path = path
        self._clock = clock
        self._checkpoint = checkpoint
        self._queries = queries()
        self._deadlines: list[tuple[float, int]] = []  # of the leases this process gave out, the earliest first
        self._overdue: list[int] = []  # leases that have ended; until a transaction has taken them back

    def run(self, batch: Sequence[Operation]) -> None:
        """Give every operation its result or its error."""
        error = self._try(batch)
        if error is not None and is_full(error) and self._shorten():
            error = self._try(batch)
        if error is None:
            return
        if len(batch) > 1 and not is_store_fault(error):
            for each in batch:
                self.run([each])
        elif isinstance(batch[0], Verdict) and str(error) == "lease lost":
            self._lost(batch[0])
        else:
            for each in batch:
                each.error = translate(error, self._path)

    def _try(self, batch: Sequence[Operation]) -> Exception | None:
        """What went wrong; then nothing of the batch was done."""
        try:
            self._attempt(batch)
        except Exception as error:  # whatever it is, the next batch must find the writer alive
            self._undo()
            return error
        return None

    def _shorten(self) -> bool:
        """On a full disk: copy the log into the database, so that it starts again from the front. Mail that is
        delivered needs room in the log to be recorded, and only that makes room for more."""
        try:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error:
            return False
        return True

    def _attempt(self, batch: Sequence[Operation]) -> None:
        arrivals = [each for each in batch if isinstance(each, Arrival)]
        verdicts = [each for each in batch if isinstance(each, Verdict)]
        tasks = [each for each in batch if isinstance(each, Task)]
        takes = [each for each in batch if isinstance(each, Take)]
        for directory in {each.directory for each in arrivals if each.directory is not None}:
            sync_directory(directory)
        kinds = [kind for kind, each in (("commit", arrivals), ("record", verdicts), ("claim", takes)) if each]
        clocks = [each for each in batch if isinstance(each, Take | Expire)]
        expired = self._ended() if clocks else []
        for kind in kinds:
            self._checkpoint(f"spool.before-{kind}")
        # One statement is a transaction by itself; BEGIN and COMMIT would be two more turns for the interpreter lock.
        many = sum(len(each.lease.claims) for each in verdicts) > SIZES[-1]
        together = bool(tasks) or bool(expired) or len(kinds) != 1 or many
        if together:
            self._connection.execute("BEGIN IMMEDIATE")
        if arrivals:
            rows = (arrival_row(each.message, tuple(each.lanes), each.data) for each in arrivals)
            self._insert("arrival", ARRIVAL_COLUMNS, [value for row in rows for value in row])
        if verdicts:
            self._insert("verdict", VERDICT_COLUMNS, [value for each in verdicts for value in each.parameters()])
        for task in tasks:
            task.result, task.lanes = task.work(self._connection)
        if expired:
            interrupt(self._connection, expired, max(each.now for each in clocks))
        if takes:
            claims = json.dumps([each.row() for each in takes])
            self._connection.execute(self._queries["take"], {"claims": claims})
        if together:
            self._connection.execute("COMMIT")
        if expired:
            self._overdue.clear()
        for each in takes:
            heappush(self._deadlines, (each.deadline, each.lease))
        for kind in kinds:
            self._checkpoint(f"spool.after-{kind}")

    def _insert(self, view: str, columns: int, parameters: list[object]) -> None:
        """Rows through a door, in as few statements as may be."""
        most = SIZES[-1] * columns
        for start in range(0, len(parameters), most):
            part = parameters[start : start + most]
            size = fitting(len(part) // columns)
            part += [None] * (size * columns - len(part))
            self._connection.execute(many_rows(view, columns, size), part)

    def _ended(self) -> list[int]:
        """The leases that have ended and were not taken back yet."""
        now = self._clock.monotonic()
        while self._deadlines and self._deadlines[0][0] <= now:
            self._overdue.append(heappop(self._deadlines)[1])
        return self._overdue

    def _undo(self) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:  # SQLite rolled back by itself already
                return

    def _lost(self, verdict: Verdict) -> None:
        """The lease is no longer ours: that is worth an event and nothing else."""
        verdict.result, verdict.lanes = False, ()
        try:
            self._connection.execute(
                self._queries["note"],
                {
                    "message": verdict.lease.message.id,
                    "at": micros(verdict.at),
                    "lane": verdict.lease.lane,
                    "detail": lost_lease(tuple(verdict.found.values())),
                },
            )
        except sqlite3.Error as error:
            verdict.error = translate(error, self._path)
