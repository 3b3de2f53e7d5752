"""A store in memory: the verified fake. It passes the contract suite that the durable stores pass.

Leaves to others: durability. A test may also make it refuse: `refuse` is what full() answers, `fail` is raised by the
next commit. Invariant: what survives `open()` again is what a durable store would keep; claims become UNKNOWN.
"""

from __future__ import annotations

import itertools
from asyncio import Future
from collections.abc import Callable, Iterable, Sequence

from mailferry.clock import Clock
from mailferry.mail.body import Body
from mailferry.mail.message import IdSource, MessageId
from mailferry.spool.api import (
    WAITING,
    Accepted,
    Choose,
    Filter,
    LaneDue,
    Lease,
    MessageView,
    Move,
    SpoolError,
    SpoolFull,
    State,
    Use,
    UsedMinute,
)
from mailferry.spool.guard import GIVEN_BACK, INTERRUPTED, accept, check_moves, in_turn, lost_lease, turned, used_before
from mailferry.spool.memory_rows import Entry, EntryBody, MemoryDraft, Row
from mailferry.spool.memory_verbs import MemoryVerbs, done, failed


class MemorySpool(MemoryVerbs):
    """The Spool protocol over dictionaries."""

    def __init__(self, clock: Clock, ids: IdSource) -> None:
        self._clock = clock
        self._ids = ids
        super().__init__()
        self._usage: dict[tuple[str, int], tuple[int, int]] = {}
        self._rows = itertools.count(1)
        self._tokens = itertools.count(1)
        self.refuse = ""
        self.fail: SpoolError | None = None

    async def open(self) -> None:
        self._interrupt(None)

    async def close(self) -> None:
        self._watchers.clear()

    def full(self) -> str:
        return self.refuse

    def draft(self, size: int | None = None) -> MemoryDraft:
        if self.refuse:
            raise SpoolFull(self.refuse)
        return MemoryDraft(self._store, self._ids.next())

    def _store(self, identity: MessageId, data: bytes, accepted: Accepted) -> Future[MessageId]:
        error, self.fail = self.fail, None
        if error is not None:
            return failed(error)
        now = self._clock.time()
        try:
            message = accept(identity, accepted, len(data), now)
        except SpoolError as refused:
            return failed(refused)
        rows = [
            Row(next(self._rows), recipient, lane, now)
            for recipient, lane in zip(accepted.envelope.recipients, accepted.lanes, strict=True)
        ]
        entry = self._entries[identity] = Entry(message, rows, data)
        entry.note(now, "accepted", None, "", f"from {accepted.origin.client} [{accepted.origin.address}]")
        self._changed(accepted.lanes)
        return done(identity)

    def claim(
        self, lane: str, now: float, limit: int, lease: float, last: str = "", begin: int | None = None
    ) -> Future[list[Lease]]:
        self._interrupt(self._clock.monotonic())
        due: dict[MessageId, list[Row]] = {}
        for entry, row in self._all():
            if row.lane == lane and row.state in WAITING and row.next_attempt is not None and row.next_attempt <= now:
                due.setdefault(entry.message.id, []).append(row)
        order = sorted(due, key=lambda message: (min(row.next_attempt or 0.0 for row in due[message]), message))
        chosen = set(in_turn([(self._entries[each].message.origin.client, each) for each in order], limit, last))
        taken = [each for each in order if each in chosen]
        expires, most = self._clock.monotonic() + lease, limit if begin is None else begin
        return done(
            [
                self._lease(self._entries[each], due[each], now, expires, begun=place < most)
                for place, each in enumerate(taken)
            ]
        )

    def begin(self, leases: Sequence[Lease]) -> Future[bool]:
        held: list[Row] = []
        for lease in leases:
            rows = [row for row in self._entries[lease.message.id].rows if row.token == lease.token]
            held += [row for row in rows if row.state is State.CLAIMED]
        if len(held) != sum(len(lease.claims) for lease in leases):
            return done(False)
        for row in held:
            row.begun = True
        return done(True)

    def _lease(self, entry: Entry, rows: list[Row], now: float, expires: float, *, begun: bool) -> Lease:
        token = next(self._tokens)
        for row in rows:
            row.came_from, row.token, row.expires, row.begun = row.state, token, expires, begun
            entry.move(row, State.CLAIMED, now, "")
        claims = tuple(row.claim() for row in rows)
        return Lease(entry.message, rows[0].lane, claims, EntryBody(entry), expires, token, begun)

    def record(self, lease: Lease, moves: Sequence[Move], use: Use) -> Future[bool]:
        try:
            found = check_moves(lease, moves)
        except SpoolError as refused:
            return failed(refused)
        now = max((move.at for move in moves), default=self._clock.time())
        entry = self._entries[lease.message.id]
        held = {row.id: row for row in entry.rows if row.state is State.CLAIMED and row.token == lease.token}
        if len(held) != len(lease.claims):
            entry.note(now, "note", None, lease.lane, lost_lease(moves))
            return done(False)
        due_now = False
        for claim in lease.claims:
            row, move = held[claim.id], found.get(claim.id)
            if move is None:
                due_now = True
                entry.move(row, row.came_from, now, GIVEN_BACK, now)
                continue
            due = (move.at if move.next_attempt is None else move.next_attempt) if move.state in WAITING else None
            due_now = due_now or (due is not None and due <= now)
            row.attempts += move.count
            row.last_reply = move.reply
            entry.move(row, move.state, move.at, move.reply, due)
            if move.report:
                entry.note(move.at, "bounced", row, row.lane, move.report)
        self._use(lease.lane, now, use)
        if due_now:
            self._changed([lease.lane])
        return done(True)

    def lanes(self) -> Future[list[LaneDue]]:
        self._interrupt(self._clock.monotonic())
        found: dict[str, list[float]] = {}
        for _, row in self._all():
            if row.state in WAITING:
                found.setdefault(row.lane, []).append(row.next_attempt or 0.0)
        return done([LaneDue(lane, len(due), min(due)) for lane, due in sorted(found.items())])

    def used(self, lane: str, since: float) -> Future[list[UsedMinute]]:
        return done(
            [
                UsedMinute(minute, *used)
                for (each, minute), used in sorted(self._usage.items())
                if each == lane and minute >= int(since // 60)
            ]
        )

    def senders(self, since: float) -> Future[list[str]]:
        return done(sorted({lane for lane, minute in self._usage if minute >= int(since // 60)}))

    def watch(self, changed: Callable[[Iterable[str] | None], None]) -> None:
        self._watchers.append(changed)

    def reroute(self, choose: Choose, most: int | None = None) -> Future[int]:
        changed: list[str] = []
        now = self._clock.time()
        for entry, row in self._all():
            if row.state not in WAITING and row.state is not State.HELD:
                continue
            turn = choose(entry.message, row.recipient, row.view())
            if turn is None or turn.lane == row.lane or (most is not None and len(changed) >= most):
                continue
            entry.note(now, "note", row, turn.lane, turned(row.lane, turn.why))
            row.lane = turn.lane
            if turn.due is not None and row.state in WAITING:
                row.next_attempt = turn.due
            changed.append(turn.lane)
        if changed:
            self._changed(changed)
        return done(len(changed))

    def find(self, which: Filter, limit: int = 100, after: MessageId | None = None) -> Future[list[MessageView]]:
        found = [
            entry.view()
            for identity, entry in sorted(self._entries.items())
            if (after is None or identity > after) and entry.matching(which)
        ]
        return done(found[:limit])

    def show(self, message: MessageId) -> Future[MessageView | None]:
        entry = self._entries.get(message)
        return done(None if entry is None else entry.view(events=True))

    def body(self, message: MessageId) -> Future[Body | None]:
        entry = self._entries.get(message)
        return done(None if entry is None or entry.data is None else EntryBody(entry))

    def counts(self) -> Future[dict[State, int]]:
        found = {state: 0 for state in State if not state.final}
        for _, row in self._all():
            if not row.state.final:
                found[row.state] += 1
        return done(found)

    def purge(self, before: float) -> Future[int]:
        gone = [key for key, entry in self._entries.items() if entry.finished is not None and entry.finished < before]
        for key in gone:
            del self._entries[key]
        minute = int(used_before(before, self._clock.time()) // 60)
        self._usage = {key: used for key, used in self._usage.items() if key[1] >= minute}
        return done(len(gone))

    def _interrupt(self, ended: float | None) -> None:
        """Turn claims back: all of them, or those that had ended by a time of the monotonic clock."""
        taken: dict[int, tuple[str, int]] = {}
        now = self._clock.time()
        for entry, row in self._all():
            if row.state is not State.CLAIMED or (ended is not None and row.expires > ended):
                continue
            if not row.begun:
                entry.move(row, row.came_from, now, GIVEN_BACK, now)
                continue
            taken[row.token] = (row.lane, taken.get(row.token, ("", 0))[1] + 1)
            row.attempts += 1
            entry.move(row, State.UNKNOWN, now, INTERRUPTED, now, "interrupted")
        for lane, recipients in taken.values():
            self._use(lane, now, Use(1, recipients))

    def _use(self, lane: str, at: float, use: Use) -> None:
        if use.messages or use.recipients:
            messages, recipients = self._usage.get((lane, int(at // 60)), (0, 0))
            self._usage[lane, int(at // 60)] = (messages + use.messages, recipients + use.recipients)
