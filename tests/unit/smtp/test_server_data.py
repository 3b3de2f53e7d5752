"""DATA at the server: dots, bare line ends, size, and that nothing but CRLF.CRLF ends a message."""

from __future__ import annotations

import pytest

from mailferry.smtp.commands import Noop
from mailferry.smtp.events import BodyChunk, EndOfMessage, Refused
from mailferry.smtp.limits import BareNewlines, ServerLimits
from mailferry.smtp.server import ServerConnection
from support.smtp_drive import Cut, Log, connection, drive


def in_data(bare: BareNewlines = BareNewlines.REFUSE, limit: int = 0) -> ServerConnection:
    conn = connection(hello=True, bare=bare, limits=ServerLimits(message_size=limit))
    drive(conn, [b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"])
    return conn


def receive(conn: ServerConnection, cut: Cut, wire: bytes) -> Log:
    return drive(conn, cut(wire))


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (b".\r\n", b""),
        (b"text\r\n.\r\n", b"text\r\n"),
        (b"\r\n.\r\n", b"\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"a\r\n..\r\nb\r\n.\r\n", b"a\r\n.\r\nb\r\n"),
        (b"..a\r\n...b\r\n.c\r\n.\r\n", b".a\r\n..b\r\nc\r\n"),
        (b"a.\r\n.\r\n", b"a.\r\n"),
        (b"\r\n\r\n..\r\n\r\n.\r\n", b"\r\n\r\n.\r\n\r\n"),
        (b"\xff\x00\r\n.\r\n", b"\xff\x00\r\n"),
        (b"x" * 5000 + b"\r\n.\r\n", b"x" * 5000 + b"\r\n"),
    ],
)
def test_bodies(wire: bytes, body: bytes, cut: Cut) -> None:
    for mode in BareNewlines:
        conn = in_data(mode)
        log = receive(conn, cut, wire)
        assert log.body() == body
        rest = [event for event in log.events if not isinstance(event, BodyChunk)]
        assert rest in ([EndOfMessage()], [EndOfMessage(), Noop()])


def test_a_whole_body_comes_in_one_piece() -> None:
    conn = in_data()
    conn.receive(b"line\r\n" * 700 + b".\r\n")
    assert conn.next_event() == BodyChunk(b"line\r\n" * 700)
    assert conn.next_event() == EndOfMessage()


#: Ends that some servers take for CRLF.CRLF (SMTP smuggling, SEC Consult 2023): none may end a message here.
SMUGGLING = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r.\n",
    b"\n.\r",
    b"\n\n.\r\n",
    b"\r\n.\x00\r\n",
    b"\r\n\x00.\r\n",
    b"\r\r\n.\r\r\n",
]


@pytest.mark.parametrize("end", SMUGGLING)
def test_nothing_else_ends_a_message(end: bytes, cut: Cut) -> None:
    wire = b"text" + end + b"MAIL FROM:<evil@x>\r\nRCPT TO:<victim@x>\r\nDATA\r\nhello"
    strict = receive(in_data(), cut, wire)
    assert EndOfMessage() not in strict.events
    if end.replace(b"\r\n", b"").translate(None, b"\r\n") != end.replace(b"\r\n", b""):
        assert isinstance(strict.last, Refused)
        assert strict.last.close
        assert (strict.last.reply.code, strict.last.reply.lines[0]) == (521, "Bare line ending refused")
    repaired = receive(in_data(BareNewlines.REPAIR), cut, wire)
    assert all(isinstance(event, BodyChunk) for event in repaired.events)
    assert b"evil" in repaired.body()


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (b"a\nb\r\n.\r\n", b"a\r\nb\r\n"),
        (b"a\rb\r\n.\r\n", b"a\r\nb\r\n"),
        (b"\n\r\n.\r\n", b"\r\n\r\n"),
        (b"a\n\rb\r\n.\r\n", b"a\r\n\r\nb\r\n"),
        (b"a\n.\nb\r\n.\r\n", b"a\r\n.\r\nb\r\n"),
        (b"a\r\n.\nb\r\n.\r\n", b"a\r\n\r\nb\r\n"),
        (b"a\r\r\n.\r\n", b"a\r\n\r\n"),
    ],
)
def test_repair(wire: bytes, body: bytes, cut: Cut) -> None:
    log = receive(in_data(BareNewlines.REPAIR), cut, wire)
    assert log.body() == body
    assert EndOfMessage() in log.events


@pytest.mark.parametrize("mode", BareNewlines)
def test_over_the_size_limit_stays_in_step(mode: BareNewlines, cut: Cut) -> None:
    conn = in_data(mode, limit=10)
    log = receive(conn, cut, b"12345678\r\n1\r\n.\r\n")
    assert [event.reply.code for event in log.refusals()] == [552]
    assert not log.refusals()[0].close
    assert EndOfMessage() not in log.events
    assert not conn.closed
    exact = receive(in_data(mode, limit=10), cut, b"12345678\r\n.\r\n")
    assert EndOfMessage() in exact.events


def test_the_size_is_that_of_the_message_without_stuffing(cut: Cut) -> None:
    log = receive(in_data(limit=3), cut, b"..\r\n.\r\n")
    assert EndOfMessage() in log.events


def test_a_large_message_streams_with_a_small_buffer() -> None:
    conn = in_data()
    block = (b"x" * 76 + b"\r\n..dots\r\n") * 750
    total = 0
    for _ in range(100):
        conn.receive(block)
        while (event := conn.next_event()) is not None:
            assert isinstance(event, BodyChunk)
            total += len(event.data)
        assert conn.buffered <= 4
    assert total == 100 * (len(block) - 750)
    assert EndOfMessage() in drive(conn, [b".\r\n"]).events
