"""What hve, acs-smtp and the smarthost presets do beside the common contract, against a scripted upstream."""

from __future__ import annotations

import ssl

import pytest

from mailferry.mail.body import BytesBody
from mailferry.mail.outcome import Delivered, Failed
from support.transport_contract import (
    MAILBOX,
    Authority,
    FakeTokens,
    FileBody,
    acs_bench,
    assert_delivered,
    assert_failed,
    assert_held,
    hve_bench,
    kinds,
    preset_bench,
)

ERP = b"From: ERP <erp@contoso.example>\r\nSubject: order\r\n\r\nFrom: this stays\r\n"
AS_ACCOUNT = (
    b"From: ERP <scan@contoso.example>\r\nSubject: order\r\nReply-To: ERP <erp@contoso.example>\r\n"
    b"X-Mailferry-Original-From: ERP <erp@contoso.example>\r\n\r\nFrom: this stays\r\n"
)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


# -- High Volume Email ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("carry", [BytesBody, FileBody])
async def test_hve_sends_as_its_account(ca: Authority, carry: type):
    async with hve_bench(ca) as bench:
        assert_delivered(await bench.send("ann@contoso.example", body=carry(ERP), sender="erp@contoso.example"))
        (taken,) = bench.upstream.taken
        assert taken.data == AS_ACCOUNT
        assert taken.mail.startswith(f"FROM:<{MAILBOX}> SIZE={len(AS_ACCOUNT)}")
        assert taken.login == MAILBOX
        assert set(bench.tokens.asked) == {("contoso", "https://outlook.office.com/.default")}


async def test_a_large_message_is_edited_as_it_streams(ca: Authority):
    line = b"0123456789" * 7 + b"\r\n"
    async with hve_bench(ca) as bench:
        head, text = ERP.split(b"\r\n\r\n")
        data = head + b"\r\n\r\n" + line * 80_000
        assert_delivered(await bench.send("ann@contoso.example", body=FileBody(data)))
        assert bench.upstream.taken[0].data == AS_ACCOUNT.split(b"\r\n\r\n")[0] + b"\r\n\r\n" + line * 80_000
        assert text


async def test_a_report_goes_out_as_the_account_too(ca: Authority):
    async with hve_bench(ca, null_sender="keep") as bench:
        assert_delivered(await bench.send("ann@contoso.example", data=ERP, sender=""))
        assert bench.upstream.taken[0].mail.startswith(f"FROM:<{MAILBOX}>")


async def test_who_is_outside_is_refused_and_the_others_get_their_copy(ca: Authority):
    async with hve_bench(ca) as bench:
        result = await bench.send("ann@contoso.example", "bob@elsewhere.example", "cy@contoso.example")
        assert kinds(result) == [Delivered, Failed, Delivered]
        assert "elsewhere.example is outside" in str(result.outcomes[1].reply)
        assert bench.upstream.taken[0].rcpts == ["TO:<ann@contoso.example>", "TO:<cy@contoso.example>"]


async def test_nobody_inside_nothing_is_opened(ca: Authority):
    async with hve_bench(ca) as bench:
        result = await bench.send("ann@elsewhere.example")
        assert_failed(result, "550 5.7.1 Route out delivers within the organisation only")
        assert not result.handed_over
        assert bench.upstream.connections == 0


async def test_more_than_ten_megabytes_are_refused_here(ca: Authority):
    async with hve_bench(ca) as bench:
        assert_failed(await bench.send(body=FileBody(b"x", size=11 << 20)), "552 5.3.4", "10485760")


async def test_hve_with_a_password(ca: Authority):
    async with hve_bench(ca, password={"env": "PASSWORD"}, passwords={MAILBOX: "PASSWORD"}) as bench:
        assert_delivered(await bench.send())
        assert bench.upstream.taken[0].login == MAILBOX
        assert bench.tokens.asked == []


@pytest.mark.parametrize(
    "reply",
    ["535 5.7.142 Token will expire soon", "535 5.7.143 Expired token", "535 5.7.3 Authentication unsuccessful"],
)
async def test_a_token_that_hve_refuses_is_renewed_once(ca: Authority, reply: str):
    async with hve_bench(ca, source=FakeTokens("early", "good")) as bench:
        bench.upstream.answer("AUTH", reply)
        assert_delivered(await bench.send())
        assert bench.tokens.refreshed == ["early"]


@pytest.mark.parametrize(
    "reply",
    [
        "550 5.7.240 The application is not allowed for use with this High Volume Email account",
        "501 5.5.124 Invalid XOAUTH2 argument",
    ],
)
async def test_what_no_token_mends_holds_the_lane(ca: Authority, reply: str):
    async with hve_bench(ca) as bench:
        bench.upstream.answer("AUTH", reply)
        assert_held(await bench.send(), "login", reply)
        assert bench.tokens.refreshed == []


async def test_an_account_that_may_not_send_holds_the_lane(ca: Authority):
    """The words for missing billing are not published: whatever MAIL is refused with is about the account."""
    async with hve_bench(ca) as bench:
        bench.upstream.answer("MAIL", "550 5.7.9999 Something nobody has written down")
        assert_held(await bench.send(), "service")


# -- Azure Communication Services -------------------------------------------------------------------------------------


async def test_acs_by_login_although_plain_would_be_simpler(ca: Authority):
    async with acs_bench(ca) as bench:
        assert_delivered(await bench.send())
        assert bench.upstream.taken[0].login == "mail-gateway"
        assert "AUTH LOGIN" in [line[:10] for line in bench.upstream.commands]


async def test_acs_by_token_as_the_smtp_username(ca: Authority):
    async with acs_bench(ca, password=None, tenant="contoso", tokens={"good"}) as bench:
        assert_delivered(await bench.send())
        assert bench.upstream.taken[0].login == "mail-gateway"
        assert set(bench.tokens.asked) == {("contoso", "https://communication.azure.com/.default")}


async def test_acs_with_an_address_of_its_own_sends_as_it(ca: Authority):
    async with acs_bench(ca, mailbox=MAILBOX) as bench:
        assert_delivered(await bench.send(data=ERP, sender="erp@contoso.example"))
        assert bench.upstream.taken[0].data == AS_ACCOUNT
        assert bench.upstream.taken[0].mail.startswith(f"FROM:<{MAILBOX}>")


async def test_acs_without_one_sends_as_the_client(ca: Authority):
    async with acs_bench(ca) as bench:
        assert_delivered(await bench.send(data=ERP, sender="erp@contoso.example"))
        assert bench.upstream.taken[0].data == ERP
        assert bench.upstream.taken[0].mail.startswith("FROM:<erp@contoso.example>")


@pytest.mark.parametrize(("mailbox", "fault"), [("", "sender"), (MAILBOX, "service")])
async def test_a_sender_that_acs_does_not_know_holds_no_more_than_it_must(ca: Authority, mailbox: str, fault: str):
    async with acs_bench(ca, mailbox=mailbox) as bench:
        bench.upstream.answer("MAIL", "550 5.1.7 Something nobody has written down")
        assert_held(await bench.send(), fault)


@pytest.mark.parametrize("verb", ["MAIL", "DOT"])
async def test_codes_of_rest_are_known_should_smtp_use_them(ca: Authority, verb: str):
    async with acs_bench(ca) as bench:
        bench.upstream.answer(verb, "554 5.7.1 TooManyRequests: slow down")
        assert_held(await bench.send(), "throttle")
        bench.upstream.answer(verb, "554 5.7.1 DomainNotLinked: The specified sender domain has not been linked.")
        assert_held(await bench.send(), "sender")
        bench.upstream.answer(verb, "554 5.7.1 EmailDroppedAllRecipientsSuppressed")
        assert_failed(await bench.send())


# -- smarthosts -------------------------------------------------------------------------------------------------------


async def test_a_certificate_is_shown(ca: Authority):
    shown: list[str] = []
    async with preset_bench("connector-certificate")(ca) as bench:
        assert bench.upstream.context is not None

        def look(_socket: object, _name: object, _context: object) -> None:
            shown.append("hello")

        bench.upstream.context.sni_callback = look
        bench.upstream.context.verify_mode = ssl.CERT_REQUIRED
        assert_delivered(await bench.send())
        assert bench.upstream.taken[0].tls
        assert shown


async def test_without_the_certificate_that_is_asked_for_nothing_goes_out(ca: Authority):
    async with preset_bench("connector-ip")(ca) as bench:
        assert bench.upstream.context is not None
        bench.upstream.context.verify_mode = ssl.CERT_REQUIRED
        result = await bench.send()
        assert not result.handed_over
        assert result.outcomes[0].lane_fault in ("tls", "connection")  # type: ignore[union-attr]


async def test_an_exchange_relay_with_its_own_certificate(ca: Authority, tmp_path_factory: pytest.TempPathFactory):
    other = Authority(tmp_path_factory.mktemp("self-signed"))
    async with preset_bench("exchange-relay")(ca, context=other.server("localhost")) as bench:
        assert_delivered(await bench.send())
        assert bench.upstream.taken[0].tls


async def test_direct_send_reaches_the_organisation_only(ca: Authority):
    async with preset_bench("direct-send")(ca) as bench:
        result = await bench.send("ann@contoso.example", "bob@elsewhere.example")
        assert kinds(result) == [Delivered, Failed]
