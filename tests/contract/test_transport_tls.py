"""From the first packet to EHLO inside TLS: every way in which it can go wrong, and what is never said in clear."""

from __future__ import annotations

import socket

import pytest

from support.transport_contract import (
    MAILBOX,
    Authority,
    assert_delivered,
    assert_held,
    exchange_bench,
    smarthost_bench,
)
from support.upstream import DROP, GARBAGE, HOLD, Upstream

REQUIRED = {"host": "localhost", "tls": "starttls"}


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def said_in_clear(upstream: Upstream) -> set[str]:
    return set(upstream.verbs())


async def test_connection_refused(ca: Authority):
    with socket.socket() as taken:  # bound and not listening: nobody answers there
        taken.bind(("127.0.0.1", 0))
        async with smarthost_bench(ca, port=taken.getsockname()[1]) as bench:
            result = await bench.send("a@x.example", "b@x.example")
    assert_held(result, "connection", "451 4.4.1", "Cannot connect to 127.0.0.1")
    assert not result.handed_over


async def test_host_name_without_address(ca: Authority):
    async with smarthost_bench(ca, host="no-such-host.invalid") as bench:
        assert_held(await bench.send(), "connection", "no-such-host.invalid")


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".example"])
async def test_host_name_that_is_none(ca: Authority, host: str):
    async with smarthost_bench(ca, host=host) as bench:
        assert_held(await bench.send(), "connection", "Cannot connect")


@pytest.mark.parametrize(
    "banner", ["421 4.3.2 Try later", "554 5.7.1 No service for you", "220-no end\n421 x", "SSH-2.0-OpenSSH_9.2", DROP]
)
async def test_greetings_that_are_none(ca: Authority, banner: str):
    async with smarthost_bench(ca) as bench:
        bench.upstream.answer("GREETING", banner)
        result = await bench.send()
        assert_held(result, "connection")
        assert not result.handed_over
        assert_delivered(await bench.send())


@pytest.mark.parametrize("stage", ["GREETING", "EHLO"])
async def test_no_answer_in_time(ca: Authority, stage: str):
    async with smarthost_bench(ca, timeouts={"greeting": 0.04, "command": 0.04}) as bench:
        bench.upstream.answer(stage, HOLD)
        assert_held(await bench.send(), "connection", "within 0.04 s")


async def test_helo_for_those_who_do_not_know_ehlo(ca: Authority):
    async with smarthost_bench(ca) as bench:
        bench.upstream.answer("EHLO", "502 5.5.1 Command not implemented")
        assert_delivered(await bench.send())
        assert bench.upstream.taken[0].mail == f"FROM:<{MAILBOX}>"
        assert bench.upstream.commands[:2] == ["EHLO gateway.example", "HELO gateway.example"]


async def test_ehlo_and_helo_refused(ca: Authority):
    async with smarthost_bench(ca) as bench:
        bench.upstream.answer("EHLO", "550 5.7.1 Who are you?")
        bench.upstream.answer("HELO", "550 5.7.1 Still, who are you?")
        assert_held(await bench.send(), "connection", "Still")


# -- TLS that is required -------------------------------------------------------------------------------------------


async def test_starttls_and_implicit_tls(ca: Authority):
    context = ca.server("localhost")
    async with smarthost_bench(ca, context=context, ca_file=ca.file, **REQUIRED) as bench:
        assert_delivered(await bench.send())
        assert bench.upstream.taken[0].tls
        assert bench.upstream.verbs()[:3] == ["EHLO", "STARTTLS", "EHLO"]
    async with smarthost_bench(
        ca, context=context, ca_file=ca.file, implicit=True, host="localhost", tls="implicit"
    ) as bench:
        assert_delivered(await bench.send())
        assert bench.upstream.taken[0].tls
        assert "STARTTLS" not in bench.upstream.verbs()


async def test_starttls_is_not_offered(ca: Authority):
    async with smarthost_bench(ca, **REQUIRED) as bench:
        assert_held(await bench.send(), "tls", "does not offer STARTTLS")
        assert said_in_clear(bench.upstream) == {"EHLO"}


async def test_starttls_after_helo_alone(ca: Authority):
    async with smarthost_bench(ca, context=ca.server("localhost"), ca_file=ca.file, **REQUIRED) as bench:
        bench.upstream.answer("EHLO", "502 5.5.1 Command not implemented")
        assert_held(await bench.send(), "tls", "does not offer STARTTLS")


@pytest.mark.parametrize(
    "answer", ["454 4.7.0 TLS not available", "421 4.7.66 TLS 1.0 and 1.1 are not supported", DROP, GARBAGE]
)
async def test_starttls_is_refused(ca: Authority, answer: str):
    async with smarthost_bench(ca, context=ca.server("localhost"), ca_file=ca.file, **REQUIRED) as bench:
        bench.upstream.answer("STARTTLS", answer)
        result = await bench.send()
        assert_held(result, "tls")
        assert not result.handed_over
        assert said_in_clear(bench.upstream) == {"EHLO", "STARTTLS"}
        assert_delivered(await bench.send())


async def test_certificate_for_another_name(ca: Authority):
    async with exchange_bench(ca, context=ca.server("other.example")) as bench:
        result = await bench.send()
        assert_held(result, "tls", "certificate not accepted", "localhost")
        assert said_in_clear(bench.upstream) == {"EHLO", "STARTTLS"}
        assert bench.upstream.taken == []


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_certificate_of_an_unknown_authority(ca: Authority, tmp_path_factory: pytest.TempPathFactory, tls: str):
    other = Authority(tmp_path_factory.mktemp("other"))
    implicit = tls == "implicit"
    async with exchange_bench(ca, context=other.server("localhost"), implicit=implicit, tls=tls) as bench:
        assert_held(await bench.send(), "tls", "certificate not accepted", "issuer")
        assert bench.upstream.taken == []


async def test_implicit_tls_to_a_plain_port(ca: Authority):
    async with smarthost_bench(ca, host="localhost", tls="implicit", ca_file=ca.file) as bench:
        assert_held(await bench.send(), "tls", "TLS with localhost")


# -- TLS that is not required ---------------------------------------------------------------------------------------


async def test_verification_may_be_left_out_for_a_smarthost(ca: Authority):
    async with smarthost_bench(ca, context=ca.server("other.example"), verify=False, **REQUIRED) as bench:
        assert_delivered(await bench.send())
        assert bench.upstream.taken[0].tls


async def test_opportunistic_takes_tls_from_anybody(ca: Authority):
    async with smarthost_bench(ca, context=ca.server("other.example"), tls="opportunistic") as bench:
        assert_delivered(await bench.send())
        assert bench.upstream.taken[0].tls


@pytest.mark.parametrize("answer", ["454 4.7.0 TLS not available", GARBAGE, DROP])
async def test_opportunistic_goes_on_in_clear(ca: Authority, answer: str):
    async with smarthost_bench(ca, context=ca.server("localhost"), tls="opportunistic") as bench:
        bench.upstream.answer("STARTTLS", answer)
        assert_delivered(await bench.send())
        assert not bench.upstream.taken[0].tls


async def test_opportunistic_without_starttls(ca: Authority):
    async with smarthost_bench(ca, tls="opportunistic") as bench:
        assert_delivered(await bench.send())
