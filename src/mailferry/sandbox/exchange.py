"""The sockets of every SMTP surface: asyncio protocols that feed sessions, upgrade to TLS and keep pauses.

Leaves to others: what is said (exchange_session, relay_session). Invariant: the wire core is the only buffer; nothing
received before a TLS handshake is read after it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any, cast

from mailferry.clock import Clock
from mailferry.sandbox.exchange_talk import Talk, Then
from mailferry.sandbox.world import World


def server_context(certificate: str, key: str, clients: str | None = None) -> ssl.SSLContext:
    """TLS as far down as OpenSSL goes: to say 421 4.7.66 in it, or, on the legacy host, to work. `clients`: the
    authorities whose certificates a client may show; without one it is a client as before."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0  # nobody comes back to a session of the box
    context.load_cert_chain(certificate, key)
    context.set_ciphers("ALL:!aNULL:!eNULL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    if clients is not None:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(clients)
    return context


class Connection(asyncio.Protocol):
    """Drives one session."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._session: Talk | None = None
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] | None = None  # octets that come while a handshake or a pause is under way
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        host, port = transport.get_extra_info("peername")[:2]
        self._session = self._endpoint.session(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        self._endpoint.connections.add(self)
        self._carry_out(self._session.open)

    def data_received(self, data: bytes) -> None:
        session = self._session
        if session is None:
            return
        if self._early is not None:
            self._early.append(data)
        else:
            self._carry_out(lambda: session.receive(data))

    def connection_lost(self, error: Exception | None) -> None:
        self._endpoint.connections.discard(self)
        session, self._session, self._transport = self._session, None, None
        if session is not None:
            session.closed()
        for task in self._tasks:
            task.cancel()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _carry_out(self, act: Callable[[], bytes]) -> None:
        session, transport = self._session, self._transport
        if session is None or transport is None:
            return
        data = act()
        if data:
            transport.write(data)
        match session.then:
            case Then.READ:
                return
            case Then.CLOSE:
                transport.close()
            case Then.ABORT:
                transport.abort()
            case Then.STARTTLS:
                transport.pause_reading()  # the ClientHello belongs to the handshake
                self._early = []
                self._start(self._upgrade(session, transport))
            case Then.PAUSE:
                self._early = self._early or []
                clock = self._endpoint.machine if session.pause.machine else self._endpoint.world.clock
                self._start(self._rest(session, clock, clock.time() + session.pause.seconds))

    def _start(self, work: asyncio._CoroutineLike[None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _upgrade(self, session: Talk, transport: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        try:
            upgraded = await loop.start_tls(transport, self, self._endpoint.context, server_side=True)
        except (OSError, ssl.SSLError, ConnectionError):
            transport.abort()
            self.connection_lost(None)
            return
        if upgraded is None or self._session is None:
            return
        self._transport = upgraded
        tls = upgraded.get_extra_info("ssl_object")
        session.peer_names = _names(tls.getpeercert() or {})
        session.tls_started(tls.version() or "")
        self._go_on(session, lambda: b"")

    async def _rest(self, session: Talk, clock: Clock, until: float) -> None:
        await clock.sleep(until - clock.time())
        if self._session is not None:
            self._go_on(session, session.resume)

    def _go_on(self, session: Talk, act: Callable[[], bytes]) -> None:
        """After a handshake or a pause: first `act`, then what came meanwhile."""
        early, self._early = self._early or [], None
        self._carry_out(act)
        for data in early:
            self.data_received(data)


def _names(certificate: Mapping[str, Any]) -> frozenset[str]:
    """The DNS names of a certificate that was verified, of its subject too."""
    found = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]
    found += [value for part in certificate.get("subject", ()) for kind, value in part if kind == "commonName"]
    return frozenset(name.lower() for name in found)


class Endpoint:
    """One listening host: smtp, smtp-legacy, hve, acs-smtp, onprem or mx."""

    def __init__(self, world: World, machine: Clock, context: ssl.SSLContext, session: Callable[[str], Talk]) -> None:
        self.world = world
        self.machine = machine
        self.context = context
        self.session = session
        self.connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, address: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), address, port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.abort()
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None
