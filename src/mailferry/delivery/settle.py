"""What becomes of a recipient whose answer was lost, once the service was asked whether it has the message. Pure.

Leaves to others: asking (settler), sending again (worker). Invariants: a recipient is settled as delivered only by what
proves that one of the attempts whose answer was lost got through; a message is sent again only when the service did not
know it for as long as the configuration wants, or cannot be asked and the policy is to resend.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailferry.delivery.settings import DeliverySettings, UnknownPolicy
from mailferry.routes.sighting import CannotTell, NotSeen, Seen, Sighting
from mailferry.spool.api import LOST_ANSWER, Claim, Event, MessageView, Move, State
from mailferry.spool.guard import GIVEN_BACK

#: Begin the replies of looks: found; not yet; not known, and by policy sent again all the same.
FOUND = "settled: found in"
NOT_YET = "answer lost, not found yet:"
UNTOLD = "answer lost, nobody can tell:"
NOT_FOUND = "answer lost, but not found in"
_AMBIGUOUS = "some attempts of this message got through, and it cannot be told for whom"


@dataclass(frozen=True, slots=True)
class Lost:
    """What the history says of the claims whose answer was lost: when that was, how often it was looked for since, how
    many handings over are known (`handed`), and to how many attempts the claims and other recipients in doubt belong
    (`doubts`). `told`: the decision to send again is made."""

    claims: tuple[Claim, ...]
    at: float
    looks: int
    handed: int
    doubts: int
    told: bool = False


def history(view: MessageView, claims: Sequence[Claim], mailbox: str) -> Lost:
    """What is known of `claims`, the ones in doubt, of a message that is sent from `mailbox`."""
    ours = {claim.recipient.address for claim in claims}
    doubts: set[tuple[str, float]] = set()
    at, looks, told = 0.0, 0, True
    for one in view.recipients:
        if one.address not in ours and one.state is not State.UNKNOWN:
            continue
        if _mailbox(one.lane) != mailbox:
            continue
        last = _last_attempt([event for event in view.events if event.recipient == one.address])
        began = last[0].at if last else view.message.received_at
        doubts.add((one.lane, began))
        if one.address in ours:
            losses = [event for event in last[1:] if not event.detail.startswith(NOT_YET)]
            at = max(at, losses[0].at if losses else began)
            looks = max(looks, len(last[1:]) - len(losses))
            told = told and bool(losses) and losses[-1].detail.startswith(UNTOLD)
    handed = {
        (event.lane, event.at)
        for event in view.events
        if event.kind == State.DELIVERED and _mailbox(event.lane) == mailbox
    }
    return Lost(tuple(claims), at, looks, len(handed), max(1, len(doubts)), told)


def _last_attempt(events: Sequence[Event]) -> list[Event]:
    """The claim of the last attempt that was made, and the events of doubt after it."""
    found: list[Event] = []
    for place, event in enumerate(events):
        if event.kind == State.CLAIMED:
            after = events[place + 1] if place + 1 < len(events) else None
            if after is not None and not _looked(after):
                found = [event]
        elif found and event.kind in (State.UNKNOWN, "interrupted") and event.detail != GIVEN_BACK:
            found.append(event)
    return found


def _looked(event: Event) -> bool:
    """Whether a claim that ended so was for looking, or for nothing."""
    return event.detail == GIVEN_BACK or event.detail.startswith((NOT_YET, UNTOLD, NOT_FOUND, FOUND))


def _mailbox(lane: str) -> str:
    return lane.partition("/")[2]


def moves(lost: Lost, sighting: Sighting, settings: DeliverySettings, now: float) -> list[Move]:
    """What follows for each claim."""
    if isinstance(sighting, Seen):
        seen = {claim.id: what for claim in lost.claims if (what := _seen(lost, claim, sighting)) is not None}
        found = [Move(key, State.DELIVERED, now, what, count=False) for key, what in seen.items()]
        rest = [claim for claim in lost.claims if claim.id not in seen]
        if not rest:
            return found
        some = sighting.recipients is None and sighting.copies > lost.handed
        other: Sighting = CannotTell(_AMBIGUOUS, lasting=False) if some else NotSeen(sighting.where)
        return found + [_unseen(lost, claim, other, settings, now) for claim in rest]
    return [_unseen(lost, claim, sighting, settings, now) for claim in lost.claims]


def _seen(lost: Lost, claim: Claim, sighting: Seen) -> str | None:
    """The words for a claim that is proved to have got through."""
    if sighting.recipients is None:
        proved = sighting.copies >= lost.handed + lost.doubts
        return f"{FOUND} {sighting.where}" if proved else None
    status = sighting.recipients.get(claim.recipient.address.lower())
    if status is None and not lost.handed and lost.doubts == 1:
        status = "known"  # under another name of the recipient: all of one attempt went together
    return None if status is None else f"{FOUND} {sighting.where}, which says {status or 'nothing more'}"


def _unseen(lost: Lost, claim: Claim, sighting: Sighting, settings: DeliverySettings, now: float) -> Move:
    """For a claim that was not found: wait, or what the policy says."""
    failed = isinstance(sighting, CannotTell)
    said = sighting.reason if isinstance(sighting, CannotTell) else f"no such message in {sighting.where}"
    waited = now - lost.at
    patient = 0 <= waited < settings.lookup_patience
    if patient and not (isinstance(sighting, CannotTell) and sighting.lasting):
        due = now + wait(settings, lost.looks + 1)
        return Move(claim.id, State.UNKNOWN, now, f"{NOT_YET} {said}", due, count=False)
    if settings.unknown is UnknownPolicy.HOLD or claim.attempts > settings.unknown_resends:
        return Move(claim.id, State.HELD, now, f"{LOST_ANSWER} {said}", count=False)
    if failed:
        return Move(claim.id, State.UNKNOWN, now, f"{UNTOLD} {said}; sent again", now, count=False)
    where = sighting.where if not isinstance(sighting, CannotTell) else ""
    return Move(claim.id, State.DEFERRED, now, f"{NOT_FOUND} {where}; sent again", now, count=False)


def wait(settings: DeliverySettings, looks: int) -> float:
    """Seconds from look number `looks` (0: from the loss) to the next."""
    return settings.lookup[min(looks, len(settings.lookup) - 1)]
