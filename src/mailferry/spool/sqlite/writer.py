"""The one thread that writes: group commit.

Leaves to others: what a batch does (transaction) and who is told (store).
Invariant: what arrives while one sync runs goes into the next transaction together; order of arrival is kept between
batches; an operation that was submitted is always answered.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from time import sleep

from mailferry.spool.api import SpoolFailed
from mailferry.spool.sqlite.operations import Chore, Operation
from mailferry.spool.sqlite.transaction import Transactions

#: After a batch of at least so many operations the next one may wait a moment to grow as large again: under load every
#: batch costs the loop some turns of the interpreter lock, whatever its size, and a sync. One client never waits.
_CROWD, _MOMENT = 8, 0.0005


class Writer:
    """Runs batches of at most `most` operations; `answer` is called in this thread with each finished batch."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        transactions: Transactions,
        answer: Callable[[Sequence[Operation]], None],
        most: int,
    ) -> None:
        self._connection = connection
        self._transactions = transactions
        self._answer = answer
        self._most = most
        self._last = 0  # operations in the last batch
        self._queue: SimpleQueue[Operation | Chore | None] = SimpleQueue()
        self._runner = Thread(target=self._run, name="spool-writer", daemon=True)
        #: Operations for any thread.
        self.submit: Callable[[Operation | Chore | None], None] = self._queue.put

    def start(self) -> None:
        self._runner.start()

    def stop(self) -> None:
        """Finish what was submitted, then end; blocks."""
        self._queue.put(None)
        self._runner.join()
        self._refuse_rest()
        self._connection.close()

    def _run(self) -> None:
        going = True
        while going:
            batch: list[Operation] = []
            chores: list[Chore] = []
            going = self._gather(batch, chores)
            self._last = len(batch)
            if batch:
                self._do_batch(batch)
            for chore in chores:
                self._do(chore)

    def _do_batch(self, batch: list[Operation]) -> None:
        try:
            self._transactions.run(batch)
        except Exception as error:  # a mistake of ours must not leave callers waiting for a dead thread
            for each in batch:
                each.error = SpoolFailed(f"the writer failed: {error!r}")
        self._answer(batch)

    def _gather(self, batch: list[Operation], chores: list[Chore]) -> bool:
        """Wait for one operation and take along all that are there; False when it is time to end."""
        if self._last >= _CROWD and self._queue.qsize() < self._last:
            sleep(_MOMENT)
        try:
            each = self._queue.get()
            while each is not None:
                if isinstance(each, Chore):
                    chores.append(each)
                else:
                    batch.append(each)
                if len(batch) >= self._most:
                    return True
                each = self._queue.get_nowait()
        except Empty:
            return True
        return False

    def _do(self, chore: Chore) -> None:
        try:
            chore.work(self._connection)
        except sqlite3.Error:  # a chore that fails now comes again by itself
            return

    def _refuse_rest(self) -> None:
        """Answer what came after the end."""
        rest: list[Operation] = []
        try:
            while True:
                each = self._queue.get_nowait()
                if each is not None and not isinstance(each, Chore):
                    each.error = SpoolFailed("the spool is closed")
                    rest.append(each)
        except Empty:
            if rest:
                self._answer(rest)
