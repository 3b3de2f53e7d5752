"""The order of commands at the server: what is legal when, what a reply moves, and pipelining."""

from __future__ import annotations

import pytest

from mailferry.smtp.commands import Data, Ehlo, Mail, Noop, Quit, Rcpt, UnknownCommand
from mailferry.smtp.errors import LocalProtocolError
from mailferry.smtp.events import BodyChunk, EndOfMessage, Refused
from mailferry.smtp.limits import ServerLimits
from mailferry.smtp.replies import Reply, reply
from mailferry.smtp.server import Event, ServerConnection
from mailferry.smtp.state import State
from support.smtp_drive import EXTENSIONS, GO_ON, OK, connection, drive, kindly, take

MAIL, RCPT, DATA = b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<c@d>\r\n", b"DATA\r\n"
AUTH = b"AUTH PLAIN AGEAYg==\r\nAGEAYg==\r\n"


def codes(conn: ServerConnection, data: bytes) -> list[int]:
    return [int(line[:3]) for line in drive(conn, [data]).written.splitlines() if line[3:4] == b" "]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (MAIL, [503]),
        (RCPT, [503]),
        (DATA, [503]),
        (b"AUTH LOGIN\r\n", [503]),
        (b"STARTTLS\r\n", [503]),
        (b"NOOP\r\nRSET\r\nVRFY a\r\nHELP\r\nQUIT\r\n", [250, 250, 250, 250, 221]),
        (b"EHLO a\r\nHELO b\r\nEHLO c\r\n", [250, 250, 250]),
    ],
)
def test_before_hello(data: bytes, expected: list[int]) -> None:
    assert codes(connection(), data) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (RCPT, [503]),
        (DATA, [503]),
        (MAIL + MAIL, [250, 503]),
        (MAIL + DATA, [250, 503]),
        (MAIL + b"BDAT 1 LAST\r\nx" + RCPT, [250, 503, 250]),
        (MAIL + b"AUTH LOGIN\r\n", [250, 503]),
        (MAIL + RCPT + b"RSET\r\n" + RCPT, [250, 250, 250, 503]),
        (MAIL + RCPT + b"EHLO again\r\n" + RCPT, [250, 250, 250, 503]),
        (MAIL + RCPT + RCPT + DATA + b".\r\n" + RCPT + MAIL, [250, 250, 250, 354, 250, 503, 250]),
        (AUTH + AUTH[:21] + MAIL, [334, 235, 503, 250]),
        (MAIL + RCPT + b"NOOP\r\nVRFY x\r\nHELP\r\nXYZ\r\n" + DATA, [250, 250, 250, 250, 250, 250, 354]),
        (MAIL + RCPT + b"BDAT 1\r\nx" + RCPT + DATA + MAIL + b"BDAT 0 LAST\r\n", [250, 250, 250, 503, 503, 503, 250]),
    ],
)
def test_sequences(data: bytes, expected: list[int]) -> None:
    assert codes(connection(hello=True), data) == expected


def test_refused_mail_and_rcpt_do_not_move() -> None:
    def refusing(conn: ServerConnection, event: Event) -> Reply:
        return (
            reply(550, "5.7.1", "no") if isinstance(event, Mail | Rcpt) and "no" in event.path else kindly(conn, event)
        )

    conn = connection(hello=True)
    log = drive(conn, [b"MAIL FROM:<no@b>\r\n" + RCPT + MAIL + b"RCPT TO:<no@d>\r\n" + DATA + RCPT + DATA], refusing)
    assert [int(line[:3]) for line in log.written.splitlines()] == [550, 503, 250, 550, 503, 250, 354]


@pytest.mark.parametrize("code", [250, 421, 450, 503, 554])
def test_data_answered_otherwise_brings_no_body(code: int) -> None:
    conn = connection(hello=True)
    conn.receive(MAIL + RCPT + DATA + b"NOOP\r\n")
    for answer in (OK, OK, reply(code, "", "no")):
        assert conn.next_event() is not None
        conn.send(answer)
    assert conn.next_event() == (None if code == 421 else Noop())


def test_nothing_is_handed_out_before_the_greeting() -> None:
    conn = ServerConnection(ServerLimits(), extensions=EXTENSIONS)
    conn.receive(b"EHLO early\r\n")
    assert conn.awaiting
    assert conn.next_event() is None
    assert conn.greeting(reply(220, "", "hello")) == b"220 hello\r\n"
    assert conn.next_event() == Ehlo("early")
    with pytest.raises(LocalProtocolError):
        conn.greeting(reply(220, "", "hello"))


def test_greeting_554_leaves_only_quit() -> None:
    conn = ServerConnection(ServerLimits(), extensions=EXTENSIONS)
    conn.send(reply(554, "5.7.1", "not you"))
    assert codes(conn, b"EHLO a\r\nNOOP\r\nQUIT\r\n") == [503, 503, 221]
    assert conn.closed


def test_nothing_is_handed_out_before_the_reply() -> None:
    conn = connection(hello=True)
    conn.receive(MAIL + RCPT + DATA + b"text\r\n.\r\nQUIT\r\n")
    seen: list[object] = []
    for answer in (OK, OK, GO_ON):
        seen.append(conn.next_event())
        assert conn.awaiting
        assert conn.next_event() is None
        conn.receive(b"")
        assert conn.next_event() is None
        conn.send(answer)
        assert not conn.awaiting
    assert conn.next_event() == BodyChunk(b"text\r\n")
    assert conn.next_event() == EndOfMessage()
    assert conn.next_event() is None
    conn.send(OK)
    assert conn.next_event() == Quit()
    assert seen == [Mail("a@b"), Rcpt("c@d"), Data()]


def test_a_reply_must_be_owed() -> None:
    conn = connection(hello=True)
    with pytest.raises(LocalProtocolError):
        conn.send(OK)
    assert conn.send(reply(421, "4.3.2", "Shutting down")) == b"421 4.3.2 Shutting down\r\n"
    assert conn.closed
    with pytest.raises(LocalProtocolError):
        conn.send(OK)


def test_421_in_the_middle_of_a_message() -> None:
    conn = connection(hello=True)
    drive(conn, [MAIL + RCPT + DATA + b"half"])
    assert conn.in_transaction
    conn.send(reply(421, "4.3.2", "Shutting down"))
    conn.receive(b"\r\n.\r\nNOOP\r\n")
    assert conn.next_event() is None
    assert conn.closed


def test_quit_closes_and_drops_the_rest() -> None:
    conn = connection(hello=True)
    log = drive(conn, [b"QUIT\r\nNOOP\r\n"])
    assert log.events == [Quit()]
    assert conn.closed
    assert conn.buffered == 0


def test_flags() -> None:
    conn = connection()
    assert (conn.esmtp, conn.in_transaction, conn.identified) == (False, False, False)
    drive(conn, [b"HELO a\r\n"])
    assert not conn.esmtp
    drive(conn, [b"EHLO a\r\n" + AUTH + MAIL])
    assert (conn.esmtp, conn.in_transaction, conn.identified) == (True, True, True)
    drive(conn, [RCPT + DATA])
    assert conn.in_transaction
    drive(conn, [b".\r\n"])
    assert not conn.in_transaction


def test_too_many_bad_commands_in_a_row() -> None:
    conn = connection(hello=True, limits=ServerLimits(bad_commands=3))
    assert codes(conn, b"A\r\n\r\nB\r\nNOOP\r\nC\r\nDATA\r\nD\r\n") == [250, 500, 250, 250, 250, 503, 250]
    log = drive(conn, [b"E\r\nNOOP\r\n"])
    assert isinstance(log.last, Refused)
    assert log.last.close
    assert log.written == b"421 4.7.0 Too many errors\r\n"
    assert conn.closed


@pytest.mark.parametrize("command", ["NOOP", "RSET", "VRFY x", "HELP", "EHLO a", "HELO a"])
def test_too_many_commands_without_mail(command: str) -> None:
    line = f"{command}\r\n".encode()
    conn = connection(hello=True, limits=ServerLimits(idle_commands=3))
    drive(conn, [line * 2 + MAIL + b"RSET\r\n" + line * 2])
    assert not conn.closed  # mail begins the count anew
    log = drive(conn, [line])
    assert log.written == b"421 4.7.0 Too many commands without mail\r\n"
    assert conn.closed


def test_a_message_of_a_thousand_recipients_is_no_idling() -> None:
    conn = connection(hello=True, limits=ServerLimits(idle_commands=3))
    drive(conn, [MAIL + RCPT * 1000 + DATA])
    assert conn.in_transaction


def test_bad_commands_without_bound() -> None:
    conn = connection(hello=True, limits=ServerLimits(bad_commands=0))
    log = drive(conn, [b"A\r\n" * 50])
    assert log.events == [UnknownCommand("A")] * 50


def test_mail_size_over_the_limit() -> None:
    conn = connection(hello=True, limits=ServerLimits(message_size=1000))
    assert codes(conn, b"MAIL FROM:<a@b> SIZE=1001\r\nMAIL FROM:<a@b> SIZE=1000\r\n") == [552, 250]


def test_buffered_counts_what_waits() -> None:
    conn = connection(hello=True)
    conn.receive(b"NOOP\r\n")
    conn.receive(b"NOOP\r\n")
    conn.receive(b"NO")
    assert conn.buffered == 14
    conn.next_event()
    assert conn.buffered == 8
    conn.send(OK)
    conn.next_event()
    conn.send(OK)
    assert conn.next_event() is None
    assert conn.buffered == 2


def test_eof_leaves_whole_commands_and_ends_no_message() -> None:
    conn = connection(hello=True)
    conn.receive(MAIL + RCPT + DATA + b"text\r\n.\r")
    conn.receive_eof()
    take(conn, log := drive(conn, []))
    assert log.events == [Mail("a@b"), Rcpt("c@d"), Data(), BodyChunk(b"text\r\n")]


def test_states_are_those_of_the_table() -> None:
    conn = connection()
    assert conn.state is State.START
    states = []
    for line in (b"EHLO a\r\n", MAIL, RCPT, DATA, b".\r\n", b"AUTH LOGIN\r\n", b"*\r\n", b"QUIT\r\n"):
        drive(conn, [line])
        states.append(conn.state.name)
    assert states == ["READY", "MAIL", "RCPT", "BODY", "READY", "AUTH", "READY", "CLOSED"]
