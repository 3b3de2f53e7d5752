"""Both cores together: whole dialogues with STARTTLS, AUTH, groups, chunks; and what a connection costs in memory."""

from __future__ import annotations

import tracemalloc

import pytest

from mailferry.smtp import sasl
from mailferry.smtp.client import AuthData, Body
from mailferry.smtp.commands import Auth, Bdat, BodyType, Data, Ehlo, Mail, Quit, Rcpt, StartTls
from mailferry.smtp.dotstuff import DotStuffer
from mailferry.smtp.events import AuthResponse
from mailferry.smtp.limits import Extensions
from mailferry.smtp.replies import Reply, reply
from mailferry.smtp.sasl import Challenge, Credentials, ServerMechanism
from mailferry.smtp.server import Event, ServerConnection
from support.pair import ConnectionPair
from support.smtp_drive import connection, kindly

MECHANISMS = ("PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER")


class Login:
    """A server session that knows one user with one secret."""

    def __init__(self) -> None:
        self.seen: Credentials | None = None
        self._mechanism: ServerMechanism | None = None

    def __call__(self, conn: ServerConnection, event: Event) -> Reply:
        if isinstance(event, Auth):
            self._mechanism = sasl.server_mechanism(event.mechanism)
            assert self._mechanism is not None
            return self._answer(self._mechanism.start(event.initial))
        if isinstance(event, AuthResponse):
            assert self._mechanism is not None
            return self._answer(self._mechanism.step(event.data))
        return kindly(conn, event)

    def _answer(self, step: sasl.Step) -> Reply:
        if isinstance(step, Challenge):
            return sasl.challenge_reply(step)
        if isinstance(step, Credentials):
            self.seen = step
            good = "secret" in (step.password, step.token)
            return reply(235, "2.7.0", "Welcome") if good else reply(535, "5.7.8", "No")
        return step.reply


@pytest.mark.parametrize("cut", [0, 1, 3])
@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("name", MECHANISMS)
def test_a_session_with_tls_and_login(name: str, inline: bool, cut: int) -> None:
    login = Login()
    pair = ConnectionPair(extensions=Extensions(starttls=True, auth=MECHANISMS), answer=login, cut=cut)
    pair.send(Ehlo("client.example.com"))
    assert pair.client.capabilities.has("STARTTLS")
    assert not pair.client.capabilities.auth
    pair.send(StartTls())
    pair.client.tls_started()
    pair.server.tls_started()
    pair.send(Ehlo("client.example.com"))
    assert pair.client.capabilities.auth == set(MECHANISMS)

    mechanism: sasl.ClientMechanism = {
        "PLAIN": sasl.plain_client,
        "LOGIN": sasl.LoginClient,
        "XOAUTH2": sasl.xoauth2_client,
        "OAUTHBEARER": sasl.oauthbearer_client,
    }[name]("user", "secret")
    [(_, answer)] = pair.send(Auth(name, mechanism.initial() if inline else None))
    while answer.code == 334:
        response = mechanism.answer(sasl.challenge_of(answer))
        assert response is not None
        [(what, answer)] = pair.write(pair.client.send_auth_data(response))
        assert what == AuthData()
    assert answer.code == 235
    assert pair.client.identified
    assert pair.server.identified
    assert login.seen is not None
    assert (login.seen.username, login.seen.mechanism) == ("user", name)

    group = (Mail("a@b", 100, BodyType.EIGHT_BIT), Rcpt("c@d"), Rcpt("e@f"), Data())
    assert [answer.code for _, answer in pair.send(*group)] == [250, 250, 250, 354]
    stuffer = DotStuffer()
    [(what, answer)] = pair.write(stuffer.feed(b".hello\r\n") + stuffer.finish())
    assert (what, answer.code) == (Body(), 250)
    wire = pair.client.send(Mail("a@b")) + pair.client.send(Rcpt("c@d"))
    wire += pair.client.send(Bdat(3, last=False)) + b"abc" + pair.client.send(Bdat(2, last=True)) + b"de"
    assert [answer.code for _, answer in pair.write(wire)] == [250, 250, 250, 250]
    assert pair.log.body() == b".hello\r\nabcde"
    pair.send(Quit())
    assert pair.client.closed
    assert pair.server.closed


def test_an_idle_connection_is_small() -> None:
    connection(hello=True)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = [connection(hello=True) for _ in range(200)]
        each = (tracemalloc.get_traced_memory()[0] - before) / len(kept)
    finally:
        tracemalloc.stop()
    assert each < 700
