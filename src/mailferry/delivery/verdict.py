"""What one attempt says about its lane, and the words in which an administrator hears of it. Pure.

Leaves to others: what the lane does then (health, breaker) and what happens to the message (decide).
Invariant: an answer to the message itself, good or bad, is proof that the lane works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mailferry.m365 import errors
from mailferry.mail.outcome import Deferred, Outcome, Unknown
from mailferry.routes.faults import OWN, Fault
from mailferry.smtp.replies import Reply

#: Kinds of trouble beside those a route names.
LOST = "lost"  # handed over whole, and the answer never came
BUG = "bug"  # the transport raised, which it must not
NO_ROUTE = "no such route"

#: Trouble that passes by itself more often than not: an alarm only when it lasts.
PASSING = frozenset({Fault.THROTTLE.value, LOST, BUG})


@dataclass(frozen=True, slots=True)
class Verdict:
    """`kind` is "" when the lane works, else a Fault's value, LOST or BUG; one of OWN says nothing about the lane.
    `hint` the seconds the service asks for."""

    kind: str = ""
    reply: Reply | None = None
    hint: float | None = None


WORKS = Verdict()


def judge(outcomes: Sequence[Outcome]) -> Verdict:
    """What the outcomes of one attempt say about the lane. A fault beside other answers still is one."""
    for outcome in outcomes:
        if isinstance(outcome, Deferred) and outcome.lane_fault and outcome.lane_fault not in OWN:
            return Verdict(outcome.lane_fault, outcome.reply, outcome.retry_after)
    own = [outcome for outcome in outcomes if isinstance(outcome, Deferred) and outcome.lane_fault]
    if own and len(own) == len(outcomes):
        return Verdict(own[0].lane_fault, own[0].reply)
    if outcomes and all(isinstance(outcome, Unknown) for outcome in outcomes):
        return Verdict(LOST, outcomes[0].reply)
    return WORKS


#: Cause and cure per kind, where nothing better is known about the answer.
_WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        Fault.CONNECTION: (
            "The next server cannot be reached, or hangs up.",
            "Check name resolution, firewall and proxy between this gateway and the host of the route.",
        ),
        Fault.TLS: (
            "No encrypted connection could be made to the next server.",
            "Check the certificate and ca_file of the route, and that nothing between inspects TLS.",
        ),
        Fault.LOGIN: (
            "The next server refuses our login.",
            "Check the credential of the route and that the mailbox may submit mail.",
        ),
        Fault.TOKEN: (
            "No access token could be had.",
            "Check that the application's secret or certificate is valid and that its consent stands.",
        ),
        Fault.THROTTLE: (
            "The service has slowed this mailbox down for a long time.",
            "Spread the mail over more mailboxes, or take a route with a higher limit.",
        ),
        Fault.SENDER: (
            "The sending mailbox is refused, or may not send as this sender.",
            "Grant SendAs, or set rewrite_from for the client so that its mail is sent as the mailbox.",
        ),
        Fault.SERVICE: (
            "The service refuses every message of this mailbox.",
            "Look the answer up: a switch, a permission or a block has to be changed on the other side.",
        ),
        Fault.CONFIGURATION: (
            "The route cannot be used as it is configured.",
            "Check the configuration and correct the route.",
        ),
        LOST: (
            "Messages are handed over but the answers do not come back.",
            "Check firewalls and scanners between this gateway and the next server: one of them cuts connections.",
        ),
        BUG: (
            "The route failed in a way that should not be possible.",
            "Look for `attempt failed` in the log and report it; mail is kept and tried again.",
        ),
        NO_ROUTE: (
            "Mail waits for a route that is not configured.",
            "Configure a route of that name again, or drop the mail; until then it is kept.",
        ),
    }
)


def words(kind: str, reply: Reply | None) -> tuple[str, str]:
    """Cause and cure for an alarm: what is published about the answer, else what is true for the kind."""
    cause, cure = _WORDS.get(kind, _WORDS[Fault.SERVICE])
    if reply is None or kind in (BUG, LOST, NO_ROUTE):
        return cause, cure
    fact = errors.match(reply.code, str(reply))
    if fact is not None:
        cause, cure = fact.cause.en, fact.cure.en
    return f"{cause} Answer: {str(reply)[:300]}", cure
