"""The socket of one connection: PROXY header, TLS, octets in and out, and when to stop reading.

An asyncio.Protocol and no stream: with streams, what a client sends in clear after STARTTLS is read after the
handshake as if it had come through it. Leaves to others: the conversation (session), limits and lists (server).
Invariants: nothing that was read before a handshake reaches the session after it; nothing of the session is written in
clear once it has begun; the connection is counted once and discounted once, however it ends.
"""

from __future__ import annotations

import asyncio
from asyncio import Transport
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from mailferry.listener.handshake import SHUTDOWN, feed, reason_of, shake_hands, version_of
from mailferry.listener.identity import host_of
from mailferry.listener.patience import LOOKS, Patience
from mailferry.listener.proxyproto import ProxyError, parse
from mailferry.listener.session import Session
from mailferry.smtp.replies import Reply, format_reply

if TYPE_CHECKING:  # server and protocol are two files of one room: the listener makes connections and counts them
    from mailferry.listener.server import Listener

#: Octets that wait for a client to read its replies before the gateway stops reading from it.
_WRITE_HIGH = 64 * 1024


class Connection(asyncio.Protocol):
    """Wire of a Session, and protocol of a transport."""

    __slots__ = (
        "_choked",
        "_early",
        "_held",
        "_hello",
        "_listener",
        "_patience",
        "_proxy",
        "_stranger",
        "_task",
        "_transport",
        "address",
        "counted",
        "session",
        "slot",
    )

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._transport: Transport | None = None
        self.session: Session | None = None
        self.address = ""
        self.counted = False
        self.slot = 0
        self._proxy: bytes | None = None  # what was read of a PROXY header that is not whole
        self._stranger = False  # a load balancer that does not say for whom it connects
        self._hello = b""  # the client's first octets for TLS, read before it began
        self._early: list[bytes] | None = None  # came through TLS before the handshake's end was reported
        self._task: asyncio.Task[None] | None = None
        self._choked = False  # the client does not read its replies
        self._held = False  # the session wants no more for now
        self._patience = Patience()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        made = self._transport = cast("Transport", transport)
        listener = self._listener
        peer = made.get_extra_info("peername")
        self.address = host_of(peer)
        listener.add(self)
        made.set_write_buffer_limits(high=_WRITE_HIGH)
        if listener.proxied(self.address):
            self._proxy = b""
            listener.wheel.add(self, listener.settings.handshake_timeout)
        else:
            self._begin()

    def data_received(self, data: bytes) -> None:
        session = self.session
        if self._early is not None:
            self._receive_early(data)
        elif session is not None:
            session.receive(data)
        elif self._proxy is not None:
            self._read_proxy(self._proxy + data)
        else:
            self._hello += data

    def eof_received(self) -> bool | None:
        if self.session is None or self._early is not None or self.session.tls is not None:
            return None  # close; TLS has no half-closed connections
        return self.session.receive_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost()

    def pause_writing(self) -> None:
        self._choked = True
        self._regulate()

    def resume_writing(self) -> None:
        self._choked = False
        self._regulate()

    # Wire

    def write(self, data: bytes) -> None:
        transport = self._transport
        if transport is not None:
            transport.write(data)

    def pause(self) -> None:
        self._held = True
        self._regulate()

    def resume(self) -> None:
        self._held = False
        self._regulate()

    def close(self, *, reading: bool = False) -> None:
        transport = self._transport
        if transport is None:
            return
        if reading and transport.can_write_eof():  # TLS cannot, and reads on by itself until the peer ends it
            self._held = self._choked = False
            self._regulate()
            transport.write_eof()
            self.later(SHUTDOWN, self.abort)
        else:
            transport.close()

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(seconds, call)

    def start_tls(self) -> None:
        transport, loop = self._transport, asyncio.get_running_loop()
        if transport is None or transport.is_closing():
            return
        transport.pause_reading()
        self._listener.wheel.remove(self)
        self._early = []
        self._task = loop.create_task(self._handshake(transport))
        if self._hello:
            # The client's first octets came in one piece with the PROXY header. They belong to the TLS layer, which
            # start_tls installs in the task's first step and wakes in the turn after it.
            loop.call_soon(loop.call_soon, feed, transport, self._hello)
            self._hello = b""

    # For the listener and the wheel

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def drain(self) -> None:
        if self.session is None or self._early is not None or self.session.ended:
            self.abort()
        else:
            self.session.drain()

    def look(self) -> float:
        """Called by the wheel. Only what the client achieved counts, not the octets it drips."""
        session, settings = self.session, self._listener.settings
        if session is None or self._early is not None:  # a PROXY header that does not come; TLS has its own timeout
            if self._early is None:
                self.abort()
            return 0.0
        if (enough := self._patience.spent(session, settings)) is not None:
            session.turn_away(enough)
            self.later(SHUTDOWN, self.abort)  # the reply may find nobody who reads
            return 0.0
        return settings.idle_timeout / LOOKS

    # Beginning

    def _read_proxy(self, data: bytes) -> None:
        try:
            proxied = parse(data)
        except ProxyError as error:
            self._listener.refused(self.address, str(error))
            self.abort()
            return
        if proxied is None:
            self._proxy = data
            return
        self._proxy = None
        self._listener.wheel.remove(self)
        # Its own address may lie in the networks of clients, as strangers' that come through it do not.
        self._stranger = not proxied.address
        self.address = host_of((proxied.address,)) or self.address
        self._begin(proxied.rest)

    def _begin(self, rest: bytes = b"") -> None:
        """The peer is known: admit it, then greet or shake hands."""
        listener = self._listener
        answer = listener.admit(self)
        if answer is not None:
            self._turn_away(answer)
            return
        if listener.implicit:
            # Not before the next turn: uvloop starts reading after connection_made() whatever is asked in it.
            self._hello = rest
            asyncio.get_running_loop().call_soon(self.start_tls)
        else:
            self._open(None)
            if rest and self.session is not None:
                self.session.receive(rest)

    def _open(self, tls: str | None) -> None:
        """Begin the conversation."""
        listener = self._listener
        listener.wheel.add(self, listener.settings.idle_timeout / LOOKS)
        self.session = Session(listener.profile, self, "unknown" if self._stranger else self.address, tls)
        self.session.greet()

    def _turn_away(self, answer: Reply) -> None:
        if not self._listener.implicit:
            self.write(format_reply(answer))
        self.close()

    def _receive_early(self, data: bytes) -> None:
        """Octets came through TLS before its start was reported. In clear none can come, since reading was paused
        until the TLS layer stood between; if they do, all trust in the order of things is gone."""
        transport = self._transport
        if transport is None or self._early is None:
            return
        if transport.get_protocol() is self:
            transport.abort()
        else:
            self._early.append(data)

    async def _handshake(self, transport: Transport) -> None:
        listener = self._listener
        context = listener.context()
        try:
            secured = await shake_hands(transport, self, context, listener.settings.handshake_timeout)
            if self._transport is None:
                raise ConnectionAbortedError("closed during the handshake")
        except OSError as error:  # ssl.SSLError, timeouts and resets are all OSErrors
            listener.profile.site.log.tls_failed(listener.name, self.address, reason_of(error))
            transport.abort()
            self._lost()
            return
        finally:
            self._task = None
        self._secured(secured)

    def _secured(self, transport: Transport) -> None:
        """From here on all octets go through TLS, in both directions."""
        listener = self._listener
        early, self._early = self._early or (), None
        self._transport = transport
        transport.set_write_buffer_limits(high=_WRITE_HIGH)
        version = version_of(transport)
        session = self.session
        if session is None:
            self._open(version)
        else:
            listener.wheel.add(self, listener.settings.idle_timeout / LOOKS)
            session.tls_started(version)
        if listener.draining:
            self.drain()
        for data in early:
            self.data_received(data)

    # Ending, reading

    def _regulate(self) -> None:
        transport = self._transport
        if transport is None or self._early is not None or transport.is_closing():
            return
        if self._choked or self._held:
            if transport.is_reading():
                transport.pause_reading()
        elif not transport.is_reading():
            transport.resume_reading()

    def _lost(self) -> None:
        if self._transport is None:
            return
        self._transport = None
        self._listener.wheel.remove(self)
        if self.session is not None:
            self.session.connection_lost()
        self._listener.remove(self)
