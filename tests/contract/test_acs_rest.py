"""The contract of routes.api.Transport for Azure Communication Services by REST, against an upstream that does what
networks do."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime

import pytest

from mailferry.mail.body import BytesBody
from mailferry.mail.outcome import Deferred, Delivered, Unknown
from mailferry.tokens.api import TokenUnavailable
from support.acs_upstream import KEY, AcsUpstream, QuickClock, acs_rest_bench, refuses, tells
from support.graph_upstream import DROP_AFTER, DROP_AT_ONCE, DROP_WITHIN, HOLD, Says
from support.transport_contract import (
    MAILBOX,
    Authority,
    Bench,
    FakeTokens,
    FileBody,
    assert_deferred,
    assert_delivered,
    assert_failed,
    assert_held,
    assert_unknown,
    kinds,
    only,
)

ANN, EVE = "ann@fabrikam.example", "eve@fabrikam.example"
TEXT = (
    f"From: Scanner <{MAILBOX}>\r\nTo: Ann <{ANN}>\r\nSubject: test\r\nMessage-ID: <1@contoso.example>\r\n"
    "X-Job: 7\r\n\r\nHello\r\n"
).encode()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with acs_rest_bench(timeouts={"end": 600}) as made:
        yield made


@pytest.fixture(params=["inline", "stream"])
def carry(request: pytest.FixtureRequest) -> type:
    return BytesBody if request.param == "inline" else FileBody


def upstream(bench: Bench) -> AcsUpstream:
    assert isinstance(bench.upstream, AcsUpstream)
    return bench.upstream


# -- what arrives -----------------------------------------------------------------------------------------------------


async def test_a_message_becomes_a_request_and_is_followed(bench: Bench, carry: type) -> None:
    result = await bench.send(body=carry(TEXT))
    assert_delivered(result)
    (sent,) = upstream(bench).sent
    operation = sent.headers["operation-id"]
    assert f"operation {operation}" in str(only(result).reply)
    assert upstream(bench).looks == [operation]
    assert sent.path == "/emails:send?api-version=2025-09-01"
    assert sent.json == {
        "senderAddress": MAILBOX,
        "content": {"subject": "test", "plainText": "Hello\r\n"},
        "recipients": {"to": [{"address": ANN, "displayName": "Ann"}], "cc": [], "bcc": []},
        "headers": {"X-Job": "7", "Message-ID": "<1@contoso.example>"},
        "userEngagementTrackingDisabled": True,
    }


async def test_the_request_is_signed_as_documented(bench: Bench) -> None:
    """tutorials/includes/hmac-header-python.md, computed here anew."""
    assert_delivered(await bench.send(data=TEXT))
    for asked in upstream(bench).asked:
        headers = asked.headers
        digest = base64.b64encode(hashlib.sha256(asked.body).digest()).decode()
        assert headers["x-ms-content-sha256"] == digest
        assert parsedate_to_datetime(headers["x-ms-date"])
        text = f"{asked.method}\n{asked.path}\n{headers['x-ms-date']};{headers['host']};{digest}"
        signature = base64.b64encode(hmac.new(base64.b64decode(KEY), text.encode(), "sha256").digest()).decode()
        fields = "x-ms-date;host;x-ms-content-sha256"
        assert headers["authorization"] == f"HMAC-SHA256 SignedHeaders={fields}&Signature={signature}"


async def test_a_connection_string_will_do_for_the_key() -> None:
    string = f"endpoint=https://contoso.communication.azure.com/;accesskey={KEY}"
    async with acs_rest_bench(access_key={"env": string}) as bench:
        assert_delivered(await bench.send(data=TEXT))


@pytest.mark.parametrize("key", ["", "no base64!", "endpoint=https://contoso.communication.azure.com/;"])
async def test_what_is_no_key_is_told_and_never_shown(key: str) -> None:
    async with acs_rest_bench(access_key={"env": key or "="}) as bench:
        result = await bench.send(data=TEXT)
        assert_held(result, "token", "connection string")
        assert "base64!" not in str(only(result).reply)
        assert not result.handed_over


async def test_recipients_of_the_envelope_alone_become_bcc(bench: Bench) -> None:
    assert_delivered(await bench.send(ANN, EVE, data=TEXT))
    assert upstream(bench).mail["recipients"]["bcc"] == [{"address": EVE}]


async def test_nobody_is_mailed_who_is_no_recipient(bench: Bench) -> None:
    result = await bench.send(EVE, data=TEXT)
    assert_failed(result, "554 5.6.2", ANN, "no recipient", "header_only")
    assert not result.handed_over
    assert upstream(bench).asked == []


async def test_header_only_may_be_renamed() -> None:
    async with acs_rest_bench(header_only="rename") as bench:
        assert_delivered(await bench.send(EVE, data=TEXT))
        mail = upstream(bench).mail
        assert mail["recipients"] == {"to": [], "cc": [], "bcc": [{"address": EVE}]}
        assert mail["headers"]["X-Original-To"] == f"Ann <{ANN}>"


async def test_an_address_of_its_own_takes_the_place_of_from() -> None:
    async with acs_rest_bench(mailbox="donotreply@contoso.example") as bench:
        assert_delivered(await bench.send(data=TEXT, sender=""))
        mail = upstream(bench).mail
        assert mail["senderAddress"] == "donotreply@contoso.example"
        assert mail["replyTo"] == [{"address": MAILBOX, "displayName": "Scanner"}]
        assert mail["headers"]["X-Mailferry-Original-From"] == f"Scanner <{MAILBOX}>"


async def test_a_message_without_any_sender_waits_with_its_reason(bench: Bench) -> None:
    data = TEXT.replace(f"From: Scanner <{MAILBOX}>\r\n".encode(), b"")
    assert_held(await bench.send(data=data, sender=""), "sender", "MailFrom")


async def test_more_than_fifty_recipients_go_in_parts(bench: Bench) -> None:
    many = [f"user{number}@fabrikam.example" for number in range(120)]
    assert_delivered(await bench.send(*many, data=TEXT.replace(f"To: Ann <{ANN}>\r\n".encode(), b"")))
    given = [[one["address"] for one in sent.json["recipients"]["bcc"]] for sent in upstream(bench).sent]
    assert [len(part) for part in given] == [50, 50, 20]
    assert [address for part in given for address in part] == many
    assert len({sent.headers["operation-id"] for sent in upstream(bench).sent}) == 3


async def test_the_request_with_its_base64_keeps_to_the_limit() -> None:
    pdf = "Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    octets = base64.encodebytes(bytes(7_900_000)).replace(b"\n", b"\r\n")
    data = TEXT.partition(b"\r\n\r\n")[0] + b"\r\n" + pdf.encode() + octets
    async with acs_rest_bench() as bench:
        result = await bench.send(body=FileBody(data))
        assert_failed(result, "552 5.3.4", "10485760", "a third")
        assert upstream(bench).asked == []
    async with acs_rest_bench(limits={"message_size": "30 MB"}) as bench:
        assert_delivered(await bench.send(body=FileBody(data)))
        assert base64.b64decode(upstream(bench).mail["attachments"][0]["contentInBase64"]) == bytes(7_900_000)


# -- tokens -----------------------------------------------------------------------------------------------------------


async def test_a_token_of_the_broker_lets_in() -> None:
    async with acs_rest_bench(source=FakeTokens("good")) as bench:
        assert_delivered(await bench.send(data=TEXT))
        assert {one.headers["authorization"] for one in upstream(bench).asked} == {"Bearer good"}
        assert set(bench.tokens.asked) == {("contoso", "https://communication.azure.com/.default")}


async def test_a_refused_token_is_renewed_once() -> None:
    async with acs_rest_bench(source=FakeTokens("old", "good")) as bench:
        assert_delivered(await bench.send(data=TEXT))
        assert bench.tokens.refreshed == ["old"]
    async with acs_rest_bench(source=FakeTokens("old", "old too")) as bench:
        assert_held(await bench.send(data=TEXT), "login", "401")
        assert len(upstream(bench).sent) == 2


async def test_without_a_token_nothing_goes_out() -> None:
    async with acs_rest_bench(source=FakeTokens(TokenUnavailable("down", retry_after=7.0))) as bench:
        result = await bench.send(data=TEXT)
        assert_held(result, "token", "down")
        assert upstream(bench).asked == []


# -- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (refuses(404, "DomainNotLinked", "The specified sender domain has not been linked."), "sender"),
        (refuses(400, "InvalidSenderUserName", "Invalid email sender username: 'x'."), "sender"),
        (refuses(401, "Denied", "Denied by the resource provider."), "login"),
        (refuses(401, "Denied", "The time difference between the originating client and the server is"), "login"),
        (refuses(403, "Forbidden"), "service"),
        (refuses(429, "TooManyRequests", Retry_After="30"), "throttle"),
        (refuses(503, "ServiceUnavailable"), "throttle"),
        (Says(302, b"", {"Location": "http://elsewhere.example/"}), "configuration"),
    ],
)
async def test_what_our_side_has_to_mend_holds_mail(bench: Bench, answer: Says, fault: str) -> None:
    upstream(bench).says("send", answer)
    result = await bench.send(data=TEXT)
    assert_held(result, fault, f"Azure Communication Services: {answer.status}")
    assert len(upstream(bench).asked) == 1, "the client retries nothing and follows nowhere by itself"
    assert_delivered(await bench.send(data=TEXT))


async def test_retry_after_is_passed_on(bench: Bench) -> None:
    upstream(bench).says("send", refuses(429, "TooManyRequests", Retry_After="1800"))
    outcome = only(await bench.send(data=TEXT))
    assert isinstance(outcome, Deferred)
    assert outcome.retry_after == 1800


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refuses(400, "BadRequest", "Email payload must be less than 10 MB."), "552 5.3.4"),
        (refuses(400, "BadRequest", "Invalid format for email address"), "550 5.1.3"),
        (refuses(400, "BadRequest", "The attachment type is not allowed."), "554 5.6.1"),
    ],
)
async def test_what_is_wrong_with_the_message_fails_it(bench: Bench, answer: Says, words: str) -> None:
    upstream(bench).says("send", answer)
    assert_failed(await bench.send(data=TEXT), words)


async def test_what_nobody_described_is_tried_again(bench: Bench) -> None:
    upstream(bench).says(
        "send", refuses(400, "SomethingNew"), refuses(500, "InternalServerError"), Says(400, b"<html>")
    )
    for _ in range(3):
        assert_deferred(await bench.send(data=TEXT))


# -- operations -------------------------------------------------------------------------------------------------------


async def test_accepted_is_not_delivered(bench: Bench) -> None:
    upstream(bench).says("status", tells("NotStarted", retry_after="3"), tells("Running"), tells("Succeeded"))
    assert_delivered(await bench.send(data=TEXT))
    assert len(upstream(bench).looks) == 3
    assert len(upstream(bench).sent) == 1


async def test_the_services_pace_is_kept() -> None:
    clock = QuickClock()
    async with acs_rest_bench(clock=clock, timeouts={"end": 600}) as bench:
        upstream(bench).says("send", Says(202, b'{"status":"Running"}', {"retry-after": "20"}))
        upstream(bench).says("status", tells("Running", retry_after="100"), tells("Succeeded"))
        assert_delivered(await bench.send(data=TEXT))
        assert clock.slept == [20.0, 100.0]


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        ("EmailDroppedAllRecipientsSuppressed", "Message dropped because all recipients were suppressed", "550 5.7.1"),
        ("EmailDropped", "Email was dropped after several attempts to deliver.", "550 5.4.7"),
    ],
)
async def test_an_operation_that_failed_says_why(bench: Bench, code: str, message: str, words: str) -> None:
    upstream(bench).says("status", tells("Failed", code, message))
    assert_failed(await bench.send(ANN, EVE, data=TEXT), words, code, message)
    assert_delivered(await bench.send(ANN, EVE, data=TEXT))
    assert len({one.headers["operation-id"] for one in upstream(bench).sent}) == 2, "tried again, it is another one"


async def test_an_operation_that_failed_for_reasons_unknown_is_followed_by_another(bench: Bench) -> None:
    upstream(bench).says("status", tells("Failed", "SomethingNew", "?"))
    assert_deferred(await bench.send(data=TEXT), "SomethingNew")
    assert_delivered(await bench.send(data=TEXT))
    one, other = upstream(bench).sent
    assert one.headers["operation-id"] != other.headers["operation-id"]


async def test_a_service_that_asks_for_more_patience_than_there_is_is_asked_once() -> None:
    clock = QuickClock()
    async with acs_rest_bench(clock=clock, timeouts={"end": 60}) as bench:
        upstream(bench).says("send", Says(202, b'{"status":"Running"}', {"retry-after": "3600"}))
        upstream(bench).says("status", tells("Succeeded"))
        assert_delivered(await bench.send(data=TEXT))
        assert clock.slept == [60.0]


async def test_a_final_state_that_does_not_come_is_unknown_and_never_sent_again(bench: Bench) -> None:
    upstream(bench).says("status", *[tells("Running", retry_after="60")] * 30)
    result = await bench.send(data=TEXT)
    assert_unknown(result, "did not come in time", f"operation {upstream(bench).known[0]}")
    upstream(bench).answers["status"].clear()
    result = await bench.send(data=TEXT)
    assert kinds(result) == [Delivered]
    assert not result.handed_over, "a look uses up no budget"
    assert len(upstream(bench).sent) == 1


@pytest.mark.parametrize("trouble", [refuses(429, "TooManyRequests", Retry_After="9"), refuses(500, "x"), DROP_AFTER])
async def test_trouble_while_asking_is_outlasted(bench: Bench, trouble: Says | str) -> None:
    upstream(bench).says("status", trouble, trouble)
    assert_delivered(await bench.send(data=TEXT))
    assert len(upstream(bench).looks) == 3


# -- what is lost -----------------------------------------------------------------------------------------------------


async def test_a_lost_answer_is_settled_by_a_look(bench: Bench) -> None:
    upstream(bench).keeps_lost = True
    upstream(bench).says("send", DROP_AFTER)
    assert_delivered(await bench.send(data=TEXT))
    assert len(upstream(bench).sent) == 1


@pytest.mark.parametrize("fault", [DROP_AT_ONCE, DROP_WITHIN, DROP_AFTER, refuses(504, "GatewayTimeout")])
async def test_what_may_have_arrived_is_unknown_and_looked_up_before_it_is_sent_again(
    bench: Bench, fault: Says | str
) -> None:
    upstream(bench).says("send", fault)
    assert_unknown(await bench.send(data=TEXT), "[operation ")
    before = len(upstream(bench).looks)
    assert_delivered(await bench.send(data=TEXT))
    assert len(upstream(bench).looks) == before + 2, "one look before, one after"
    ids = {one.headers["operation-id"] for one in upstream(bench).sent}
    assert len(ids) == 1, "the service may recognise it too"


async def test_after_a_restart_an_earlier_operation_is_found_again() -> None:
    """What was received before the transport began may have been sent by another one."""
    there = AcsUpstream()
    async with acs_rest_bench(upstream=there) as bench:
        assert_delivered(await bench.send(data=TEXT))
    async with acs_rest_bench(upstream=there, clock=QuickClock(1.9e9)) as bench:
        assert kinds(await bench.send(data=TEXT)) == [Delivered]
    assert len(there.sent) == 1
    assert len(there.looks) == 2


async def test_after_a_restart_operations_that_failed_are_passed_over() -> None:
    there = AcsUpstream()
    async with acs_rest_bench(upstream=there, clock=QuickClock(1.9e9)) as bench:
        suppressed = tells("Failed", "EmailDroppedAllRecipientsSuppressed")
        there.says("status", tells("Failed", "SomethingNew", "?"), suppressed, refuses(404, "OperationNotFound"))
        assert_delivered(await bench.send(data=TEXT))
    assert len(there.sent) == 1
    assert len(set(there.looks)) == 3
    assert there.looks[2] == there.sent[0].headers["operation-id"]


async def test_while_an_earlier_operation_cannot_be_looked_up_nothing_is_sent() -> None:
    for trouble, fault in ((refuses(429, "TooManyRequests", Retry_After="9"), "throttle"), (DROP_AFTER, "connection")):
        async with acs_rest_bench(clock=QuickClock(1.9e9)) as bench:
            upstream(bench).says("status", trouble, trouble)  # a question is repeated when its connection was closed
            result = await bench.send(data=TEXT)
            assert_held(result, fault)
            assert not result.handed_over
            assert upstream(bench).sent == []


async def test_a_known_operation_is_no_error(bench: Bench) -> None:
    upstream(bench).says("send", refuses(409, "Conflict"))
    upstream(bench).says("status", tells("Running"), tells("Succeeded"))
    assert_delivered(await bench.send(data=TEXT))


async def test_nobody_there(bench: Bench) -> None:
    async with acs_rest_bench(endpoint="http://127.0.0.1:9") as lone:
        result = await lone.send(data=TEXT)
        assert_held(result, "connection", "Cannot reach 127.0.0.1")
        assert not result.handed_over


async def test_a_certificate_that_is_not_trusted(tmp_path_factory: pytest.TempPathFactory) -> None:
    ca = Authority(tmp_path_factory.mktemp("ca"))
    async with acs_rest_bench(context=ca.server("localhost")) as bench:
        assert_held(await bench.send(data=TEXT), "tls", "localhost")
    async with acs_rest_bench(context=ca.server("localhost"), ca_file=ca.file, source=FakeTokens("good")) as bench:
        assert_delivered(await bench.send(data=TEXT))


async def test_no_answer_in_time_is_unknown() -> None:
    async with acs_rest_bench(timeouts={"end": 0.2}) as bench:
        upstream(bench).says("send", HOLD)
        assert_unknown(await bench.send(data=TEXT), "no answer in time")


async def test_a_body_that_is_gone_sends_nothing(bench: Bench) -> None:
    from mailferry.mail.body import BodyGone

    result = await bench.send(body=FileBody(TEXT, error=BodyGone("gone")))
    assert_held(result, "body", "gone")
    assert upstream(bench).asked == []


async def test_a_bug_after_the_message_went_out_is_unknown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("mailferry.routes.acs_client.Client.status", broken)
    result = await bench.send(data=TEXT)
    assert kinds(result) == [Unknown]
    assert [event for _, event, _ in bench.log]


async def test_a_stop_leaves_the_attempt_to_the_caller(bench: Bench) -> None:
    upstream(bench).says("send", HOLD)
    sending = asyncio.create_task(bench.send(data=TEXT))
    while not upstream(bench).sent:  # noqa: ASYNC110 - the time limit of the test ends it
        await asyncio.sleep(0.001)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert len(upstream(bench).sent) == 1


async def test_one_connection_serves_many(bench: Bench) -> None:
    for number in range(5):
        assert_delivered(await bench.send(f"user{number}@fabrikam.example", data=TEXT.replace(b"To:", b"X-To:")))
    assert upstream(bench).connections == 1


async def test_neither_key_nor_token_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with acs_rest_bench(source=FakeTokens("good")) as bench:
            assert_delivered(await bench.send(data=TEXT))
            assert "Bearer good" not in caplog.text
        async with acs_rest_bench() as bench:
            assert_delivered(await bench.send(data=TEXT))
            assert repr(bench.transport)
    assert KEY not in caplog.text
    assert "Signature=" not in caplog.text
    assert "Hello" not in caplog.text
