"""What the memory store keeps of a message: its recipients' state, its events, its bytes; and the draft of one.

Leaves to others: which moves are asked for (spool.memory). Invariant: `move` is the only way a state changes; it
keeps MOVES and leaves an event.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from mailferry.mail.body import CHUNK, BodyGone
from mailferry.mail.envelope import Recipient
from mailferry.mail.message import Message, MessageId
from mailferry.spool.api import (
    FINAL,
    LOST_ANSWER,
    MOVES,
    Accepted,
    Claim,
    Event,
    Filter,
    MessageView,
    RecipientView,
    SpoolError,
    State,
)
from mailferry.spool.guard import matches, wanted_states


@dataclass(slots=True)
class Row:
    """One recipient."""

    id: int
    recipient: Recipient
    lane: str
    next_attempt: float | None
    state: State = State.QUEUED
    attempts: int = 0
    last_reply: str = ""
    came_from: State = State.QUEUED
    token: int = 0
    expires: float = 0.0
    begun: bool = False

    @property
    def lost(self) -> bool:
        """Whether an attempt's answer was lost and nothing has settled it."""
        held = self.came_from is State.UNKNOWN or self.last_reply.startswith(LOST_ANSWER)
        return self.state is State.UNKNOWN or (self.state is State.HELD and held)

    def claim(self) -> Claim:
        return Claim(self.id, self.recipient, self.attempts, self.came_from)

    def view(self) -> RecipientView:
        return RecipientView(
            self.id,
            self.recipient.address,
            self.state,
            self.lane,
            self.attempts,
            self.next_attempt,
            self.last_reply,
        )


@dataclass(slots=True)
class Entry:
    """One message."""

    message: Message
    rows: list[Row]
    data: bytes | None
    events: list[Event] = field(default_factory=list)
    finished: float | None = None

    def note(self, at: float, kind: str, row: Row | None, lane: str, detail: str) -> None:
        address = None if row is None else row.recipient.address
        self.events.append(Event(self.message.id, at, kind, address, lane, detail))

    def move(self, row: Row, state: State, at: float, detail: str, due: float | None = None, kind: str = "") -> None:
        """Change the state of `row`, with its event; the body goes when no recipient needs it any more."""
        if state not in MOVES[row.state]:
            raise SpoolError(f"a recipient cannot move from {row.state} to {state}")
        row.came_from = State.QUEUED if row.state is State.CLAIMED else row.state
        row.state, row.next_attempt = state, due
        self.note(at, kind or state.value, row, row.lane, detail)
        if all(each.state in FINAL for each in self.rows):
            self.finished, self.data = at, None

    def matching(self, which: Filter) -> list[Row]:
        """The recipients for which every field of the filter matches."""
        message = self.message
        if which.ids and message.id not in which.ids:
            return []
        if not matches(which.sender, message.envelope.reverse_path) or not matches(which.client, message.origin.client):
            return []
        if which.older_than is not None and message.received_at >= which.older_than:
            return []
        if which.newer_than is not None and message.received_at <= which.newer_than:
            return []
        states = wanted_states(which)
        return [
            row
            for row in self.rows
            if row.state in states
            and matches(which.recipient, row.recipient.address)
            and matches(which.lane, row.lane)
            and (which.due_after is None or (row.next_attempt is not None and row.next_attempt > which.due_after))
        ]

    def view(self, *, events: bool = False) -> MessageView:
        return MessageView(self.message, tuple(row.view() for row in self.rows), tuple(self.events) if events else ())


class EntryBody:
    """The bytes of an entry, as long as it has them."""

    __slots__ = ("_entry",)

    def __init__(self, entry: Entry) -> None:
        self._entry = entry

    @property
    def size(self) -> int:
        return self._entry.message.size

    @property
    def inline(self) -> bytes | None:
        return self._entry.data

    async def chunks(self) -> AsyncIterator[bytes]:
        data = self._entry.data
        if data is None:
            raise BodyGone(f"message {self._entry.message.id} has no body any more")
        for start in range(0, len(data), CHUNK):
            yield data[start : start + CHUNK]


class MemoryDraft:
    """A message being written into memory."""

    def __init__(self, store: Callable[[MessageId, bytes, Accepted], Future[MessageId]], message: MessageId) -> None:
        self._store = store
        self._chunks: list[bytes] | None = []
        self.id = message
        self.size = 0

    def write(self, data: bytes) -> None:
        if self._chunks is None:
            raise SpoolError("the draft is closed")
        self._chunks.append(bytes(data))
        self.size += len(data)

    def drain(self) -> Future[None] | None:
        return None

    def commit(self, accepted: Accepted) -> Future[MessageId]:
        if self._chunks is None:
            raise SpoolError("the draft is closed")
        data, self._chunks = b"".join(self._chunks), None
        return self._store(self.id, data, accepted)

    def abort(self) -> None:
        self._chunks = None
