"""What people do to the mail of the store in memory, and what is noted beside it: verbs, alarms, returned mail.

Leaves to others: the mail path (spool.memory). Invariant: as for every store: a guarded move leaves an event.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from mailferry.mail.message import MessageId, first_id
from mailferry.spool.api import MOVES, WAITING, Alarm, Filter, SpoolError, State
from mailferry.spool.guard import clean
from mailferry.spool.memory_rows import Entry, Row

T = TypeVar("T")


def done(value: T) -> Future[T]:
    future: Future[T] = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future


def failed(error: SpoolError) -> Future[T]:
    future: Future[T] = asyncio.get_running_loop().create_future()
    future.set_exception(error)
    return future


class MemoryVerbs:
    """The part of MemorySpool that is not the mail path."""

    def __init__(self) -> None:
        self._entries: dict[MessageId, Entry] = {}
        self._alarms: dict[str, Alarm] = {}
        self._watchers: list[Callable[[Iterable[str] | None], None]] = []

    def hold(self, which: Filter, now: float, who: str) -> Future[int]:
        return self._act(which, WAITING, State.HELD, now, "held", f"by {who}", None)

    def release(self, which: Filter, now: float, who: str) -> Future[int]:
        return self._act(which, frozenset({State.HELD}), State.DEFERRED, now, "released", f"by {who}", now)

    def retry(self, which: Filter, now: float, who: str) -> Future[int]:
        return self._act(which, WAITING, None, now, "retried", f"by {who}", now, decides=True)

    def hasten(self, which: Filter, now: float, who: str) -> Future[int]:
        return self._act(which, WAITING, None, now, "retried", f"by {who}", now)

    def drop(self, which: Filter, now: float, who: str) -> Future[int]:
        return self._act(which, WAITING | {State.HELD}, State.DROPPED, now, "dropped", f"by {who}", None)

    def settle(self, which: Filter, now: float, who: str) -> Future[int]:
        origin = frozenset({State.UNKNOWN, State.HELD})
        return self._act(which, origin, State.DELIVERED, now, "delivered", f"settled by {who}", None)

    def raise_alarm(self, alarm: Alarm) -> Future[bool]:
        standing = self._alarms.get(alarm.key)
        since = alarm.since if standing is None else standing.since
        self._alarms[alarm.key] = Alarm(alarm.key, since, alarm.text, alarm.cure)
        return done(standing is None)

    def clear_alarm(self, key: str) -> Future[bool]:
        return done(self._alarms.pop(key, None) is not None)

    def alarms(self) -> Future[list[Alarm]]:
        return done(sorted(self._alarms.values(), key=lambda alarm: (alarm.since, alarm.key)))

    def known(self, headers: Sequence[str], since: float) -> Future[list[MessageId]]:
        after = first_id(since)
        return done(
            [key for key, each in sorted(self._entries.items()) if key > after and each.message.header_id in headers]
        )

    def returned(self, message: MessageId, recipient: int, detail: str, at: float) -> Future[bool]:
        entry, detail = self._entries.get(message), clean(detail)
        row = next((row for row in entry.rows if row.id == recipient), None) if entry is not None else None
        if entry is None or row is None:
            return done(False)
        address = row.recipient.address
        if any((one.kind, one.recipient, one.detail) == ("returned", address, detail) for one in entry.events):
            return done(False)
        entry.note(at, "returned", row, row.lane, detail)
        row.last_reply = detail
        return done(True)

    def _all(self) -> Iterator[tuple[Entry, Row]]:
        for _, entry in sorted(self._entries.items()):
            for row in entry.rows:
                yield entry, row

    def _act(
        self, which: Filter, origin: frozenset[State], to: State | None, now: float, kind: str, detail: str,
        due: float | None, *, decides: bool = False,
    ) -> Future[int]:  # fmt: skip
        lanes: list[str] = []
        for entry in self._entries.values():
            for row in entry.matching(which):
                if row.state not in origin or (to is State.DELIVERED and not row.lost):
                    continue
                lanes.append(row.lane)
                to_now = State.DEFERRED if kind == "retried" and decides and row.state is State.UNKNOWN else to
                if to_now is not None and to_now in MOVES[row.state]:
                    entry.move(row, to_now, now, detail, due, kind)
                else:
                    row.next_attempt = due
                    entry.note(now, kind, row, row.lane, detail)
        if lanes and due is not None:
            self._changed(lanes)
        return done(len(lanes))

    def _changed(self, lanes: Iterable[str]) -> None:
        for watcher in self._watchers:
            asyncio.get_running_loop().call_soon(watcher, frozenset(lanes))
