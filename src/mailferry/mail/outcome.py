"""What one attempt did to one recipient.

Leaves to others: choosing the next attempt (delivery.retry), the exceptions of a route (routes.classify) and the report
(mail.dsn). Invariant: nothing unknown ever becomes Failed.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailferry.smtp.replies import Reply


@dataclass(frozen=True, slots=True)
class Delivered:
    """The next hop took responsibility for this recipient."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Deferred:
    """Try again. `retry_after` in seconds is the service's own hint, never shorter than the schedule allows.

    `lane_fault` names a fault of our side of the upstream (token, switch, permission, throttle, connection) that
    holds for every message of the lane: the lane pauses, an alarm is raised, and the attempt does not count against
    the message's expiry. "" when the trouble is the message's own (greylisting, a full mailbox).
    """

    reply: Reply
    retry_after: float | None = None
    lane_fault: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """The next hop refused this recipient or message for good."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Unknown:
    """The message was handed over whole and the answer was lost: it may or may not have been taken."""

    reply: Reply


Outcome = Delivered | Deferred | Failed | Unknown


def from_reply(reply: Reply) -> Outcome:
    """By the first digit (RFC 5321 section 4.2.1); what is neither 2yz nor 5yz is deferred."""
    match reply.code // 100:
        case 2:
            return Delivered(reply)
        case 5:
            return Failed(reply)
        case _:
            return Deferred(reply)
