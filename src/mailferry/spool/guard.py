"""What every store checks the same way before it writes: drafts that can be kept, moves that are allowed, filters.

Leaves to others: the guards of the statements themselves (sqlite/queries.sql), which hold whatever gets past here.
Invariant: what is refused here is refused by every store with the same SpoolError.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from mailferry.mail.message import Message, MessageId
from mailferry.spool.api import FINAL, MOVES, Accepted, Filter, Lease, Move, SpoolError, State

#: LIKE and lower() of SQLite fold A-Z only; so does every other store.
_FOLD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")

#: JSON ends a text at NUL, and a lone surrogate has no UTF-8: SQLite would give another address back, or none at all.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")

NOT_FINAL = frozenset(State) - FINAL


def accept(identity: MessageId, accepted: Accepted, size: int, now: float) -> Message:
    """The message that a draft becomes. Raises SpoolError for one that could never leave, or not as it came: without
    recipients, without a lane, or with an address that a store could not give back letter by letter."""
    envelope = accepted.envelope
    if not envelope.recipients:
        raise SpoolError("a message needs a recipient")
    if len(accepted.lanes) != len(envelope.recipients):
        raise SpoolError("every recipient needs a lane")
    for each in envelope.recipients:
        if _UNSTORABLE.search(each.address) or (each.orcpt and _UNSTORABLE.search(each.orcpt)):
            raise SpoolError(f"no address: {each.address!r}")
    if _UNSTORABLE.search(envelope.reverse_path):
        raise SpoolError(f"no address: {envelope.reverse_path!r}")
    header_id, subject = clean(accepted.header_id), clean(accepted.subject)
    return Message(identity, envelope, accepted.origin, size, now, accepted.mailbox, header_id, subject)


def clean(text: str) -> str:
    """The text without what no UTF-8 can say: it is for people to read, and must never keep mail from being stored."""
    return text if text.isascii() else _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def check_moves(lease: Lease, moves: Sequence[Move]) -> dict[int, Move]:
    """The moves by claim. Raises SpoolError for a claim of another lease, a second move, or one MOVES forbids."""
    claims = {claim.id for claim in lease.claims}
    found: dict[int, Move] = {}
    for move in moves:
        if move.claim not in claims:
            raise SpoolError(f"claim {move.claim} is not part of the lease")
        if move.claim in found:
            raise SpoolError(f"claim {move.claim} has two moves")
        if move.state not in MOVES[State.CLAIMED]:
            raise SpoolError(f"a claimed recipient cannot become {move.state}")
        if not move.reply.isascii() or not move.report.isascii():
            move = replace(move, reply=clean(move.reply), report=clean(move.report))
        found[move.claim] = move
    return found


def wanted_states(which: Filter) -> frozenset[State]:
    return which.states or NOT_FINAL


def used_before(before: float, now: float) -> float:
    """From when on budget is kept when what ended before `before` is forgotten: limits count over a day."""
    return min(before, now - 2 * 86400.0)


def fold(text: str) -> str:
    return text.translate(_FOLD)


def matches(pattern: str | None, text: str) -> bool:
    """Whether `text` is `pattern`, where * stands for anything and the case of A-Z does not matter."""
    if pattern is None:
        return True
    parts = (re.escape(part) for part in fold(pattern).split("*"))
    return re.fullmatch(".*".join(parts), fold(text), re.DOTALL) is not None


def like(pattern: str | None) -> str | None:
    """The same pattern for LIKE … ESCAPE '\\'."""
    if pattern is None:
        return None
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")


#: Texts of events that every store writes.
GIVEN_BACK = "not attempted, due again"
INTERRUPTED = "the attempt was interrupted and may have got through"


def lost_lease(moves: Sequence[Move]) -> str:
    """What the event says when an attempt ended after its lease."""
    said = "; ".join(f"{move.state}: {move.reply}" for move in moves)
    return f"the lease was lost, not recorded: {said or 'nothing'}"


def turned(before: str, why: str) -> str:
    """The event of a recipient that leaves by another lane."""
    return f"lane changed from {before}" + (f": {why}" if why else "")


def in_turn(waiting: Sequence[tuple[str, MessageId]], limit: int, last: str) -> list[MessageId]:
    """The messages of a claim: a client's first `limit` of (client, message) are looked at; of those, clients take
    turns, a message each in the order they came, beginning with the one after `last`."""
    found: dict[str, list[MessageId]] = {}
    for client, message in waiting:
        if len(found.setdefault(client, [])) < limit:
            found[client].append(message)
    turns = [
        (lap, client <= last, client, message)
        for client, messages in found.items()
        for lap, message in enumerate(sorted(messages))
    ]
    return [message for *_, message in sorted(turns)[:limit]]
