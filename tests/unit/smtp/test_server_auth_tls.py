"""AUTH and STARTTLS at the server, and what EHLO offers in each state."""

from __future__ import annotations

import pytest

from mailferry.smtp.commands import Auth, Ehlo, Noop, StartTls
from mailferry.smtp.events import AuthResponse, Refused
from mailferry.smtp.limits import Extensions, ServerLimits
from mailferry.smtp.replies import Reply, format_reply, reply
from mailferry.smtp.server import Event, ServerConnection
from mailferry.smtp.state import State
from support.smtp_drive import GREETING, Cut, connection, drive, kindly

OFFERS_TLS = Extensions(starttls=True, auth=("LOGIN", "XOAUTH2"), binarymime=True)


def test_login_dialogue() -> None:
    answers = {b"user": reply(334, "", "UGFzc3dvcmQ6"), b"secret": reply(235, "2.7.0", "Welcome")}

    def answer(conn: ServerConnection, event: Event) -> Reply:
        return answers[event.data or b""] if isinstance(event, AuthResponse) else kindly(conn, event)

    conn = connection(hello=True)
    log = drive(conn, [b"AUTH LOGIN\r\n", b"dXNlcg==\r\n", b"c2VjcmV0 \r\n"], answer)
    assert log.events == [Auth("LOGIN"), AuthResponse(b"user"), AuthResponse(b"secret")]
    assert conn.identified
    assert "secret" not in repr(log.events)


def test_cancel(cut: Cut) -> None:
    conn = connection(hello=True)
    drive(conn, [b"AUTH LOGIN\r\n"])
    assert drive(conn, cut(b"*\r\n")).events[0] == AuthResponse(None)
    assert not conn.identified
    assert conn.state is State.READY


def test_empty_response(cut: Cut) -> None:
    conn = connection(hello=True)
    drive(conn, [b"AUTH XOAUTH2\r\n"])
    assert drive(conn, cut(b"\r\n")).events[0] == AuthResponse(b"")


def test_bad_base64_ends_the_exchange(cut: Cut) -> None:
    conn = connection(hello=True)
    drive(conn, [b"AUTH LOGIN\r\n"])
    log = drive(conn, cut(b"geheim!\r\n"))
    assert isinstance(log.events[0], Refused)
    assert (log.events[0].reply.code, log.events[0].reply.enhanced) == (501, "5.5.2")
    assert "geheim" not in repr(log.events)
    assert conn.state is State.READY
    assert not conn.identified


def test_failed_authentication_may_be_tried_again() -> None:
    conn = connection(hello=True)
    log = drive(conn, [b"AUTH PLAIN AGEAYg==\r\n"], lambda *_: reply(535, "5.7.8", "no"))
    assert log.events == [Auth("PLAIN", b"\0a\0b")]
    assert drive(conn, [b"AUTH LOGIN\r\n"]).events == [Auth("LOGIN")]


def test_235_at_once() -> None:
    conn = connection(hello=True)
    drive(conn, [b"AUTH PLAIN AGEAYg==\r\n"], lambda *_: reply(235, "2.7.0", "yes"))
    assert conn.identified
    assert conn.state is State.READY


def test_starttls() -> None:
    conn = connection(hello=True, extensions=OFFERS_TLS)
    log = drive(conn, [b"STARTTLS\r\n"])
    assert log.events == [StartTls()]
    assert conn.state is State.TLS
    conn.receive(b"EHLO in.tls\r\n")  # decrypted octets may come before the driver says so
    assert conn.next_event() is None
    conn.tls_started()
    assert (conn.tls, conn.esmtp, conn.identified, conn.state) == (True, False, False, State.START)
    assert conn.next_event() == Ehlo("in.tls")
    conn.send(conn.ehlo_reply("x"))
    second = drive(conn, [b"STARTTLS\r\n"])
    assert second.refusals()[0].reply.code == 503


def test_starttls_refused_by_the_session() -> None:
    conn = connection(hello=True, extensions=OFFERS_TLS)
    drive(conn, [b"STARTTLS\r\n"], lambda *_: reply(454, "4.7.0", "TLS not available"))
    assert drive(conn, [b"NOOP\r\n"]).events == [Noop()]


@pytest.mark.parametrize("pieces", [[b"STARTTLS\r\nEHLO evil\r\n"], [b"STARTTLS\r\nX"]])
def test_starttls_with_bytes_behind_it(pieces: list[bytes]) -> None:
    conn = connection(hello=True, extensions=OFFERS_TLS)
    log = drive(conn, pieces)
    assert [event.close for event in log.refusals()] == [True]
    assert conn.closed


def test_starttls_with_bytes_that_came_by_themselves() -> None:
    conn = connection(hello=True, extensions=OFFERS_TLS)
    conn.receive(b"STARTTLS\r\n")
    conn.receive(b"EHLO evil\r\n")
    event = conn.next_event()
    assert isinstance(event, Refused)
    assert event.close


def test_bytes_in_clear_before_the_handshake_are_forgotten() -> None:
    conn = connection(hello=True, extensions=OFFERS_TLS)
    conn.receive(b"STARTTLS\r\n")
    assert conn.next_event() == StartTls()
    conn.receive(b"RSET\r\n")
    conn.receive(b"EHLO evil\r\n")
    conn.send(reply(220, "2.0.0", "Ready"))
    conn.tls_started()
    assert conn.next_event() is None
    assert conn.buffered == 0


def test_starttls_not_offered() -> None:
    conn = connection(hello=True)
    assert drive(conn, [b"STARTTLS\r\n"]).refusals()[0].reply.code == 502


def test_ehlo_as_exchange_online_says_it() -> None:
    # Observed 2025-11-23: the order, and AUTH in the place of STARTTLS once TLS is on.
    conn = ServerConnection(ServerLimits(message_size=157286400), extensions=OFFERS_TLS)
    conn.greeting(GREETING)
    rest = b"250-8BITMIME\r\n250-BINARYMIME\r\n250-CHUNKING\r\n250 SMTPUTF8\r\n"
    head = b"250-mx Hello [192.0.2.1]\r\n250-SIZE 157286400\r\n250-PIPELINING\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n"
    assert format_reply(conn.ehlo_reply("mx Hello [192.0.2.1]")) == head + b"250-STARTTLS\r\n" + rest
    conn.tls_started()
    assert format_reply(conn.ehlo_reply("mx Hello [192.0.2.1]")) == head + b"250-AUTH LOGIN XOAUTH2\r\n" + rest
    conn.authenticated()
    assert format_reply(conn.ehlo_reply("mx Hello [192.0.2.1]")) == head + rest


@pytest.mark.parametrize(
    ("extensions", "lines"),
    [
        (
            Extensions(size=False, pipelining=False, dsn=False, enhanced=False, chunking=False, smtputf8=False),
            ("8BITMIME",),
        ),
        (Extensions(eightbitmime=False, order=("SMTPUTF8", "DSN", "SIZE")), ("DSN", "SIZE")),
        (
            Extensions(order=("XRDST", "DSN", "AUTH=LOGIN"), extra=("X-LAST 1",)),
            ("XRDST", "DSN", "AUTH=LOGIN", "X-LAST 1"),
        ),
        (Extensions(auth=("PLAIN",), order=("AUTH",)), ("AUTH PLAIN",)),
        (Extensions(auth=("PLAIN",), starttls=True, order=("AUTH", "STARTTLS")), ("STARTTLS",)),
        (
            Extensions(auth=("PLAIN",), starttls=True, auth_in_clear=True, order=("AUTH", "STARTTLS")),
            ("AUTH PLAIN", "STARTTLS"),
        ),
        (Extensions(chunking=False, binarymime=True, order=("BINARYMIME",)), ()),
    ],
)
def test_extension_lines(extensions: Extensions, lines: tuple[str, ...]) -> None:
    assert extensions.lines(tls=False, authenticated=False, size=0) == lines


def test_implicit_tls() -> None:
    conn = ServerConnection(ServerLimits(), extensions=OFFERS_TLS, tls=True)
    conn.greeting(GREETING)
    assert "AUTH LOGIN XOAUTH2" in conn.ehlo_reply("x").lines
    assert "STARTTLS" not in conn.ehlo_reply("x").lines
