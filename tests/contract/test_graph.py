"""The contract of routes.api.Transport for Microsoft Graph, against an upstream that does what networks do."""

from __future__ import annotations

import asyncio
import base64
import email
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mailferry.mail.body import BytesBody
from mailferry.mail.outcome import Deferred
from mailferry.tokens.api import TokenRefused, TokenUnavailable
from support.graph_upstream import (
    DROP_AFTER,
    DROP_AT_ONCE,
    DROP_WITHIN,
    HOLD,
    GraphUpstream,
    Says,
    error,
    graph_bench,
)
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
    only,
)

TEXT = (
    b"From: Scanner <scan@contoso.example>\r\nTo: ann@fabrikam.example\r\nSubject: test\r\n"
    b"Message-ID: <1@contoso.example>\r\n\r\nHello\r\n"
)
BIG = TEXT + b"0123456789abcdef\r\n" * 30_000  # 540 kB


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with graph_bench() as made:
        yield made


@pytest.fixture(params=["inline", "stream"])
def carry(request: pytest.FixtureRequest) -> type:
    return BytesBody if request.param == "inline" else FileBody


def upstream(bench: Bench) -> GraphUpstream:
    assert isinstance(bench.upstream, GraphUpstream)
    return bench.upstream


def sent(bench: Bench) -> bytes:
    """The one message that arrived."""
    (one,) = upstream(bench).mails
    return base64.b64decode(one.body, validate=True)


# -- what arrives -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [TEXT, BIG, TEXT[:-1], TEXT + b"x"], ids=["small", "big", "rest1", "rest2"])
async def test_a_message_arrives_as_it_is(bench: Bench, carry: type, data: bytes) -> None:
    result = await bench.send(body=carry(data))
    assert_delivered(result)
    assert "202 accepted by Microsoft Graph" in str(only(result).reply)
    assert "request-id r-1" in str(only(result).reply)
    assert sent(bench) == data
    (asked,) = upstream(bench).asked
    assert (asked.method, asked.path) == ("POST", f"/v1.0/users/{MAILBOX}/sendMail")
    assert asked.headers["content-type"] == "text/plain"
    assert asked.headers["authorization"] == "Bearer good"
    assert asked.headers["client-request-id"]
    assert bench.tokens.asked == [("contoso", "https://graph.microsoft.com/.default")]


async def test_recipients_of_the_envelope_alone_become_bcc(bench: Bench, carry: type) -> None:
    result = await bench.send("ann@fabrikam.example", "eve@fabrikam.example", body=carry(BIG))
    assert_delivered(result)
    got = email.message_from_bytes(sent(bench))
    assert got["To"] == "ann@fabrikam.example"
    assert got["Bcc"] == "eve@fabrikam.example"
    assert sent(bench).endswith(BIG.partition(b"\r\n\r\n")[2])


async def test_nobody_is_mailed_who_is_no_recipient(bench: Bench) -> None:
    result = await bench.send("eve@fabrikam.example", data=TEXT)
    assert_failed(result, "554 5.6.2", "ann@fabrikam.example", "no recipient", "header_only")
    assert not result.handed_over
    assert upstream(bench).asked == []


async def test_header_only_may_be_renamed() -> None:
    async with graph_bench(header_only="rename") as bench:
        assert_delivered(await bench.send("eve@fabrikam.example", data=TEXT))
        got = email.message_from_bytes(sent(bench))
        assert (got["To"], got["X-Original-To"], got["Bcc"]) == (None, "ann@fabrikam.example", "eve@fabrikam.example")


async def test_another_from_waits_with_its_reason(bench: Bench) -> None:
    data = TEXT.replace(b"scan@contoso", b"billing@contoso")
    assert_held(await bench.send(data=data), "sender", "billing@contoso.example", MAILBOX, "rewrite_from")
    assert upstream(bench).asked == []


async def test_no_mailbox_is_told(bench: Bench) -> None:
    assert_held(await bench.send(data=TEXT, mailbox=""), "configuration", "no sending mailbox")


async def test_connections_are_kept(bench: Bench) -> None:
    for _ in range(3):
        assert_delivered(await bench.send(data=TEXT))
    assert upstream(bench).connections == 1


async def test_four_at_a_time(bench: Bench) -> None:
    results = await asyncio.gather(*(bench.send(data=BIG) for _ in range(4)))
    for result in results:
        assert_delivered(result)
    assert bench.transport.limits.connections == 4
    assert bench.transport.limits.whole


# -- what is lost -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [DROP_AT_ONCE, DROP_WITHIN])
async def test_lost_before_the_request_was_whole(fault: str) -> None:
    data = BIG * 40  # more than sockets hold
    async with graph_bench(request_size="64 MB") as roomy:
        upstream(roomy).says("sendMail", fault)
        result = await roomy.send(data=data)
        assert isinstance(only(result), Deferred), result
        assert_delivered(await roomy.send(data=data))


@pytest.mark.parametrize("data", [TEXT, BIG], ids=["small", "big"])
async def test_lost_after_the_request_was_whole(bench: Bench, data: bytes) -> None:
    upstream(bench).says("sendMail", DROP_AFTER)
    assert_unknown(await bench.send(data=data), "sent, but no answer")


async def test_silence_after_the_request_was_whole() -> None:
    async with graph_bench(timeouts={"end": 0.2}) as bench:
        upstream(bench).says("sendMail", HOLD)
        assert_unknown(await bench.send(data=TEXT), "no answer in time")


async def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with graph_bench(endpoint=f"http://127.0.0.1:{taken.getsockname()[1]}") as bench:
            result = await bench.send(data=TEXT)
    assert_held(result, "connection", "Cannot reach 127.0.0.1")
    assert not result.handed_over


async def test_nothing_is_sent_once_it_is_closed(bench: Bench) -> None:
    assert_delivered(await bench.send(data=TEXT))
    await bench.transport.close()
    assert_held(await bench.send(data=TEXT), "connection", "closed")


async def test_a_certificate_that_nobody_signed(tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = Authority(tmp_path_factory.mktemp("ca"))
    async with graph_bench(context=authority.server("localhost")) as bench:
        assert_held(await bench.send(data=TEXT), "tls", "localhost")
    async with graph_bench(context=authority.server("localhost"), ca_file=authority.file) as bench:
        assert_delivered(await bench.send(data=TEXT))
    async with graph_bench(context=authority.server("other.example"), ca_file=authority.file) as bench:
        assert_held(await bench.send(data=TEXT), "tls")


async def test_a_body_that_is_gone_or_short(bench: Bench) -> None:
    short = FileBody(BIG, size=len(BIG) + 5)
    assert_held(await bench.send(body=short), "internal", "cannot be read")
    assert upstream(bench).mails == []
    assert_delivered(await bench.send(data=TEXT))


async def test_a_bug_is_told_and_loses_nothing(bench: Bench) -> None:
    broken = FileBody(BIG, error=RuntimeError("bug"))
    assert_held(await bench.send(body=broken), "internal", "RuntimeError")
    assert bench.log
    assert upstream(bench).mails == []


# -- what is answered -------------------------------------------------------------------------------------------------

DENIED = "Access is denied. Check credentials and try again."


@pytest.mark.parametrize(
    ("answer", "fault", "words"),
    [
        (error(429, "ApplicationThrottled", "MailboxConcurrency", retry_after="7"), "throttle", "429"),
        (error(429, "TooManyRequests"), "throttle", "429"),
        (error(503, "ServiceUnavailable", retry_after="7"), "throttle", "503"),
        (error(504, "GatewayTimeout", retry_after="7"), "throttle", "504"),
        (Says(503, b"<html>busy</html>"), "throttle", "503"),
        (error(403, "ErrorAccessDenied", DENIED), "service", "ErrorAccessDenied"),
        (error(403, "ErrorSendAsDenied", "no right"), "sender", "ErrorSendAsDenied"),
        (error(403, "SomethingNew"), "service", "SomethingNew"),
        (error(404, "MailboxNotEnabledForRESTAPI"), "service", "MailboxNotEnabledForRESTAPI"),
        (error(404, "ErrorInvalidUser"), "service", "ErrorInvalidUser"),
        (error(507, "ErrorQuotaExceeded"), "sender", "ErrorQuotaExceeded"),
        (Says(302, b"", {"Location": "http://127.0.0.1:9/"}), "configuration", "302"),
        (error(501, "NotImplemented"), "configuration", "501"),
    ],
)
async def test_our_side_never_bounces(bench: Bench, answer: Says, fault: str, words: str) -> None:
    upstream(bench).says("sendMail", answer)
    result = await bench.send("ann@fabrikam.example", "bob@fabrikam.example", data=TEXT)
    assert_held(result, fault, "Microsoft Graph", words)
    outcome = only(result)
    assert isinstance(outcome, Deferred)
    assert outcome.retry_after == (7.0 if "Retry-After" in answer.headers else None)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (error(400, "ErrorInvalidRecipients"), "554 5.1.3"),
        (error(400, "ErrorMimeContentInvalid"), "554 5.6.0"),
        (error(400, "ErrorMimeContentInvalidBase64String"), "554 5.6.0"),
        (error(400, "ErrorMessageSizeExceeded"), "552 5.3.4"),
        (error(413, "RequestEntityTooLarge"), "552 5.3.4"),
        (Says(413), "552 5.3.4"),
    ],
)
async def test_the_messages_own_faults_fail(bench: Bench, answer: Says, words: str) -> None:
    upstream(bench).says("sendMail", answer)
    assert_failed(await bench.send(data=TEXT), words, "Microsoft Graph")


@pytest.mark.parametrize("answer", [error(400, "SomethingNew"), error(500, "InternalServerError"), Says(409)])
async def test_what_is_not_understood_waits(bench: Bench, answer: Says) -> None:
    upstream(bench).says("sendMail", answer)
    assert_deferred(await bench.send(data=TEXT), str(answer.status))


@pytest.mark.parametrize("answer", [Says(200), error(504, "GatewayTimeout"), Says(502, b"<html>")])
async def test_what_the_service_does_not_know_is_unknown(bench: Bench, answer: Says) -> None:
    upstream(bench).says("sendMail", answer)
    assert_unknown(await bench.send(data=TEXT), str(answer.status))


async def test_an_early_refusal_is_read() -> None:
    async with graph_bench(request_size="16 MB") as bench:
        refusal = error(413, "RequestEntityTooLarge")
        upstream(bench).says("sendMail", Says(413, refusal.body, refusal.headers, early=True))
        outcome = only(await bench.send(data=BIG * 8))
        assert str(outcome.reply).startswith(("552 5.3.4", "451 4.4.2"))  # the network may eat it


async def test_a_token_is_renewed_once() -> None:
    async with graph_bench(source=FakeTokens("old", "good")) as bench:
        assert_delivered(await bench.send(data=TEXT))
        assert bench.tokens.refreshed == ["old"]
        assert sent_tokens(bench) == ["Bearer old", "Bearer good"]
    async with graph_bench(source=FakeTokens("old", "older")) as bench:
        assert_held(await bench.send(data=TEXT), "login", "401", "InvalidAuthenticationToken")
        assert sent_tokens(bench) == ["Bearer old", "Bearer older"]


def sent_tokens(bench: Bench) -> list[str]:
    return [one.headers["authorization"] for one in upstream(bench).asked]


@pytest.mark.parametrize("problem", [TokenRefused("no consent", "AADSTS65001"), TokenUnavailable("down", "", 9.0)])
async def test_no_token(problem: Any) -> None:
    async with graph_bench(source=FakeTokens(problem)) as bench:
        result = await bench.send(data=TEXT)
        assert_held(result, "token", problem.cause)
        assert not result.handed_over
    async with graph_bench(source=FakeTokens("old", problem)) as bench:
        assert_held(await bench.send(data=TEXT), "token", problem.cause)
        assert upstream(bench).operations() == ["sendMail"]


async def test_too_large_for_one_request() -> None:
    async with graph_bench(request_size="100 kB") as bench:
        assert_failed(await bench.send(data=BIG), "552 5.3.4", 'large = "upload"')
        assert upstream(bench).asked == []
