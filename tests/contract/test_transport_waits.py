"""How long a transport waits, and how long it keeps a connection. No test here sleeps: each waits for what it tests,
and has little patience with that alone, so that a slow machine changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from support.transport_contract import (
    Authority,
    Bench,
    FileBody,
    assert_deferred,
    assert_delivered,
    assert_held,
    assert_unknown,
    smarthost_bench,
    without,
)
from support.upstream import HOLD


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
async def impatient(ca: Authority, request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """A bench that waits 0.06 s for what `waits_for` names, and long for all else."""
    async with smarthost_bench(ca, timeouts=dict.fromkeys(request.param, 0.06)) as made:
        yield made


def waits_for(*what: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("impatient", [pytest.param(what, id="")], indirect=True)


@waits_for("command", "data")
@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("pipelining", [True, False])
async def test_no_answer_before_the_message(impatient: Bench, stage: str, pipelining: bool):
    if not pipelining:
        impatient.upstream.capabilities = without(impatient.upstream, "PIPELINING", "CHUNKING")
    impatient.upstream.answer(stage, HOLD)
    assert_held(await impatient.send(), "connection", "no answer within 0.06 s")


@waits_for("end")
@pytest.mark.parametrize("size", [10, 1_000_000])
async def test_no_answer_to_the_message_is_unknown(impatient: Bench, size: int):
    impatient.upstream.answer("DOT", HOLD)
    assert_unknown(await impatient.send(data=b"x" * size), "no answer within 0.06 s")


@waits_for("block")
@pytest.mark.parametrize("capability", ["CHUNKING", "SMTPUTF8"])
async def test_an_upstream_that_stops_reading(impatient: Bench, capability: str):
    impatient.upstream.capabilities = without(impatient.upstream, capability)
    impatient.upstream.stall = True
    result = await impatient.send(body=FileBody((b"x" * 998 + b"\r\n") * 20_000))
    assert_deferred(result, "reading by the upstream", "0.06")


@waits_for("block")
async def test_an_upstream_that_stops_reading_a_message_at_hand(impatient: Bench):
    impatient.upstream.capabilities = without(impatient.upstream, "CHUNKING")
    impatient.upstream.stall = True
    assert_deferred(await impatient.send(data=(b"x" * 998 + b"\r\n") * 20_000), "reading by the upstream")


@waits_for("command")
async def test_each_reply_renews_the_patience_octets_do_not(impatient: Bench):
    """Replies that drip in octet by octet end the wait even though something arrives all the time."""
    impatient.upstream.drip = 0.01
    assert_held(await impatient.send(), "connection", "no answer within")


async def test_an_idle_connection_is_closed(ca: Authority):
    async with smarthost_bench(ca, reuse={"idle": 0.03}, timeouts={"quit": 0.2}) as bench:
        assert_delivered(await bench.send())
        await bench.upstream.quitted.wait()
        assert_delivered(await bench.send())
        assert bench.upstream.connections == 2


async def test_a_connection_is_not_kept(ca: Authority):
    async with smarthost_bench(ca, reuse={"idle": 0}) as bench:
        assert_delivered(await bench.send())
        assert_delivered(await bench.send())
        assert bench.upstream.connections == 2


async def test_a_connection_is_closed_after_so_many_messages(ca: Authority):
    async with smarthost_bench(ca, reuse={"messages": 2}) as bench:
        for _ in range(5):
            assert_delivered(await bench.send())
        assert bench.upstream.connections == 3
        assert bench.upstream.verbs().count("QUIT") == 2


async def test_quit_without_an_answer(ca: Authority):
    async with smarthost_bench(ca, timeouts={"quit": 0.04}) as bench:
        assert_delivered(await bench.send())
        bench.upstream.answer("QUIT", HOLD)
        await bench.transport.close()


async def test_close_tears_down_what_is_in_use(ca: Authority):
    async with smarthost_bench(ca) as bench:
        bench.upstream.answer("DOT", HOLD)
        task = asyncio.create_task(bench.send())
        await bench.upstream.held.wait()
        await bench.transport.close()
        assert_unknown(await task, "the gateway stops")
