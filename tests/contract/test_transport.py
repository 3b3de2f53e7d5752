"""The contract of routes.api.Transport, for every SMTP transport, against an upstream that does what real ones do."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mailferry.mail.body import BytesBody
from mailferry.mail.envelope import Recipient
from mailferry.mail.outcome import Deferred, Delivered, Failed
from mailferry.smtp.commands import BodyType, Notify
from support.transport_contract import (
    BENCHES,
    MAILBOX,
    TEXT,
    Authority,
    Bench,
    FileBody,
    assert_deferred,
    assert_delivered,
    assert_failed,
    assert_held,
    kinds,
    without,
)


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


# -- what arrives ---------------------------------------------------------------------------------------------------


async def test_a_message_arrives_as_it_is(bench: Bench, carry: type):
    result = await bench.send("ann@fabrikam.example", "bob@fabrikam.example", body=carry(TEXT))
    assert_delivered(result)
    (taken,) = bench.upstream.taken
    assert taken.data == TEXT
    assert taken.mail == f"FROM:<{MAILBOX}> SIZE={len(TEXT)}" + (" BODY=8BITMIME" if carry is FileBody else "")
    assert taken.rcpts == ["TO:<ann@fabrikam.example>", "TO:<bob@fabrikam.example>"]
    assert str(result.outcomes[0].reply).startswith("250 2.0.0 OK <id@upstream.example>")


@pytest.mark.parametrize("capability", ["CHUNKING", "8BITMIME"])
@pytest.mark.parametrize(
    "data",
    [
        b".\r\n",
        b"..\r\n.x\r\n\r\n.\r\n..\r\n",
        b"Subject: x\r\n\r\n.\r\n.\r\nend\r\n.",
        b"a\r\n" * 40000 + b".b\r\n" * 40000,
    ],
)
async def test_leading_dots_survive(bench: Bench, carry: type, data: bytes, capability: str):
    bench.upstream.capabilities = without(bench.upstream, capability)
    assert_delivered(await bench.send(body=carry(data)))
    expected = data if bench.upstream.taken[0].verb == "BDAT" or data.endswith(b"\n") else data + b"\r\n"
    assert bench.upstream.taken[0].data == expected


async def test_a_last_line_without_end_gets_one(bench: Bench, carry: type):
    assert_delivered(await bench.send(body=carry(b"Subject: x\r\n\r\nno end")))
    assert bench.upstream.taken[0].data == b"Subject: x\r\n\r\nno end\r\n"


async def test_an_empty_message(bench: Bench, carry: type):
    assert_delivered(await bench.send(body=carry(b"")))
    assert bench.upstream.taken[0].data == b""


@pytest.mark.parametrize("verb", ["DATA", "BDAT"])
async def test_five_megabytes(bench: Bench, carry: type, verb: str):
    if verb == "DATA":
        bench.upstream.capabilities = without(bench.upstream, "CHUNKING")
    line = b".0123456789" * 6 + b"\r\n"
    data = b"Subject: large\r\n\r\n" + line * (5_000_000 // len(line))
    assert_delivered(await bench.send(body=carry(data)))
    (taken,) = bench.upstream.taken
    assert taken.data == data
    assert taken.verb == verb


async def test_a_thousand_recipients(bench: Bench):
    addresses = [f"user{number}@fabrikam.example" for number in range(1000)]
    assert_delivered(await bench.send(*addresses))
    given = [rcpt for taken in bench.upstream.taken for rcpt in taken.rcpts]
    assert given == [f"TO:<{address}>" for address in addresses]
    most = bench.transport.limits.recipients_per_message
    assert not most or max(len(taken.rcpts) for taken in bench.upstream.taken) <= most


# -- ways of talking ------------------------------------------------------------------------------------------------


async def test_small_messages_go_by_data_in_two_writes(bench: Bench):
    await bench.send()
    assert bench.upstream.taken[0].verb == "DATA"
    assert bench.upstream.verbs()[-3:] == ["MAIL", "RCPT", "DATA"]


async def test_without_pipelining(bench: Bench, carry: type):
    bench.upstream.capabilities = without(bench.upstream, "PIPELINING", "CHUNKING")
    result = await bench.send("450-a@x.example", "ok@x.example", "550-c@x.example", body=carry(TEXT))
    assert kinds(result) == [Deferred, Delivered, Failed]
    assert bench.upstream.taken[0].data == TEXT


async def test_without_pipelining_bdat_spares_a_round_trip(bench: Bench):
    bench.upstream.capabilities = without(bench.upstream, "PIPELINING")
    assert_delivered(await bench.send())
    assert bench.upstream.taken[0].verb == "BDAT"


async def test_binary_goes_by_bdat(bench: Bench, carry: type):
    data = b"Subject: b\r\n\r\n\x00\r.\n\xff\r\n.\r\n\n."
    assert_delivered(await _binary(bench, carry, data))
    assert bench.upstream.taken[0].data == data
    assert "BODY=BINARYMIME" in bench.upstream.taken[0].mail


async def _binary(bench: Bench, carry: type, data: bytes):
    return await bench.send_to([Recipient("ann@x.example")], body=carry(data), declared=BodyType.BINARY)


async def test_binary_without_binarymime_is_refused_not_damaged(bench: Bench):
    bench.upstream.capabilities = without(bench.upstream, "BINARYMIME")
    assert_failed(await _binary(bench, BytesBody, b"\x00"), "5.6.3")
    assert "MAIL" not in bench.upstream.verbs()


async def test_eight_bit_text(bench: Bench, carry: type):
    data = "Subject: x\r\n\r\nüber\r\n".encode()
    assert_delivered(await bench.send(body=carry(data)))
    assert bench.upstream.taken[0].mail.endswith("BODY=8BITMIME")
    assert bench.upstream.taken[0].data == data


async def test_declared_eight_bit_text_without_8bitmime(bench: Bench, carry: type):
    bench.upstream.capabilities = without(bench.upstream, "8BITMIME", "BINARYMIME", "SMTPUTF8")
    to = [Recipient("ann@x.example")]
    refused = await bench.send_to(to, body=carry("\r\n\r\nüber".encode()), declared=BodyType.EIGHT_BIT)
    assert_failed(refused, "5.6.3")
    assert_delivered(await bench.send_to(to, body=carry(b"\r\n\r\nplain"), declared=BodyType.EIGHT_BIT))
    assert "BODY" not in bench.upstream.taken[0].mail


async def test_size_is_announced_and_its_limit_kept(bench: Bench):
    bench.upstream.capabilities = (*without(bench.upstream, "SIZE"), "SIZE 100")
    assert_failed(await bench.send(data=b"x" * 101), "5.3.4", "101", "100")
    assert_delivered(await bench.send(data=b"x" * 100))
    assert "SIZE=100" in bench.upstream.taken[0].mail


async def test_smtputf8(bench: Bench):
    assert_delivered(await bench.send("ünal@x.example", smtputf8=True))
    assert bench.upstream.taken[0].mail.endswith(" SMTPUTF8")
    assert bench.upstream.taken[0].rcpts == ["TO:<ünal@x.example>"]


async def test_smtputf8_is_not_offered(bench: Bench, carry: type):
    bench.upstream.capabilities = without(bench.upstream, "SMTPUTF8")
    result = await bench.send("ünal@x.example", "ann@x.example", smtputf8=True, body=carry(TEXT))
    assert kinds(result) == [Failed, Delivered]
    assert "5.6.7" in str(result.outcomes[0].reply)
    assert_failed(await bench.send(sender="ünal@contoso.example", smtputf8=True), "5.6.7", "sender")
    header = "Subject: ü\r\n\r\n".encode()
    assert_failed(await bench.send(body=carry(header), smtputf8=True), "5.6.7", "header")


async def test_dsn_parameters_are_passed_on(bench: Bench):
    recipient = Recipient("ann@x.example", Notify.SUCCESS | Notify.DELAY, "rfc822;Ann+1@x.example")
    result = await bench.send_to([recipient], ret="HDRS", envid="id=7")
    assert_delivered(result)
    assert result.dsn
    (taken,) = bench.upstream.taken
    assert taken.mail.endswith("RET=HDRS ENVID=id+3D7")
    assert taken.rcpts == ["TO:<ann@x.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Ann+2B1@x.example"]


async def test_dsn_is_not_offered(bench: Bench):
    bench.upstream.capabilities = without(bench.upstream, "DSN")
    result = await bench.send_to([Recipient("ann@x.example", Notify.NEVER)], ret="HDRS", envid="x")
    assert_delivered(result)
    assert not result.dsn
    assert bench.upstream.taken[0].rcpts == ["TO:<ann@x.example>"]


# -- answers --------------------------------------------------------------------------------------------------------


async def test_mixed_recipients_get_their_own_outcomes(bench: Bench, carry: type):
    result = await bench.send(
        "ok1@x.example", "450-a@x.example", "550-b@x.example", "ok2@x.example", "452-c@x.example", body=carry(TEXT)
    )
    assert kinds(result) == [Delivered, Deferred, Failed, Delivered, Deferred]
    assert result.outcomes[1] != result.outcomes[4]
    assert bench.upstream.taken[0].rcpts == ["TO:<ok1@x.example>", "TO:<ok2@x.example>"]


@pytest.mark.parametrize("pipelining", [True, False])
async def test_all_recipients_refused_leaves_a_clean_connection(bench: Bench, carry: type, pipelining: bool):
    if not pipelining:
        bench.upstream.capabilities = without(bench.upstream, "PIPELINING")
    result = await bench.send("550-a@x.example", "450-b@x.example", body=carry(TEXT))
    assert kinds(result) == [Failed, Deferred]
    assert not result.handed_over
    assert bench.upstream.verbs()[-1] == "RSET"
    assert_delivered(await bench.send())
    assert bench.upstream.connections == 1


async def test_354_though_no_recipient_was_taken(bench: Bench):
    bench.upstream.answer("DATA", "354 go ahead")
    result = await bench.send("550-a@x.example")
    assert kinds(result) == [Failed]
    assert not result.handed_over
    assert_delivered(await bench.send())
    assert bench.upstream.taken[0].data == b""
    assert bench.upstream.taken[1].data == TEXT


@pytest.mark.parametrize("stage", ["RCPT", "DATA", "DOT"])
async def test_4yz_defers_the_message(bench: Bench, stage: str):
    bench.upstream.answer(stage, "451 4.7.1 Greylisted, come back later")
    assert_deferred(await bench.send(), "Greylisted")
    assert_delivered(await bench.send())
    assert bench.upstream.connections == 1


async def test_4yz_to_mail_defers_the_message(bench: Bench):
    bench.upstream.answer("MAIL", "451 4.3.0 Not now")
    assert_deferred(await bench.send(), "Not now")
    assert_delivered(await bench.send())


@pytest.mark.parametrize("stage", ["RCPT", "DATA", "DOT"])
async def test_5yz_fails_the_message(bench: Bench, stage: str):
    bench.upstream.answer(stage, "550 5.6.0 Message content rejected")
    assert_failed(await bench.send(), "rejected")
    assert_delivered(await bench.send())
    assert bench.upstream.connections == 1


@pytest.mark.parametrize(
    ("stage", "reply", "fault"),
    [
        ("MAIL", "550 5.7.30 Basic authentication is not supported for Client Submission.", "service"),
        ("MAIL", "530 5.7.57 Client not authenticated to send mail. [H]", "login"),
        ("MAIL", "421 4.4.2 upstream.example closing", "connection"),
        ("RCPT", "530 5.7.0 Authentication required", "login"),
        ("DOT", "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending", "throttle"),
        ("DOT", "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", "throttle"),
        (
            "DOT",
            "554 5.2.252 SendAsDenied; scan@contoso.example not allowed to send as x@contoso.example; STOREDRV",
            "sender",
        ),
        ("DOT", "550 5.1.8 Access denied, bad outbound sender AS(1234)", "service"),
    ],
)
async def test_faults_of_our_side_hold_mail(bench: Bench, stage: str, reply: str, fault: str):
    bench.upstream.answer(stage, reply)
    assert_held(await bench.send(), fault, reply.split(" ", 2)[2][:20])


@pytest.mark.parametrize("pipelining", [True, False])
async def test_421_to_a_recipient_defers_the_rest_and_closes(bench: Bench, pipelining: bool):
    if not pipelining:
        bench.upstream.capabilities = without(bench.upstream, "PIPELINING")
    result = await bench.send("550-a@x.example", "ok@x.example", "421-b@x.example", "c@x.example")
    assert kinds(result) == [Failed, Deferred, Deferred, Deferred]
    assert all(outcome.lane_fault == "" for outcome in result.outcomes[1:])
    assert not result.handed_over
    assert_delivered(await bench.send())
    assert bench.upstream.connections == 2
