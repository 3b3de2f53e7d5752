"""SASL, both sides: payloads against published vectors, prompts, cancelling, what is malformed, secrets unseen."""

from __future__ import annotations

import base64

import pytest

from mailferry.smtp import sasl
from mailferry.smtp.replies import reply
from mailferry.smtp.sasl import (
    Challenge,
    Credentials,
    LoginServer,
    OAuthBearerServer,
    PlainServer,
    SaslError,
    XOAuth2Server,
)

# learn.microsoft.com, "Authenticate an IMAP, POP or SMTP connection using OAuth": the published example.
MAILBOX, TOKEN = "test@contoso.onmicrosoft.com", "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA"
VECTOR = (
    b"dXNlcj10ZXN0QGNvbnRvc28ub25taWNyb3NvZnQuY29tAWF1dGg9QmVhcmVyIEV3QkFBbDNCQUFVRkZwVUFvN0ozVmUwYmpMQldaV0NjbFJD"
    b"M0VvQUEBAQ=="
)


def test_xoauth2_vector() -> None:
    assert base64.b64encode(sasl.xoauth2(MAILBOX, TOKEN)) == VECTOR
    found = XOAuth2Server().start(base64.b64decode(VECTOR))
    assert found == Credentials(MAILBOX, token=TOKEN, mechanism="XOAUTH2")


def test_plain() -> None:
    assert PlainServer().start(None) == Challenge(b"")
    assert PlainServer().step(b"\0user\0pass word") == Credentials("user", "pass word", mechanism="PLAIN")
    assert PlainServer().start(b"admin\0user\0p") == Credentials("user", "p", authzid="admin", mechanism="PLAIN")
    assert PlainServer().start(sasl.plain("ü", "pä")) == Credentials("ü", "pä", mechanism="PLAIN")
    assert PlainServer().start(b"\0user\0p\xe4") == Credentials("user", "pä", mechanism="PLAIN")


@pytest.mark.parametrize("response", [b"", b"user\0pass", b"\0\0pass", b"\0a\nb\0p", b"\0a\0b\0c", b"x\r\0a\0b"])
def test_malformed_plain(response: bytes) -> None:
    error = PlainServer().start(response)
    assert isinstance(error, SaslError)
    assert error.reply.code == 501


def test_login_prompts_are_exactly_these() -> None:
    server = LoginServer()
    first = server.start(None)
    assert isinstance(first, Challenge)
    assert sasl.challenge_reply(first) == reply(334, "", "VXNlcm5hbWU6")
    second = server.step(b"user")
    assert isinstance(second, Challenge)
    assert sasl.challenge_reply(second) == reply(334, "", "UGFzc3dvcmQ6")
    assert server.step(b"secret") == Credentials("user", "secret", mechanism="LOGIN")


def test_login_with_the_user_inline() -> None:
    server = LoginServer()
    assert server.start(b"user") == Challenge(b"Password:")
    assert server.step(b"") == Credentials("user", "", mechanism="LOGIN")


@pytest.mark.parametrize("username", [b"", b"a\rb"])
def test_malformed_login(username: bytes) -> None:
    assert isinstance(LoginServer().start(username), SaslError)


@pytest.mark.parametrize("name", ["PLAIN", "login", "XOAuth2", "OAUTHBEARER"])
def test_cancel(name: str) -> None:
    server = sasl.server_mechanism(name)
    assert server is not None
    assert isinstance(server.start(None), Challenge)
    error = server.step(None)
    assert isinstance(error, SaslError)
    assert (error.reply.code, error.reply.enhanced) == (501, "5.7.0")


def test_unknown_mechanism() -> None:
    assert sasl.server_mechanism("CRAM-MD5") is None


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"user=a\x01auth=Bearer t\x01",
        b"user=a\x01auth=Basic t\x01\x01",
        b"user=a\x01auth=Bearer \x01\x01",
        b"user=\x01auth=Bearer t\x01\x01",
        b"auth=Bearer t\x01\x01",
        b"user=a\x01noequals\x01\x01",
        b"user=a\x01auth=Bearer t\n\x01\x01",
        b"user=\xff\x01auth=Bearer t\x01\x01",
        b"n,a=u,\x01auth=Bearer t\x01\x01",
    ],
)
def test_malformed_xoauth2(payload: bytes) -> None:
    error = XOAuth2Server().start(payload)
    assert isinstance(error, SaslError)
    assert error.reply.code == 501


def test_xoauth2_in_any_case_of_bearer() -> None:
    assert XOAuth2Server().start(b"user=a\x01auth=bearer t\x01\x01") == Credentials("a", token="t", mechanism="XOAUTH2")


def test_oauthbearer() -> None:
    payload = sasl.oauthbearer("u,s=er@example.com", "t")
    assert payload == b"n,a=u=2Cs=3Der@example.com,\x01auth=Bearer t\x01\x01"
    found = OAuthBearerServer().start(payload)
    assert found == Credentials("u,s=er@example.com", token="t", mechanism="OAUTHBEARER")
    # RFC 7628 section 4.1 has host and port, and the mailbox may be missing.
    found = OAuthBearerServer().start(b"n,,\x01host=server.example.com\x01port=143\x01auth=Bearer t\x01\x01")
    assert found == Credentials("", token="t", mechanism="OAUTHBEARER")


@pytest.mark.parametrize("head", [b"p=tls-unique,a=u,", b"n", b"n,x=u,", b"n,a=u", b"user=a"])
def test_malformed_oauthbearer(head: bytes) -> None:
    assert isinstance(OAuthBearerServer().start(head + b"\x01auth=Bearer t\x01\x01"), SaslError)


def test_json_refusal_and_its_acknowledgement() -> None:
    server = XOAuth2Server()
    server.start(sasl.xoauth2("a", "t"))
    challenge = server.fail()
    client = sasl.xoauth2_client("a", "t")
    answer = client.answer(sasl.challenge_of(sasl.challenge_reply(challenge)))
    assert answer == b""
    assert b'"status":"401"' in client.error
    error = server.step(answer)
    assert isinstance(error, SaslError)
    assert error.reply.code == 535
    assert sasl.oauthbearer_client("a", "t").answer(b"{}") == b"\x01"


def test_clients() -> None:
    plain = sasl.plain_client("user", "pass")
    assert (plain.name, plain.initial(), plain.answer(b"")) == ("PLAIN", b"\0user\0pass", b"\0user\0pass")
    assert plain.answer(b"more?") is None
    login = sasl.LoginClient("user", "pass")
    assert (login.name, login.initial()) == ("LOGIN", None)
    assert [login.answer(b"Username:"), login.answer(b"Password:"), login.answer(b"More:")] == [b"user", b"pass", None]
    bearer = sasl.xoauth2_client("user", "token")
    assert bearer.answer(b"") == bearer.initial() == sasl.xoauth2("user", "token")


@pytest.mark.parametrize("text", ["VXNlcm5hbWU6", ""])
def test_challenge_of(text: str) -> None:
    assert sasl.challenge_of(reply(334, "", text)) == base64.b64decode(text)


def test_challenge_of_prose() -> None:
    assert sasl.challenge_of(reply(334, "", "go ahead!")) == b""


def test_no_secret_in_a_repr() -> None:
    assert "s3cret" not in repr(Credentials("u", "s3cret", "s3cret"))
    assert "s3cret" not in repr(sasl.plain_client("u", "s3cret"))
    server = LoginServer()
    server.start(b"u")
    assert "s3cret" not in repr(server.step(b"s3cret"))
