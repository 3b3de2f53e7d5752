"""The contract of routes.api.Transport, second part: connections that break, and connections that are kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from mailferry.mail.body import BodyGone, BytesBody
from mailferry.mail.outcome import Failed
from mailferry.routes.api import Result
from mailferry.routes.faults import Fault
from support.transport_contract import (
    BENCHES,
    TEXT,
    Authority,
    Bench,
    FileBody,
    assert_deferred,
    assert_delivered,
    assert_failed,
    assert_held,
    assert_unknown,
    kinds,
    without,
)
from support.upstream import DROP, HOLD


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(params=BENCHES)
async def bench(request: pytest.FixtureRequest, ca: Authority) -> AsyncIterator[Bench]:
    async with BENCHES[request.param](ca) as made:
        yield made


@pytest.fixture(params=["inline", "stream"])
def carry(request: pytest.FixtureRequest) -> type:
    return BytesBody if request.param == "inline" else FileBody


# -- lost connections -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("pipelining", [True, False])
async def test_dropped_before_the_message(bench: Bench, stage: str, pipelining: bool):
    if not pipelining:
        bench.upstream.capabilities = without(bench.upstream, "PIPELINING", "CHUNKING")
    bench.upstream.answer(stage, DROP)
    result = await bench.send()
    assert_held(result, "connection")
    assert not result.handed_over


async def test_data_is_welcome_though_mail_was_refused(bench: Bench):
    """What an upstream makes of an empty message then is not found out: somebody might get it."""
    bench.upstream.capabilities = without(bench.upstream, "CHUNKING")
    bench.upstream.answer("MAIL", "451 4.3.0 Not now")
    bench.upstream.answer("DATA", "354 Go on")
    assert_deferred(await bench.send(), "4.3.0")
    assert_delivered(await bench.send())
    assert [len(one.rcpts) for one in bench.upstream.taken] == [1]


@pytest.mark.parametrize("verb", ["DATA", "BDAT"])
async def test_dropped_within_the_message(bench: Bench, verb: str):
    if verb == "DATA":
        bench.upstream.capabilities = without(bench.upstream, "CHUNKING")
    body = FileBody(b"0123456789abcdef" * 62 + b"\r\n" * 4 + (b"x" * 998 + b"\r\n") * 20_000)
    result = await bench.send("drop-in-data@x.example", body=body)
    assert_deferred(result, "within the message")
    assert result.handed_over


async def test_refused_within_the_message(bench: Bench):
    """An upstream that has had enough answers early; the rest is not sent."""
    bench.upstream.capabilities = without(bench.upstream, "CHUNKING")
    bench.upstream.early = "552 5.3.4 Message size exceeds fixed maximum message size"
    result = await bench.send(body=FileBody((b"x" * 998 + b"\r\n") * 20_000))
    assert_failed(result, "5.3.4")
    bench.upstream.early = ""
    assert_delivered(await bench.send())
    assert len(bench.upstream.taken) == 1


@pytest.mark.parametrize("verb", ["DATA", "BDAT"])
async def test_dropped_after_the_message_is_unknown(bench: Bench, carry: type, verb: str):
    if verb == "BDAT":
        bench.upstream.capabilities = without(bench.upstream, "PIPELINING")
    result = await bench.send("drop-after-dot@x.example", "ok@x.example", "550-a@x.example", body=carry(TEXT))
    assert [kind.__name__ for kind in kinds(result)] == ["Unknown", "Unknown", "Failed"]
    assert result.handed_over


async def test_a_broken_answer_after_the_message_is_unknown(bench: Bench):
    bench.upstream.answer("DOT", "HTTP/1.1 400 Bad Request")
    assert_unknown(await bench.send(), "protocol")


async def test_a_body_that_is_gone(bench: Bench):
    bench.upstream.capabilities = without(bench.upstream, "CHUNKING")
    for body, words in (
        (FileBody(TEXT, size=len(TEXT), error=BodyGone("file missing")), "file missing"),
        (FileBody(TEXT, size=len(TEXT) + 1), "octets in place of"),
    ):
        result = await bench.send("a@x.example", "550-b@x.example", body=body)
        assert_held(Result(result.outcomes[:1], result.handed_over), Fault.BODY, words)
        assert isinstance(result.outcomes[1], Failed)
    assert bench.upstream.taken == []
    assert_delivered(await bench.send())


async def test_a_bug_holds_the_message(bench: Bench):
    body = FileBody(TEXT, error=RuntimeError("bug"))
    result = await bench.send(body=body)
    assert_held(result, Fault.INTERNAL, "RuntimeError")
    assert bench.log[0][1] == "delivery failed unexpectedly"
    assert bench.upstream.taken == []


async def test_an_address_that_must_not_go_on_the_wire(bench: Bench):
    assert_held(await bench.send("a@x.example>\r\nRCPT TO:<b@x.example"), Fault.INTERNAL, "LocalProtocolError")
    assert "RCPT" not in bench.upstream.verbs()


async def test_cancelled_tears_the_connection_down(bench: Bench):
    bench.upstream.answer("DOT", HOLD)
    task = asyncio.create_task(bench.send())
    await bench.upstream.held.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    bench.upstream.release.set()
    assert_delivered(await bench.send())
    assert bench.upstream.connections == 2


# -- kept connections -----------------------------------------------------------------------------------------------


async def test_connections_are_kept(bench: Bench):
    for _ in range(5):
        assert_delivered(await bench.send())
    assert bench.upstream.connections == 1
    assert bench.upstream.verbs().count("EHLO") <= 2


async def test_concurrent_messages_use_their_own_connections(bench: Bench):
    bench.upstream.answer("DOT", HOLD)
    held = asyncio.create_task(bench.send())
    await bench.upstream.held.wait()
    assert_delivered(await bench.send())
    bench.upstream.release.set()
    assert_delivered(await held)
    assert bench.upstream.connections == 2
    assert_delivered(await bench.send())
    assert bench.upstream.connections == 2


async def test_a_dead_kept_connection_is_replaced_unseen(bench: Bench):
    assert_delivered(await bench.send())
    bench.upstream.hang_up()  # not yet known to the transport
    assert_delivered(await bench.send())
    assert bench.upstream.connections == 2
    assert len(bench.upstream.taken) == 2


async def test_a_kept_connection_that_says_421_is_replaced_unseen(bench: Bench):
    assert_delivered(await bench.send())
    bench.upstream.answer("MAIL", "421 4.4.2 Idle too long")
    assert_delivered(await bench.send())
    assert bench.upstream.connections == 2


async def test_a_replacement_is_tried_once(bench: Bench):
    assert_delivered(await bench.send())
    bench.upstream.answer("MAIL", DROP, DROP)
    assert_held(await bench.send(), "connection")
    assert bench.upstream.connections == 2


async def test_close_says_quit(bench: Bench):
    await bench.send()
    await bench.transport.close()
    assert bench.upstream.verbs()[-1] == "QUIT"
