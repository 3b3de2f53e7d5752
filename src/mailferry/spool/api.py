"""What the rest of the gateway may ask of the store of accepted mail.

Leaves to others: choosing routes and times (routes, delivery), reading SMTP (listener).
Invariants: `commit` completes only after the message is on stable storage; a recipient moves only along MOVES, and
every move leaves an event in the same transaction; a body stays as long as one recipient of it is not final.
All futures are asyncio futures of the loop that opened the spool, so that a caller may await one or add a callback.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from mailferry.mail.body import Body
from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.mail.message import Message, MessageId


class State(StrEnum):
    """The state of one recipient of one message."""

    QUEUED = "queued"  # accepted, never tried
    CLAIMED = "claimed"  # an attempt holds the lease
    DEFERRED = "deferred"  # tried, will be tried again
    UNKNOWN = "unknown"  # handed over, answer lost; waits to be settled
    HELD = "held"  # an administrator or a policy stopped it
    DELIVERED = "delivered"  # final
    FAILED = "failed"  # final: refused for good, bounced
    EXPIRED = "expired"  # final: tried too long, bounced
    DROPPED = "dropped"  # final: removed by an administrator

    @property
    def final(self) -> bool:
        return self in FINAL


FINAL = frozenset({State.DELIVERED, State.FAILED, State.EXPIRED, State.DROPPED})
WAITING = frozenset({State.QUEUED, State.DEFERRED, State.UNKNOWN})

#: Every allowed move. Enforced again in SQL by the guards of each statement.
MOVES: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.CLAIMED, State.HELD, State.DROPPED, State.EXPIRED}),
    State.DEFERRED: frozenset({State.CLAIMED, State.HELD, State.DROPPED, State.EXPIRED, State.DEFERRED}),
    State.UNKNOWN: frozenset(
        {State.CLAIMED, State.HELD, State.DROPPED, State.EXPIRED, State.DELIVERED, State.DEFERRED}
    ),
    State.HELD: frozenset({State.DEFERRED, State.DROPPED}),
    State.CLAIMED: frozenset(
        {State.DELIVERED, State.DEFERRED, State.UNKNOWN, State.FAILED, State.EXPIRED, State.HELD, State.QUEUED}
    ),
    State.DELIVERED: frozenset(),
    State.FAILED: frozenset(),
    State.EXPIRED: frozenset(),
    State.DROPPED: frozenset(),
}


class SpoolError(Exception):
    """Root of what the spool raises."""


class SpoolFull(SpoolError):
    """Too little space or too few inodes: the client gets 452 4.3.1."""


class SpoolFailed(SpoolError):
    """The store could not write or sync: the client gets 451 4.3.0. Nothing of the draft is kept."""


class SpoolBusy(SpoolError):
    """Another gateway holds this spool directory."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a draft becomes at commit. `lanes[i]` is the lane of `envelope.recipients[i]`, as routes.table chose it."""

    envelope: Envelope
    origin: Origin
    mailbox: str
    lanes: tuple[str, ...]
    header_id: str
    subject: str = ""


class Draft(Protocol):
    """An uncommitted message. Exactly one of commit and abort ends it; either way nothing else may be called after.

    `id` is what the message will be known by (the Received field names it); `size` the octets written so far."""

    id: MessageId
    size: int

    def write(self, data: bytes) -> None:
        """Append octets. Never blocks; errors surface at commit."""
        ...

    def drain(self) -> Future[None] | None:
        """None while the store keeps up, else a future that completes when more may be written (stop reading)."""
        ...

    def commit(self, accepted: Accepted) -> Future[MessageId]:
        """Completes when the message is durable. Fails with SpoolFull or SpoolFailed, and then nothing is kept."""
        ...

    def abort(self) -> None:
        """Forget everything."""
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """One recipient under lease. `id` is the recipient's row, `attempts` those made before this one."""

    id: int
    recipient: Recipient
    attempts: int
    state: State  # the state it was claimed from


@dataclass(frozen=True, slots=True)
class Lease:
    """The recipients of one message in one lane, held by this gateway until `expires` (seconds since the epoch).
    `token` names this lease in the store; it is never used again."""

    message: Message
    lane: str
    claims: tuple[Claim, ...]
    body: Body = field(repr=False)
    expires: float
    token: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """What an attempt decided for one claim. `at` the time of the answer; `next_attempt` only for the waiting states
    (None there: due at `at`); `reply` is what the event shows ("250 2.0.0 OK …"); `count` False where the attempt
    must not count. `report` tells of the delivery status notification that was stored for this move before it
    ("<queue id> to <address>"): where it is given, an event "bounced" with this detail joins the move's own."""

    claim: int
    state: State
    at: float
    reply: str
    next_attempt: float | None = None
    count: bool = True
    report: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """What an attempt took from the lane's budget."""

    messages: int
    recipients: int


@dataclass(frozen=True, slots=True)
class UsedMinute:
    """Budget taken in one minute; `minute` is epoch seconds // 60."""

    minute: int
    messages: int
    recipients: int


@dataclass(frozen=True, slots=True)
class LaneDue:
    """A lane with waiting recipients: how many, and when the first is due (seconds since the epoch)."""

    lane: str
    waiting: int
    due: float


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a message's history. `recipient` is None for events of the whole message."""

    message: MessageId
    at: float
    kind: str  # accepted, claimed, a State's value, interrupted, released, retried, bounced, note
    recipient: str | None
    lane: str
    detail: str


@dataclass(frozen=True, slots=True)
class RecipientView:
    id: int
    address: str
    state: State
    lane: str
    attempts: int
    next_attempt: float | None
    last_reply: str


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message with the state of its recipients, for people and programs. `events` only in `show`."""

    message: Message
    recipients: tuple[RecipientView, ...]
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """Which messages: every field that is given must match. Texts with * match as wildcards, case-insensitive."""

    ids: tuple[MessageId, ...] = ()
    states: frozenset[State] = frozenset()  # empty: every state that is not final
    sender: str | None = None
    recipient: str | None = None
    client: str | None = None
    lane: str | None = None
    older_than: float | None = None  # received before, seconds since the epoch
    newer_than: float | None = None


@dataclass(frozen=True, slots=True)
class Alarm:
    """A standing fault that somebody must see. `key` e.g. "lane:exo/scan@example.com"."""

    key: str
    since: float
    text: str
    cure: str = ""


class Spool(Protocol):
    """The store. One gateway opens it with `serve=True` and owns the leases; other processes open it beside."""

    async def open(self) -> None:
        """Open or create, migrate, probe the directory, sweep orphans; with `serve` also turn the claims of a killed
        gateway back: they go to UNKNOWN (the attempt may have got through), due at once, with event "interrupted",
        and their budget counts as used. Raises SpoolBusy, SpoolFailed."""
        ...

    async def close(self) -> None: ...

    def draft(self, size: int | None = None) -> Draft:
        """Begin a message; `size` octets as the client announced. Raises SpoolFull at once when space is short."""
        ...

    def full(self) -> str:
        """Why no mail can be taken now ("" when it can): cheap, for the greeting and MAIL."""
        ...

    def claim(self, lane: str, now: float, limit: int, lease: float) -> Future[list[Lease]]:
        """Lease up to `limit` messages of `lane` that are due, for `lease` seconds, oldest due first. All due
        recipients of a message in that lane come in one Lease."""
        ...

    def record(self, lease: Lease, moves: Sequence[Move], use: Use) -> Future[bool]:
        """Store what an attempt did: states, events, budget, in one transaction. Claims without a Move go back to
        the state they came from, due now. Completes when durable; False when the lease was no longer ours (nothing
        is stored then but an event). When the last recipient becomes final the body is removed."""
        ...

    def lanes(self) -> Future[list[LaneDue]]:
        """Every lane with QUEUED, DEFERRED or UNKNOWN recipients."""
        ...

    def used(self, lane: str, since: float) -> Future[list[UsedMinute]]:
        """Budget taken in the lane since `since`, oldest first."""
        ...

    def watch(self, changed: Callable[[Iterable[str] | None], None]) -> None:
        """Call `changed` with the lanes that got new or newly due mail: after each commit of this process, and
        (None: any) within a second after another process changed the spool."""
        ...

    def reroute(self, choose: Callable[[Message, Recipient], str | None]) -> Future[int]:
        """Recompute the lane of every recipient that is not final or claimed; None keeps it. The number changed."""
        ...

    def find(self, which: Filter, limit: int = 100, after: MessageId | None = None) -> Future[list[MessageView]]:
        """Messages with at least one recipient that matches, newest last, without events."""
        ...

    def show(self, message: MessageId) -> Future[MessageView | None]:
        """One message with all its recipients and events."""
        ...

    def body(self, message: MessageId) -> Future[Body | None]: ...

    def counts(self) -> Future[dict[State, int]]:
        """Recipients per state."""
        ...

    def hold(self, which: Filter, now: float, who: str) -> Future[int]:
        """Move matching waiting recipients to HELD; the number moved. Claimed ones are left alone."""
        ...

    def release(self, which: Filter, now: float, who: str) -> Future[int]:
        """Move matching HELD recipients to DEFERRED, due now."""
        ...

    def retry(self, which: Filter, now: float, who: str) -> Future[int]:
        """Make matching DEFERRED, QUEUED and UNKNOWN recipients due now."""
        ...

    def drop(self, which: Filter, now: float, who: str) -> Future[int]:
        """Move matching waiting or held recipients to DROPPED. No bounce is written."""
        ...

    def settle(self, which: Filter, now: float, who: str) -> Future[int]:
        """Move matching UNKNOWN recipients to DELIVERED: somebody saw that the message arrived."""
        ...

    def raise_alarm(self, alarm: Alarm) -> Future[bool]:
        """Store it; True when the key was not standing before."""
        ...

    def clear_alarm(self, key: str) -> Future[bool]:
        """True when it stood."""
        ...

    def alarms(self) -> Future[list[Alarm]]: ...

    def purge(self, before: float) -> Future[int]:
        """Forget messages whose last recipient became final before `before`; the number removed."""
        ...
