"""The values of the store: states and the moves between them, leases, moves of an attempt, views, filters, alarms.

Leaves to others: what may be asked of the store (api, whose names these are for everybody else).
Invariant: a recipient moves only along MOVES; the values never change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

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
    State.HELD: frozenset({State.DEFERRED, State.DROPPED, State.DELIVERED}),
    State.CLAIMED: frozenset(
        {State.DELIVERED, State.DEFERRED, State.UNKNOWN, State.FAILED, State.EXPIRED, State.HELD, State.QUEUED}
    ),
    State.DELIVERED: frozenset(),
    State.FAILED: frozenset(),
    State.EXPIRED: frozenset(),
    State.DROPPED: frozenset(),
}


#: Begins the reply of a recipient that is held because nobody knows whether it was delivered.
LOST_ANSWER = "held, may have been delivered:"


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


@dataclass(frozen=True, slots=True)
class Claim:
    """One recipient under lease. `id` is the recipient's row, `attempts` those made before this one."""

    id: int
    recipient: Recipient
    attempts: int
    state: State  # the state it was claimed from


@dataclass(frozen=True, slots=True)
class Lease:
    """The recipients of one message in one lane, held by this gateway until `expires` (seconds of its clock's
    monotonic()). `token` names this lease in the store; it is never used again. `begun`: it is on record that the lease
    is attempted, so that a kill leaves it in doubt."""

    message: Message
    lane: str
    claims: tuple[Claim, ...]
    body: Body = field(repr=False)
    expires: float
    token: int = 0
    begun: bool = True


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
    kind: str  # accepted, claimed, a State's value, interrupted, released, retried, bounced, returned, note
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
class Turn:
    """Another lane for a recipient that waits, why (for its history), and when it is due there (None: as before)."""

    lane: str
    why: str = ""
    due: float | None = None


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
    due_after: float | None = None  # waiting for a time after this


@dataclass(frozen=True, slots=True)
class Alarm:
    """A standing fault that somebody must see. `key` e.g. "lane:exo/scan@example.com"."""

    key: str
    since: float
    text: str
    cure: str = ""
