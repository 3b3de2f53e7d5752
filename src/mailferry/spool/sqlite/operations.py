"""What the writer can be asked for: each is one future and shares its sync with whatever else came meanwhile.

Leaves to others: running them (transaction) and completing the futures (store).
Invariant: an operation that was run has a result or an error, never both; `lanes` are those that its success changed.
"""

from __future__ import annotations

import sqlite3
from asyncio import Future
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from mailferry.mail.message import Message
from mailferry.spool.api import WAITING, Lease, Move, SpoolError, Use
from mailferry.spool.guard import GIVEN_BACK
from mailferry.spool.sqlite.rows import micros


class Operation:
    """The common part."""

    __slots__ = ("error", "future", "lanes", "result")

    def __init__(self, future: Future[Any]) -> None:
        self.future = future
        self.result: Any = None
        self.error: SpoolError | None = None
        self.lanes: Iterable[str] = ()

    @property
    def weight(self) -> int:
        """About how many octets it adds to the write-ahead log."""
        return 3000

    def settle(self) -> None:
        """Complete the future; on the loop."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Arrival(Operation):
    """A new message. `data` None: the body is a synced file whose name is in `directory`."""

    __slots__ = ("data", "directory", "message")

    def __init__(
        self,
        future: Future[Any],
        message: Message,
        lanes: tuple[str, ...],
        data: bytes | None,
        directory: Path | None = None,
    ) -> None:
        super().__init__(future)
        self.message = message
        self.lanes = lanes
        self.data = data
        self.directory = directory
        self.result = message.id

    @property
    def weight(self) -> int:
        return 3000 + len(self.data or b"")


class Take(Operation):
    """A claim; `result` is filled by the reader once the leases are durable."""

    __slots__ = ("begin", "deadline", "expires", "lane", "last", "lease", "most", "now")

    def __init__(
        self, future: Future[Any], lane: str, now: float, most: int, lease: int, expires: float, last: str, begin: int,
        deadline: float,
    ) -> None:  # fmt: skip
        super().__init__(future)
        self.lane = lane
        self.now = micros(now)
        self.most = most
        self.lease = lease
        self.expires = micros(expires)
        self.last = last
        self.begin = begin
        self.deadline = deadline  # by the monotonic clock: a machine's clock may be set meanwhile

    def row(self) -> tuple[object, ...]:
        return (self.lane, self.now, self.most, self.lease, self.expires, self.last, self.begin)


class Verdict(Operation):
    """What an attempt did. `result` True, or False when the lease was lost."""

    __slots__ = ("at", "found", "lease", "use")

    def __init__(self, future: Future[Any], lease: Lease, found: dict[int, Move], use: Use, now: float) -> None:
        super().__init__(future)
        self.lease = lease
        self.found = found
        self.use = use
        self.at = max((move.at for move in found.values()), default=now)
        self.result = True

    def parameters(self) -> list[object]:
        """A row of the view verdict for each claim, one after the other."""
        lease, use, last = self.lease, self.use, micros(self.at)
        message, lane, token = lease.message.id, lease.lane, lease.token
        messages, recipients = use.messages, use.recipients
        rows: list[object] = []
        for claim in lease.claims:
            move = self.found.get(claim.id)
            if move is None:
                self.lanes = (lane,)
                rows += (claim.id, message, lane, token, last, claim.state.value, GIVEN_BACK, last, 0, 0, "")
            else:
                at, due = micros(move.at), None
                if move.state in WAITING:
                    due = micros(move.at if move.next_attempt is None else move.next_attempt)
                    if due <= last:
                        self.lanes = (lane,)
                rows += (claim.id, message, lane, token, at, move.state.value, move.reply, due)
                rows += (move.count, 1, move.report)
            rows += (messages, recipients)
            messages = recipients = 0
        return rows


class Task(Operation):
    """Anything else that writes: `work` runs inside the transaction and returns the result and the changed lanes."""

    __slots__ = ("work",)

    def __init__(self, future: Future[Any], work: Callable[[sqlite3.Connection], tuple[object, Iterable[str]]]) -> None:
        super().__init__(future)
        self.work = work


class Expire(Operation):
    """Take back the leases that have ended. A claim does so, too, but where nothing waits there is none."""

    __slots__ = ("now",)

    def __init__(self, future: Future[Any], now: float) -> None:
        super().__init__(future)
        self.now = micros(now)


class Chore:
    """Something for the writer's own connection between two transactions; nobody waits for it."""

    __slots__ = ("work",)

    def __init__(self, work: Callable[[sqlite3.Connection], None]) -> None:
        self.work = work
