"""BDAT (RFC 3030) at the server: chunks, failures in step, bare line ends in text, binary bodies."""

from __future__ import annotations

import pytest

from mailferry.smtp.commands import Bdat, Mail, Noop, Rcpt
from mailferry.smtp.events import BodyChunk, EndOfChunk, EndOfMessage, Refused
from mailferry.smtp.limits import BareNewlines, Extensions, ServerLimits
from mailferry.smtp.replies import Reply, reply
from mailferry.smtp.server import Event, ServerConnection
from support.smtp_drive import EXTENSIONS, Cut, Log, connection, drive, kindly

START = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"


def run(
    wire: bytes,
    cut: Cut,
    *,
    bare: BareNewlines = BareNewlines.REFUSE,
    limit: int = 0,
    start: bytes = START,
    extensions: Extensions = EXTENSIONS,
) -> tuple[ServerConnection, Log]:
    conn = connection(hello=True, bare=bare, limits=ServerLimits(message_size=limit), extensions=extensions)
    drive(conn, [start])
    return conn, drive(conn, cut(wire))


def without_noop(log: Log) -> list[object]:
    return [item for item in log.shape() if item not in (Noop(), b"")]


def test_chunks(cut: Cut) -> None:
    _, log = run(b"BDAT 6\r\nab\r\n.\rbdat 3 last\r\n\nc\n"[:-1] + b"d", cut)
    assert without_noop(log) == [
        Bdat(6, last=False),
        b"ab\r\n.",
        EndOfChunk(6),
        Bdat(3, last=True),
        b"\r\ncd",
        EndOfMessage(),
    ]


def test_a_whole_chunk_comes_in_one_piece() -> None:
    conn = connection(hello=True)
    drive(conn, [START])
    conn.receive(b"BDAT 4 LAST\r\n.\r\n.")
    assert conn.next_event() == Bdat(4, last=True)
    assert not conn.awaiting
    assert conn.next_event() == BodyChunk(b".\r\n.")
    assert conn.next_event() == EndOfMessage()
    assert conn.awaiting


@pytest.mark.parametrize("wire", [b"BDAT 0 LAST\r\n", b"BDAT 0\r\nBDAT 0\r\nBDAT 0 LAST\r\n"])
def test_empty_chunks(wire: bytes, cut: Cut) -> None:
    _, log = run(wire, cut)
    assert EndOfMessage() in log.events
    assert log.body() == b""


@pytest.mark.parametrize("wire", [b"BDAT 3 LAST\r\na\nb", b"BDAT 3 LAST\r\na\rb", b"BDAT 2\r\na\rBDAT 0 LAST\r\n"])
def test_bare_line_ends(wire: bytes, cut: Cut) -> None:
    conn, log = run(wire, cut)
    assert isinstance(log.last, Refused)
    assert log.last.reply.code == 521
    assert conn.closed
    _, log = run(wire, cut, bare=BareNewlines.REPAIR)
    assert EndOfMessage() in log.events
    assert log.body() in (b"a\r\nb", b"a\r\n")


def test_binary_bodies_pass_as_they_are(cut: Cut) -> None:
    body = b"\n\r\r\n\x00.\r\n.\r"
    start = START.replace(b"\r\n", b" BODY=BINARYMIME\r\n", 1)
    _, log = run(b"BDAT 4\r\n" + body[:4] + b"BDAT 6 LAST\r\n" + body[4:], cut, start=start)
    assert log.body() == body
    assert EndOfMessage() in log.events


def test_out_of_sequence_chunks_are_swallowed(cut: Cut) -> None:
    conn, log = run(b"BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nRSET\r\n", cut, start=b"")
    assert [event.reply.code for event in log.refusals()] == [503, 503]
    assert without_noop(log) == log.refusals()
    assert not conn.closed


def test_chunking_not_offered_stays_in_step(cut: Cut) -> None:
    conn, log = run(b"BDAT 6 LAST\r\nQUIT\r\n", cut, extensions=Extensions(chunking=False))
    assert [event.reply.code for event in log.refusals()] == [502]
    assert not conn.closed


@pytest.mark.parametrize(
    "line", [b"BDAT", b"BDAT x", b"BDAT -1", b"BDAT 5 LAST now", b"BDAT 5 FIRST", b"BDAT 1" + b"0" * 20]
)
def test_an_unreadable_size_ends_the_connection(line: bytes, cut: Cut) -> None:
    conn, log = run(line + b"\r\nQUIT\r\n", cut)
    assert [(event.reply.code, event.close) for event in log.refusals()] == [(501, True)]
    assert conn.closed


def test_over_the_size_limit(cut: Cut) -> None:
    wire = b"BDAT 6\r\n123456BDAT 6\r\n123456BDAT 6 LAST\r\n123456"
    conn, log = run(wire, cut, limit=10)
    assert [event.reply.code for event in log.refusals()] == [552, 503]
    assert EndOfChunk(6) in log.events
    assert EndOfMessage() not in log.events
    assert drive(conn, [b"\r\nMAIL FROM:<x@y>\r\n"]).last == Mail("x@y")


def test_a_refused_chunk_ends_the_transaction(cut: Cut) -> None:
    def answer(conn: ServerConnection, event: Event) -> Reply:
        return reply(452, "4.3.1", "full") if isinstance(event, EndOfChunk) else kindly(conn, event)

    conn = connection(hello=True)
    log = drive(conn, cut(START + b"BDAT 2\r\nabBDAT 5 LAST\r\nQUIT\n"), answer)
    assert [event.reply.code for event in log.refusals()] == [503]
    assert not conn.in_transaction


def test_the_next_message_starts_afresh(cut: Cut) -> None:
    one = START + b"BDAT 2\r\na\rRSET\r\n"
    _, log = run(one + START + b"BDAT 1 LAST\r\nx", cut, start=b"")
    assert log.body() == b"ax"
    assert log.events.count(Rcpt("c@d")) == 2
    assert EndOfMessage() in log.events


def test_a_large_chunk_streams() -> None:
    conn = connection(hello=True)
    drive(conn, [START + b"BDAT 1000000 LAST\r\n"])
    for _ in range(100):
        log = drive(conn, [b"x" * 10000])
        assert len(log.body()) == 10000
        assert conn.buffered == 0
    assert log.last == EndOfMessage()
