"""Answers of Microsoft Graph as outcomes, and in words that the catalogue knows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.delivery.verdict import words
from mailferry.m365.errors import explain
from mailferry.mail.outcome import Deferred, Delivered, Failed, Unknown
from mailferry.routes.acs_errors import Answer as AcsAnswer
from mailferry.routes.acs_errors import refusal
from mailferry.routes.graph_errors import Answer, Step, outcome
from mailferry.routes.graph_http import base64_length, in_base64, retry_after


@pytest.mark.parametrize("step", Step)
def test_only_the_request_that_sends_delivers(step: Step) -> None:
    assert isinstance(outcome(Answer(202), step), Delivered) is step.sends


@given(st.integers(100, 599), st.text(max_size=20), st.text(max_size=40), st.sampled_from(Step))
def test_what_is_unknown_never_fails(status: int, code: str, message: str, step: Step) -> None:
    got = outcome(Answer(status, code, message), step)
    if isinstance(got, Failed):
        assert status == 413 or any(word in code + message for word in ("Size", "Error", "Mime", "413", "4"))
    assert got.reply.code in (250, 451, 552, 554)
    assert all(letter.isprintable() for letter in str(got.reply))


def test_a_gateway_that_lost_the_service() -> None:
    assert isinstance(outcome(Answer(504), Step.SEND), Unknown)
    assert isinstance(outcome(Answer(504), Step.DRAFT), Deferred)
    throttled = outcome(Answer(504, retry_after=3.0), Step.MAIL)
    assert isinstance(throttled, Deferred)
    assert (throttled.lane_fault, throttled.retry_after) == ("throttle", 3.0)


def test_alarms_know_the_cure() -> None:
    got = outcome(Answer(403, "ErrorAccessDenied", "Access is denied."), Step.MAIL)
    assert isinstance(got, Deferred)
    _, cure = words(got.lane_fault, got.reply)
    assert "Application Mail.Send" in cure
    draft = outcome(Answer(403, "ErrorAccessDenied", "Access is denied."), Step.DRAFT)
    assert isinstance(draft, Deferred)
    assert draft.lane_fault == "sender"
    assert "Mail.ReadWrite" in words(draft.lane_fault, draft.reply)[1]


@pytest.mark.parametrize(
    ("pasted", "fact"),
    [
        ("403 ErrorSendAsDenied: no right", "graph-send-as-denied"),
        ("400 ErrorInvalidRecipients", "graph-invalid-recipients"),
        ('{"error":{"code":"MailboxNotEnabledForRESTAPI","message":"x"}}', "graph-no-mailbox"),
        ("Microsoft Graph: 429 ApplicationThrottled x", "graph-throttled"),
    ],
)
def test_pasted_answers_are_explained(pasted: str, fact: str) -> None:
    assert explain(pasted)[0].id == fact


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({}, None),
        ({"Retry-After": "Tue, 24 Nov 2026 00:00:30 GMT", "Date": "Tue, 24 Nov 2026 00:00:00 GMT"}, 30.0),
        ({"Retry-After": "Tue, 24 Nov 2026 00:00:30 GMT"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


@given(st.lists(st.binary(max_size=20)))
async def test_base64_in_pieces(pieces: list[bytes]) -> None:
    import base64

    async def chunks():  # type: ignore[no-untyped-def]
        for piece in pieces:
            yield piece

    text = b"".join([piece async for piece in in_base64(chunks())])
    assert base64.b64decode(text, validate=True) == b"".join(pieces)
    assert len(text) == base64_length(sum(map(len, pieces)))


@pytest.mark.parametrize(("status", "enhanced", "fault"), [(401, "4.7.0", "login"), (403, "4.7.1", "service")])
def test_who_are_you_and_you_may_not_are_told_apart_alike_by_both_services(
    status: int, enhanced: str, fault: str
) -> None:
    """RFC 3463 section 3.8: X.7.0 and X.7.1, whether the code is known or not."""
    for code in ("ErrorAccessDenied", "InvalidAuthenticationToken", "Denied", "Unheard"):
        for got in (outcome(Answer(status, code), Step.MAIL), refusal(AcsAnswer(status, code=code))):
            assert isinstance(got, Deferred)
            assert (got.reply.enhanced, got.lane_fault) == (enhanced, fault), code
