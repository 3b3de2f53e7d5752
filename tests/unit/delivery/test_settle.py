"""What the history and the service's answer say about a lost answer."""

from __future__ import annotations

from typing import Any

from mailferry.delivery.settings import DeliverySettings, UnknownPolicy
from mailferry.delivery.settle import FOUND, NOT_FOUND, NOT_YET, UNTOLD, history, moves
from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.mail.message import Message, MessageId
from mailferry.routes.sighting import CannotTell, NotSeen, Seen
from mailferry.spool.api import LOST_ANSWER, Claim, Event, MessageView, RecipientView, State

A, B, BOX = "a@example.net", "b@example.net", "scan@example.com"
LANE = f"g/{BOX}"
SETTINGS = DeliverySettings(lookup=(10, 20), lookup_patience=100, jitter=0.0)
CLAIMS = [Claim(1, Recipient(A), 1, State.UNKNOWN), Claim(2, Recipient(B), 1, State.UNKNOWN)]


def view(*events: tuple[float, str, str, str], states: tuple[State, State] = (State.CLAIMED,) * 2) -> MessageView:
    origin = Origin("scanner", "192.0.2.7", "scanner", None, None, "office")
    message = Message(MessageId(1), Envelope(BOX, (Recipient(A), Recipient(B))), origin, 10, 0.0, BOX, "<1@x>")
    recipients = tuple(
        RecipientView(number, address, state, LANE, 1, None, "")
        for number, address, state in zip((1, 2), (A, B), states, strict=True)
    )
    history = tuple(Event(MessageId(1), at, kind, who, LANE, detail) for at, kind, who, detail in events)
    return MessageView(message, recipients, history)


def lost(at: float, who: str, detail: str = "451 4.4.2 no answer") -> list[tuple[float, str, str, str]]:
    return [(at, "claimed", who, ""), (at + 1, "unknown", who, detail)]


TOGETHER = [*lost(0, A), *lost(0, B), (11, "claimed", A, ""), (11, "claimed", B, "")]


def said(sighting: Any, *events: tuple[float, str, str, str], now: float = 11, **changes: Any) -> list[Any]:
    found = history(view(*events), CLAIMS, BOX)
    settings = SETTINGS.model_copy(update=changes)
    return [(move.state, move.reply) for move in moves(found, sighting, settings, now)]


def test_the_time_of_the_loss_and_the_looks_since_are_in_the_history() -> None:
    found = history(view(*TOGETHER), CLAIMS, BOX)
    assert (found.at, found.looks, found.handed, found.doubts, found.told) == (1, 0, 0, 1, False)
    looked = [(12.0, "unknown", who, f"{NOT_YET} no such message") for who in (A, B)]
    found = history(view(*TOGETHER, *looked, *((30.0, "claimed", who, "") for who in (A, B))), CLAIMS, BOX)
    assert (found.at, found.looks, found.doubts) == (1, 1, 1)


def test_one_copy_proves_one_attempt() -> None:
    seen = [(State.DELIVERED, f"{FOUND} Sent Items")] * 2
    assert said(Seen("Sent Items", 1), *TOGETHER) == seen
    apart = [*lost(0, A), *lost(5, B)]
    assert [state for state, _ in said(Seen("Sent Items", 1), *apart)] == [State.UNKNOWN] * 2
    assert said(Seen("Sent Items", 2), *apart) == seen


def test_a_copy_of_what_is_known_to_have_gone_proves_nothing() -> None:
    earlier = [(0.0, "claimed", B, ""), (1.0, "delivered", B, "250 ok"), *lost(5, A)]
    found = history(view(*earlier, states=(State.CLAIMED, State.DELIVERED)), CLAIMS[:1], BOX)
    assert found.handed == 1
    [move] = moves(found, Seen("Sent Items", 1), SETTINGS, 7)
    assert (move.state, move.next_attempt) == (State.UNKNOWN, 27)
    [move] = moves(found, Seen("Sent Items", 2), SETTINGS, 7)
    assert move.state is State.DELIVERED


def test_the_trace_tells_of_each_recipient() -> None:
    earlier = [(0.0, "delivered", "c@example.net", "250 ok"), *TOGETHER]
    states = [state for state, _ in said(Seen("the trace", 1, {A: "delivered"}), *earlier)]
    assert states == [State.DELIVERED, State.UNKNOWN]


def test_not_found_waits_for_as_long_as_is_wanted_and_is_then_sent_again_or_held() -> None:
    unseen = NotSeen("Sent Items")
    assert {state for state, _ in said(unseen, *TOGETHER, now=100)} == {State.UNKNOWN}
    assert said(unseen, *TOGETHER, now=101)[0] == (State.DEFERRED, f"{NOT_FOUND} Sent Items; sent again")
    held = said(unseen, *TOGETHER, now=101, unknown=UnknownPolicy.HOLD)
    assert {(state, reply.startswith(LOST_ANSWER)) for state, reply in held} == {(State.HELD, True)}
    assert {state for state, _ in said(unseen, *TOGETHER, now=101, unknown_resends=0)} == {State.HELD}


def test_who_cannot_be_asked_leaves_it_to_the_policy() -> None:
    refused, silent = CannotTell("no right", lasting=True), CannotTell("no answer", lasting=False)
    assert said(refused, *TOGETHER)[0] == (State.UNKNOWN, f"{UNTOLD} no right; sent again")
    assert said(silent, *TOGETHER)[0] == (State.UNKNOWN, f"{NOT_YET} no answer")
    assert said(silent, *TOGETHER, now=200)[0][1].startswith(UNTOLD)
    told = [(12.0, "unknown", who, f"{UNTOLD} no right; sent again") for who in (A, B)]
    again = [(13.0, "claimed", who, "") for who in (A, B)]
    assert history(view(*TOGETHER, *told, *again), CLAIMS, BOX).told
    once_more = [(14.0, "unknown", who, "451 lost again") for who in (A, B)]
    found = history(view(*TOGETHER, *told, *again, *once_more), CLAIMS, BOX)
    assert (found.told, found.at) == (False, 14)
