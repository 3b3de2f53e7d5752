"""A scripted SMTP server on a real socket: what an upstream may do to a transport, on demand.

It is written by hand, not on the gateway's own core, so that the two cannot agree on the same error. Three ways to
script it: `answers` per verb, faults carried by an address (`450-x@`, `drop-after-dot@`), and switches.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from support.upstream_session import DROP, GARBAGE, HOLD, Hangup, Session, Taken

__all__ = ["DROP", "EXCHANGE", "GARBAGE", "HOLD", "Upstream", "listening"]

EXCHANGE = (
    "SIZE 157286400",
    "PIPELINING",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "8BITMIME",
    "BINARYMIME",
    "CHUNKING",
    "SMTPUTF8",
)


@dataclass
class Upstream:
    """The server's script and its memory."""

    capabilities: tuple[str, ...] = EXCHANGE
    auth: tuple[str, ...] = ()
    context: ssl.SSLContext | None = None
    implicit: bool = False
    tokens: set[str] = field(default_factory=set)
    passwords: dict[str, str] = field(default_factory=dict)
    challenge: bool = False  # answer a bad XOAUTH2 with 334 and JSON before 535, as Google does
    close_after_535: bool = False
    early: str = ""  # said after the first line of a message, in the middle of it
    stall: bool = False  # read nothing of a message until `release` is set
    drip: float = 0.0  # seconds between two octets of a reply, after EHLO
    quitted: asyncio.Event = field(default_factory=asyncio.Event)
    answers: dict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))
    release: asyncio.Event = field(default_factory=asyncio.Event)
    held: asyncio.Event = field(default_factory=asyncio.Event)
    commands: list[str] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    connections: int = 0
    open_now: int = 0
    peak: int = 0
    port: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    sessions: set[Session] = field(default_factory=set)

    def answer(self, verb: str, *replies: str) -> None:
        """Queue answers to the next commands of `verb` (also GREETING and DOT)."""
        self.answers[verb].extend(replies)

    def verbs(self) -> list[str]:
        return [line.split(" ")[0].upper() for line in self.commands]

    def hang_up(self) -> None:
        """Close every open connection now, as a server does with idle ones."""
        for session in list(self.sessions):
            session.writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.connections += 1
        self.open_now += 1
        self.peak = max(self.peak, self.open_now)
        session = Session(self, reader, writer)
        self.sessions.add(session)
        try:
            await session.run()
        except (Hangup, ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            self.open_now -= 1
            self.sessions.discard(session)
            self.tasks.discard(task)
            writer.transport.abort() if session.abort else writer.close()


@asynccontextmanager
async def listening(upstream: Upstream) -> AsyncIterator[Upstream]:
    """`upstream` on a free port of the loopback interface; ends every session on the way out."""
    context = upstream.context if upstream.implicit else None
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, ssl=context, limit=1 << 20)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.close()
        upstream.release.set()
        for task in list(upstream.tasks):
            task.cancel()
        await asyncio.gather(*upstream.tasks, return_exceptions=True)
        await server.wait_closed()
