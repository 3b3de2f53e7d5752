"""What one attempt says about its lane, and the words in which an administrator hears of it. Pure.

Leaves to others: what the lane does then (health, breaker) and what happens to the message (decide).
Invariant: an answer to the message itself, good or bad, is proof that the lane works.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailferry.delivery.alarm_texts import BUG, FAULTS, LOST, NO_ROUTE
from mailferry.m365 import errors
from mailferry.m365.facts import Text
from mailferry.mail.outcome import Deferred, Outcome, Unknown
from mailferry.routes.faults import OWN, Fault
from mailferry.smtp.replies import Reply

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


def texts(kind: str, reply: Reply | None) -> tuple[Text, Text]:
    """Cause and cure for an alarm: what is published about the answer, else what is true for the kind."""
    cause, cure = FAULTS.get(kind, FAULTS[Fault.SERVICE])
    if reply is None or kind in (BUG, LOST, NO_ROUTE):
        return cause, cure
    fact = errors.match(reply.code, str(reply))
    if fact is not None:
        cause, cure = fact.cause, fact.cure
    answer = str(reply)[:300]
    return Text(f"{cause.en} Answer: {answer}", f"{cause.ja} 応答: {answer}"), cure


def words(kind: str, reply: Reply | None) -> tuple[str, str]:
    """The same in English alone."""
    cause, cure = texts(kind, reply)
    return cause.en, cure.en
