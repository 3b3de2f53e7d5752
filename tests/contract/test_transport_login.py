"""Logging in: tokens that are renewed once, passwords, and refusals that hold the lane."""

from __future__ import annotations

import base64

import pytest

from mailferry.mail.outcome import Deferred
from mailferry.smtp.sasl import xoauth2_client
from mailferry.tokens.api import TokenError, TokenRefused, TokenUnavailable
from mailferry.tokens.settings import SecretSource
from support.transport_contract import (
    MAILBOX,
    Authority,
    FakeTokens,
    assert_delivered,
    assert_held,
    exchange_bench,
    smarthost_bench,
)
from support.upstream import DROP

SCOPE = "https://outlook.office365.com/.default"
DISABLED = (
    "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. "
    "Visit https://aka.ms/smtp_auth_disabled for more information. [H]"
)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


# -- tokens ---------------------------------------------------------------------------------------------------------


async def test_xoauth2_as_the_sending_mailbox(ca: Authority):
    async with exchange_bench(ca) as bench:
        assert_delivered(await bench.send(mailbox="fax@contoso.example"))
        assert bench.upstream.taken[0].login == "fax@contoso.example"
        assert bench.upstream.taken[0].tls
        assert set(bench.tokens.asked) == {("contoso", SCOPE)}


async def test_the_routes_own_mailbox_overrules(ca: Authority):
    async with exchange_bench(ca, mailbox="one@contoso.example") as bench:
        assert_delivered(await bench.send())
        assert bench.upstream.taken[0].login == "one@contoso.example"


async def test_each_mailbox_has_its_own_connections(ca: Authority):
    async with exchange_bench(ca) as bench:
        for mailbox in ("a@contoso.example", "b@contoso.example", "a@contoso.example"):
            assert_delivered(await bench.send(mailbox=mailbox))
        assert [taken.login for taken in bench.upstream.taken] == [f"{name}@contoso.example" for name in "aba"]
        assert bench.upstream.connections == 2


@pytest.mark.parametrize("challenge", [False, True])
async def test_an_expired_token_is_renewed_on_the_same_connection(ca: Authority, challenge: bool):
    async with exchange_bench(ca, source=FakeTokens("old", "good"), challenge=challenge) as bench:
        assert_delivered(await bench.send())
        assert bench.tokens.refreshed == ["old"]
        assert bench.upstream.connections == 1


async def test_an_expired_token_is_renewed_on_a_new_connection(ca: Authority):
    async with exchange_bench(ca, source=FakeTokens("old", "good"), close_after_535=True) as bench:
        assert_delivered(await bench.send())
        assert bench.tokens.refreshed == ["old"]
        assert bench.upstream.connections == 2


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
async def test_a_kept_connection_whose_login_has_run_out_is_replaced(ca: Authority, stage: str):
    """Its token expired while it was kept: no fault of the lane, for which nobody need be woken."""
    async with exchange_bench(ca) as bench:
        assert_delivered(await bench.send())
        bench.upstream.answer(stage, "530 5.7.57 Client not authenticated to send mail.")
        assert_delivered(await bench.send())
        assert (bench.upstream.connections, len(bench.upstream.taken)) == (2, 2)


async def test_a_connection_whose_login_does_not_count_is_not_kept(ca: Authority):
    async with exchange_bench(ca) as bench:
        bench.upstream.answer("MAIL", "530 5.7.57 Client not authenticated to send mail.")
        assert_held(await bench.send(), "login", "530 5.7.57")
        assert bench.upstream.connections == 1
        assert_delivered(await bench.send())
        assert bench.upstream.connections == 2


@pytest.mark.parametrize("close_after_535", [False, True])
async def test_a_renewed_token_that_is_refused_holds_the_lane(ca: Authority, close_after_535: bool):
    async with exchange_bench(ca, source=FakeTokens("old", "bad"), close_after_535=close_after_535) as bench:
        assert_held(await bench.send(), "login", "535 5.7.3 Authentication unsuccessful")
        assert bench.tokens.refreshed == ["old"]
        assert "MAIL" not in bench.upstream.verbs()


async def test_a_switch_that_is_off_needs_no_new_token(ca: Authority):
    async with exchange_bench(ca) as bench:
        bench.upstream.answer("AUTH", DISABLED)
        assert_held(await bench.send(), "login", "disabled for the Mailbox")
        assert bench.tokens.refreshed == []


@pytest.mark.parametrize(
    "reply", ["454 4.7.0 Temporary authentication failure", "421 4.4.2 Connection dropped", "500 5.5.1 What?"]
)
async def test_other_refusals_hold_the_lane(ca: Authority, reply: str):
    async with exchange_bench(ca) as bench:
        bench.upstream.answer("AUTH", reply)
        result = await bench.send()
        assert isinstance(result.outcomes[0], Deferred)
        assert result.outcomes[0].lane_fault in ("login", "throttle")
        assert bench.tokens.refreshed == []


async def test_hanging_up_at_auth_holds_the_lane(ca: Authority):
    async with exchange_bench(ca) as bench:
        bench.upstream.answer("AUTH", DROP)
        assert_held(await bench.send(), "connection", "while logging in")


@pytest.mark.parametrize(
    "error",
    [
        TokenRefused("AADSTS7000222: The provided client secret keys are expired.", "AADSTS7000222"),
        TokenUnavailable("login.microsoftonline.com does not answer", retry_after=30.0),
    ],
)
async def test_no_token_no_connection(ca: Authority, error: TokenError):
    async with exchange_bench(ca, source=FakeTokens(error)) as bench:
        result = await bench.send()
        assert_held(result, "token", error.cause)
        assert result.outcomes[0].retry_after == error.retry_after
        assert bench.upstream.connections == 0


async def test_no_new_token(ca: Authority):
    async with exchange_bench(ca, source=FakeTokens("old", TokenRefused("consent was withdrawn"))) as bench:
        assert_held(await bench.send(), "token", "consent was withdrawn")


async def test_xoauth2_is_not_offered(ca: Authority):
    async with exchange_bench(ca, auth=("NTLM", "LOGIN")) as bench:
        assert_held(await bench.send(), "login", "does not offer AUTH XOAUTH2 but LOGIN, NTLM")


async def test_no_mailbox_no_connection(ca: Authority):
    async with exchange_bench(ca) as bench:
        assert_held(await bench.send(mailbox=""), "configuration", "no sending mailbox")
        assert bench.upstream.connections == 0


async def test_the_token_is_in_no_outcome_and_no_log(ca: Authority):
    token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9"
    async with exchange_bench(ca, source=FakeTokens(token, token)) as bench:
        result = await bench.send()
        assert token not in repr(result)
        assert token not in repr(bench.log)
        assert token not in repr(bench.transport)


# -- the null sender ------------------------------------------------------------------------------------------------


async def test_a_report_goes_out_as_the_mailbox(ca: Authority):
    async with exchange_bench(ca) as bench:
        assert_delivered(await bench.send(sender=""))
        assert bench.upstream.taken[0].mail.startswith(f"FROM:<{MAILBOX}>")


async def test_a_null_sender_may_be_kept(ca: Authority):
    async with exchange_bench(ca, null_sender="keep") as bench:
        assert_delivered(await bench.send(sender=""))
        assert bench.upstream.taken[0].mail.startswith("FROM:<> ")


async def test_a_smarthost_gets_the_null_sender(ca: Authority):
    async with smarthost_bench(ca) as bench:
        assert_delivered(await bench.send(sender=""))
        assert bench.upstream.taken[0].mail.startswith("FROM:<> ")


# -- passwords ------------------------------------------------------------------------------------------------------


def password(ca: Authority, **changes):
    settings = {
        "context": ca.server("localhost"),
        "ca_file": ca.file,
        "host": "localhost",
        "tls": "starttls",
        "username": "gateway",
        "password": SecretSource(env="s3cret"),
        "passwords": {"gateway": "s3cret"},
        "auth": ("PLAIN", "LOGIN"),
    }
    return smarthost_bench(ca, **(settings | changes))


@pytest.mark.parametrize("auth", [("PLAIN", "LOGIN"), ("LOGIN",), ("PLAIN",)])
async def test_a_password(ca: Authority, auth: tuple[str, ...]):
    async with password(ca, auth=auth) as bench:
        assert_delivered(await bench.send())
        assert bench.upstream.taken[0].login == "gateway"
        assert ("AUTH LOGIN" in bench.upstream.commands) is ("PLAIN" not in auth)


@pytest.mark.parametrize("auth", [("PLAIN",), ("LOGIN",)])
async def test_a_wrong_password_holds_the_lane(ca: Authority, auth: tuple[str, ...]):
    async with password(ca, auth=auth, passwords={"gateway": "other"}) as bench:
        result = await bench.send()
        assert_held(result, "login", "535 5.7.8")
        assert "s3cret" not in repr(result)


async def test_no_mechanism_for_a_password(ca: Authority):
    async with password(ca, auth=("GSSAPI",)) as bench:
        assert_held(await bench.send(), "login", "neither AUTH PLAIN nor LOGIN but GSSAPI")
    async with password(ca, auth=()) as bench:
        assert_held(await bench.send(), "login", "but no AUTH")


@pytest.mark.parametrize("how", ["command", "piece", "secret", "no reply at all"])
async def test_an_upstream_that_repeats_our_login_gives_nothing_away(ca: Authority, how: str):
    token = "eyJ0eXAiOiJKV1QifQ.cGF5bG9hZA.c2lnbmF0dXJl"
    sent = xoauth2_client(MAILBOX, token).initial() or b""
    command = base64.b64encode(sent).decode()
    said = {
        "command": f"501 5.5.4 Cannot take: AUTH XOAUTH2 {command}",
        "piece": f"501 5.5.4 Cannot take: AUTH XOAUTH2 {command[9:60]}...",
        "secret": f"501 5.5.4 Cannot take: {token}",
        "no reply at all": f"AUTH XOAUTH2 {command}",
    }[how]
    async with exchange_bench(ca, source=FakeTokens(token)) as bench:
        bench.upstream.answer("AUTH", said)
        result = await bench.send()
    assert len(result.outcomes) == 1
    text = str(result.outcomes[0].reply)
    assert "[redacted]" in text
    assert token not in text
    assert not any(command[at : at + 12] in text for at in range(len(command) - 12))
