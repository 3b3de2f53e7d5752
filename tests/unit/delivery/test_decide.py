"""Every outcome from every state."""

from __future__ import annotations

import pytest

from mailferry.delivery.decide import LOST_ANSWER, after, held_unsettled
from mailferry.delivery.retry import Schedule
from mailferry.delivery.settings import DeliverySettings, UnknownPolicy
from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.mail.message import Message, MessageId
from mailferry.mail.outcome import Outcome
from mailferry.routes.faults import Fault
from mailferry.spool.api import Claim, Move, State
from support.fake_transport import GREYLISTED, LOST, NO_SUCH_USER, OK, fault

NOW = 1_800_000_000.0
RESUME = NOW + 30


def decide(
    outcome: Outcome, state: State = State.QUEUED, attempts: int = 0, age: float = 60.0, **changes: object
) -> Move:
    settings = DeliverySettings(**{"jitter": 0.0} | changes)  # type: ignore[arg-type]
    origin = Origin("scanner", "192.0.2.7", "h", None, None, "office")
    message = Message(MessageId(1), Envelope("s@example.com", ()), origin, 1, NOW - age, "", "<1@x>")
    claim = Claim(7, Recipient("a@example.net"), attempts, state)
    return after(claim, outcome, message, settings, Schedule(settings), NOW, RESUME)


def test_delivered_and_failed_are_final() -> None:
    assert decide(OK) == Move(7, State.DELIVERED, NOW, "250 2.0.0 OK")
    assert decide(NO_SUCH_USER) == Move(7, State.FAILED, NOW, "550 5.1.1 no such user")


def test_deferred_by_the_schedule() -> None:
    move = decide(GREYLISTED, attempts=2)
    assert (move.state, move.next_attempt, move.count) == (State.DEFERRED, NOW + 900, True)


def test_deferred_too_long_expires() -> None:
    assert decide(GREYLISTED, attempts=60, age=6 * 86400).state is State.EXPIRED
    assert decide(GREYLISTED, attempts=3, age=6 * 86400).state is State.DEFERRED


@pytest.mark.parametrize("kind", [*(each for each in Fault if each is not Fault.BODY), "bug", "lost", "something new"])
def test_a_fault_of_the_lane_neither_counts_nor_ends(kind: str) -> None:
    move = decide(fault(kind, code=554), attempts=100, age=100 * 86400)
    assert (move.state, move.count) == (State.DEFERRED, False)
    assert move.next_attempt is not None
    assert move.next_attempt >= RESUME


def test_a_fault_of_the_lane_leaves_unknown_unknown() -> None:
    assert decide(fault(Fault.TOKEN), State.UNKNOWN).state is State.UNKNOWN


def test_a_lost_answer_is_unknown_and_due_by_the_schedule() -> None:
    move = decide(LOST)
    assert (move.state, move.next_attempt) == (State.UNKNOWN, NOW + 60)


def test_a_lost_answer_is_held_by_policy_and_after_too_many() -> None:
    assert decide(LOST, unknown="hold").state is State.HELD
    assert decide(LOST, unknown="hold").reply.startswith(LOST_ANSWER)
    assert decide(LOST, State.UNKNOWN, attempts=5).state is State.HELD
    assert decide(LOST, State.DEFERRED, attempts=50, age=9 * 86400).state is State.UNKNOWN


def test_only_an_unsettled_claim_is_held_and_only_by_policy() -> None:
    hold, resend = DeliverySettings(unknown=UnknownPolicy.HOLD), DeliverySettings()
    unknown = Claim(7, Recipient("a@example.net"), 1, State.UNKNOWN)
    assert held_unsettled(unknown, resend, NOW) is None
    assert held_unsettled(Claim(7, Recipient("a@example.net"), 1, State.DEFERRED), hold, NOW) is None
    move = held_unsettled(unknown, hold, NOW)
    assert move is not None
    assert move.state is State.HELD


def test_a_lost_answer_is_not_forgotten_by_a_later_deferral() -> None:
    """It may have arrived: so it never expires into a bounce that denies that, a person decides."""
    move = decide(GREYLISTED, State.UNKNOWN, attempts=2)
    assert (move.state, move.count) == (State.UNKNOWN, True)
    late = decide(GREYLISTED, State.UNKNOWN, attempts=60, age=6 * 86400)
    assert late.state is State.HELD
    assert late.reply.startswith(LOST_ANSWER)
