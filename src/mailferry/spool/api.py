"""What the rest of the gateway may ask of the store of accepted mail, and by its names the values of values.py.

Leaves to others: choosing routes and times (routes, delivery), reading SMTP (listener).
Invariants: `commit` completes only after the message is on stable storage; a recipient moves only along MOVES, and
every move leaves an event in the same transaction; a body stays as long as one recipient of it is not final.
All futures are asyncio futures of the loop that opened the spool, so that a caller may await one or add a callback.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from mailferry.mail.body import Body
from mailferry.mail.envelope import Recipient
from mailferry.mail.message import Message, MessageId
from mailferry.spool.values import (
    FINAL,
    LOST_ANSWER,
    MOVES,
    WAITING,
    Accepted,
    Alarm,
    Claim,
    Event,
    Filter,
    LaneDue,
    Lease,
    MessageView,
    Move,
    RecipientView,
    SpoolBusy,
    SpoolError,
    SpoolFailed,
    SpoolFull,
    State,
    Turn,
    Use,
    UsedMinute,
)

__all__ = [
    "FINAL",
    "LOST_ANSWER",
    "MOVES",
    "WAITING",
    "Accepted",
    "Alarm",
    "Claim",
    "Draft",
    "Event",
    "Filter",
    "LaneDue",
    "Lease",
    "MessageView",
    "Move",
    "RecipientView",
    "Spool",
    "SpoolBusy",
    "SpoolError",
    "SpoolFailed",
    "SpoolFull",
    "State",
    "Turn",
    "Use",
    "UsedMinute",
]


#: Where a recipient that waits is to leave by; None: as it is.
Choose = Callable[[Message, Recipient, RecipientView], Turn | None]


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


class Spool(Protocol):
    """The store. One gateway opens it with `serve=True` and owns the leases; other processes open it beside."""

    async def open(self) -> None:
        """Open or create, migrate, probe the directory, sweep orphans; with `serve` also turn the claims of a killed
        gateway back: those that had begun go to UNKNOWN (the attempt may have got through), due at once, with event
        "interrupted", and their budget counts as used; the others to where they came from. Raises SpoolBusy,
        SpoolFailed."""
        ...

    async def close(self) -> None: ...

    def draft(self, size: int | None = None) -> Draft:
        """Begin a message; `size` octets as the client announced. Raises SpoolFull at once when space is short."""
        ...

    def full(self) -> str:
        """Why no mail can be taken now ("" when it can): cheap, for the greeting and MAIL."""
        ...

    def claim(
        self, lane: str, now: float, limit: int, lease: float, last: str = "", begin: int | None = None
    ) -> Future[list[Lease]]:
        """Lease up to `limit` messages of `lane` that are due, for `lease` seconds. Clients take turns, a message
        each, by name from the one after `last` on; of one client the oldest due come first. All due recipients of a
        message in that lane come in one Lease. The first `begin` of them (None: all) count as attempted from here on;
        the others only after `begin()`, and must not be attempted before."""
        ...

    def begin(self, leases: Sequence[Lease]) -> Future[bool]:
        """Record that these leases are attempted now. Completes when durable; False when one of them is no longer
        ours, and then nothing is recorded of any."""
        ...

    def record(self, lease: Lease, moves: Sequence[Move], use: Use) -> Future[bool]:
        """Store what an attempt did: states, events, budget, in one transaction. Claims without a Move go back to
        the state they came from, due now. Completes when durable; False when the lease was no longer ours (nothing
        is stored then but an event). When the last recipient becomes final the body is removed."""
        ...

    def lanes(self) -> Future[list[LaneDue]]:
        """Every lane with QUEUED, DEFERRED or UNKNOWN recipients, once leases that have expired were taken back."""
        ...

    def used(self, lane: str, since: float) -> Future[list[UsedMinute]]:
        """Budget taken in the lane since `since`, oldest first."""
        ...

    def senders(self, since: float) -> Future[list[str]]:
        """The lanes in which budget was used since `since`."""
        ...

    def watch(self, changed: Callable[[Iterable[str] | None], None]) -> None:
        """Call `changed` with the lanes that got new or newly due mail: after each commit of this process, and
        (None: any) within a second after another process changed the spool."""
        ...

    def reroute(self, choose: Choose, most: int | None = None) -> Future[int]:
        """Give recipients that are not final or claimed the lane that `choose` says, `most` of them at most, oldest
        message first. One that was claimed, or changed its state, after it was looked at stays. The number changed."""
        ...

    def find(self, which: Filter, limit: int = 100, after: MessageId | None = None) -> Future[list[MessageView]]:
        """Messages with at least one recipient that matches, newest last, without events."""
        ...

    def show(self, message: MessageId) -> Future[MessageView | None]:
        """One message with all its recipients and events."""
        ...

    def known(self, headers: Sequence[str], since: float) -> Future[list[MessageId]]:
        """Messages that were taken at `since` or later and have one of these Message-IDs."""
        ...

    def returned(self, message: MessageId, recipient: int, detail: str, at: float) -> Future[bool]:
        """Note that a recipient's mail came back after it was handed over: an event "returned", and the last reply. Its
        state stays. False when that is noted already, or there is no such recipient."""
        ...

    def body(self, message: MessageId) -> Future[Body | None]: ...

    def counts(self) -> Future[dict[State, int]]:
        """Recipients per state that is not final. Quick however long the history is."""
        ...

    def hold(self, which: Filter, now: float, who: str) -> Future[int]:
        """Move matching waiting recipients to HELD; the number moved. Claimed ones are left alone."""
        ...

    def release(self, which: Filter, now: float, who: str) -> Future[int]:
        """Move matching HELD recipients to DEFERRED, due now."""
        ...

    def retry(self, which: Filter, now: float, who: str) -> Future[int]:
        """Make matching DEFERRED, QUEUED and UNKNOWN recipients due now. UNKNOWN ones become DEFERRED: who retries them
        has decided that they are to be sent again."""
        ...

    def hasten(self, which: Filter, now: float, who: str) -> Future[int]:
        """The same without a decision: UNKNOWN ones stay so."""
        ...

    def drop(self, which: Filter, now: float, who: str) -> Future[int]:
        """Move matching waiting or held recipients to DROPPED. No bounce is written."""
        ...

    def settle(self, which: Filter, now: float, who: str) -> Future[int]:
        """Move matching recipients whose answer was lost to DELIVERED: somebody saw that the message arrived. They are
        UNKNOWN, or HELD with a reply that begins with LOST_ANSWER, or were UNKNOWN when somebody held them."""
        ...

    def raise_alarm(self, alarm: Alarm) -> Future[bool]:
        """Store it; True when the key was not standing before."""
        ...

    def clear_alarm(self, key: str) -> Future[bool]:
        """True when it stood."""
        ...

    def alarms(self) -> Future[list[Alarm]]: ...

    def purge(self, before: float) -> Future[int]:
        """Forget messages whose last recipient became final before `before`; the number removed. Budget goes with
        them, but never that of the last two days: limits count over one."""
        ...
