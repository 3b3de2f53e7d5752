"""From the outcome for a recipient to its next state. Pure.

Leaves to others: the lane's part in it (breaker) and reports (bounce).
Invariants: only a Failed outcome becomes FAILED; only trouble of the message's own becomes EXPIRED; what a lane's fault
delays neither counts nor ends; an answer that was lost stays UNKNOWN until an attempt or a person settles it.
"""

from __future__ import annotations

from mailferry.delivery.retry import Schedule, sender_wait
from mailferry.delivery.settings import DeliverySettings, UnknownPolicy
from mailferry.mail.message import Message
from mailferry.mail.outcome import Deferred, Delivered, Failed, Outcome, Unknown
from mailferry.routes.faults import OWN, Fault
from mailferry.spool.api import LOST_ANSWER, Claim, Move, State

#: Begins the reply of a recipient whose message the store has lost.
BODILESS = "held, its body is missing:"
#: Begins the reply of a recipient that failed and may not be reported.
UNREPORTABLE = "held, refused for good and nobody may be told:"


def after(
    claim: Claim, outcome: Outcome, message: Message, settings: DeliverySettings, schedule: Schedule,
    now: float, resume: float, look: float | None = None,
) -> Move:  # fmt: skip
    """The move for `claim`. `resume` is when its lane may send again; `look` the seconds until the service can be asked
    for a message whose answer was lost, None where it cannot be asked."""
    text = str(outcome.reply)
    match outcome:
        case Delivered():
            return Move(claim.id, State.DELIVERED, now, text)
        case Failed():
            return Move(claim.id, State.FAILED, now, text)
        case Unknown():
            if look is not None:  # settle decides, once the service has said what it knows
                return Move(claim.id, State.UNKNOWN, now, text, now + look)
            return _unknown(claim, text, message, settings, schedule, now)
        case Deferred(lane_fault=Fault.BODY):  # no other attempt would mend that: a person has to
            return Move(claim.id, State.HELD, now, f"{BODILESS} {text}", count=False)
        case Deferred(lane_fault=Fault.EXTERNAL, retry_after=hint):
            state = State.UNKNOWN if claim.state is State.UNKNOWN else State.DEFERRED
            return Move(claim.id, state, now, text, now + (hint or sender_wait(0.0)), count=False)
        case Deferred(lane_fault=fault) if fault:
            state = State.UNKNOWN if claim.state is State.UNKNOWN else State.DEFERRED
            if fault == Fault.SENDER or fault in OWN:
                resume = max(resume, now + sender_wait(now - message.received_at))
            return Move(claim.id, state, now, text, max(resume, now), count=False)
        case Deferred(retry_after=hint):
            attempts = claim.attempts + 1
            lost = claim.state is State.UNKNOWN
            if schedule.expired(attempts, now - message.received_at):
                if lost:  # a bounce would deny what may have arrived: a person decides
                    return Move(claim.id, State.HELD, now, f"{LOST_ANSWER} {text}")
                return Move(claim.id, State.EXPIRED, now, text)
            state = State.UNKNOWN if lost else State.DEFERRED
            return Move(claim.id, state, now, text, now + schedule.wait(message.id, attempts, hint))


def _unknown(
    claim: Claim, text: str, message: Message, settings: DeliverySettings, schedule: Schedule, now: float
) -> Move:
    attempts = claim.attempts + 1
    again = claim.state is State.UNKNOWN and attempts > settings.unknown_resends
    if settings.unknown is UnknownPolicy.HOLD or again:
        return Move(claim.id, State.HELD, now, f"{LOST_ANSWER} {text}")
    return Move(claim.id, State.UNKNOWN, now, text, now + schedule.wait(message.id, attempts))


def held_unsettled(claim: Claim, settings: DeliverySettings, now: float) -> Move | None:
    """The move for a recipient that must not be tried: one whose earlier answer was lost, under the policy "hold"."""
    if claim.state is not State.UNKNOWN or settings.unknown is not UnknownPolicy.HOLD:
        return None
    return Move(claim.id, State.HELD, now, f"{LOST_ANSWER} an earlier attempt was interrupted", count=False)
