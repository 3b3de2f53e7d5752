"""Drives a server core without a network: feeds it bytes in any cut, answers its events, notes what came out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from mailferry.smtp.commands import Auth, Bdat, Data, Ehlo, Quit, StartTls
from mailferry.smtp.events import AuthResponse, BodyChunk, EndOfChunk, EndOfMessage, Refused
from mailferry.smtp.limits import BareNewlines, Extensions, ServerLimits
from mailferry.smtp.replies import Reply, reply
from mailferry.smtp.server import Event, ServerConnection

EXTENSIONS = Extensions(auth=("PLAIN", "LOGIN", "XOAUTH2"), binarymime=True)
GREETING = reply(220, "", "mail.example.com ESMTP")
OK = reply(250, "2.0.0", "OK")
GO_ON = reply(354, "", "Go ahead")

Answer = Callable[[ServerConnection, Event], Reply]
Cut = Callable[[bytes], list[bytes]]


def kindly(conn: ServerConnection, event: Event) -> Reply:
    """The positive answer to any event."""
    match event:
        case Refused():
            return event.reply
        case Ehlo():
            return conn.ehlo_reply("mail.example.com")
        case Data():
            return GO_ON
        case Auth():
            return reply(334, "", "")
        case AuthResponse():
            return reply(235, "2.7.0", "Welcome") if event.data is not None else reply(501, "5.7.0", "Cancelled")
        case StartTls():
            return reply(220, "2.0.0", "Ready")
        case Quit():
            return reply(221, "2.0.0", "Bye")
    return OK


@dataclass
class Log:
    """What one run gave: the events as they came, and the bytes the server wrote."""

    events: list[Event] = field(default_factory=list)
    written: bytes = b""

    @property
    def last(self) -> Event:
        return self.events[-1]

    def refusals(self) -> list[Refused]:
        return [event for event in self.events if isinstance(event, Refused)]

    def body(self) -> bytes:
        """All octets of messages, in one piece."""
        return b"".join(event.data for event in self.events if isinstance(event, BodyChunk))

    def shape(self, *, partial: bool = True) -> list[object]:
        """The events with the cuts of bodies taken out: equal for any two cuts of one input.

        What came of a message that was then refused depends on the cut, and so does, with a size limit, an unfinished
        one (`partial` leaves it out).
        """
        out: list[object] = []
        body = b""
        for event in self.events:
            if isinstance(event, BodyChunk):
                body += event.data
                continue
            if isinstance(event, EndOfChunk | EndOfMessage):
                out.append(body)
            out.append(event)
            body = b""
        return [*out, body] if partial else out


def take(conn: ServerConnection, log: Log, answer: Answer = kindly) -> None:
    """Take and answer events until the core wants more bytes."""
    while (event := conn.next_event()) is not None:
        log.events.append(event)
        if isinstance(event, BodyChunk | Bdat):
            assert not conn.awaiting
            continue
        assert conn.awaiting
        assert conn.next_event() is None, "something was handed out before the reply"
        log.written += conn.send(answer(conn, event))
        if isinstance(event, Refused) and event.close:
            assert conn.closed


def connection(
    *,
    limits: ServerLimits | None = None,
    bare: BareNewlines = BareNewlines.REFUSE,
    extensions: Extensions = EXTENSIONS,
    hello: bool = False,
) -> ServerConnection:
    """A greeted connection; with `hello` it has had its EHLO."""
    conn = ServerConnection(limits or ServerLimits(), bare, extensions=extensions)
    conn.greeting(GREETING)
    if hello:
        conn.receive(b"EHLO client.example.com\r\n")
        take(conn, Log())
    return conn


def drive(conn: ServerConnection, pieces: Iterable[bytes], answer: Answer = kindly) -> Log:
    log = Log()
    for piece in pieces:
        conn.receive(piece)
        take(conn, log, answer)
    return log


def bytewise(data: bytes) -> list[bytes]:
    return [data[offset : offset + 1] for offset in range(len(data))]


def split_at(data: bytes, offsets: Sequence[int]) -> list[bytes]:
    """The data cut at the given offsets (any order, any size)."""
    bounds = sorted({0, len(data), *(offset % (len(data) + 1) for offset in offsets)})
    return [data[start:stop] for start, stop in pairwise(bounds)]


#: The three ways in which every parser is tested: whole, byte by byte, with trailing data behind.
CUTS: dict[str, Cut] = {
    "whole": lambda data: [data],
    "bytewise": bytewise,
    "trailing": lambda data: [data + b"NOOP\r\nNOO"],
}
