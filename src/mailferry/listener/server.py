"""The listeners of a gateway: sockets, who may connect and how many, certificates, and going down in good order.

Leaves to others: one connection (protocol) and what is shared by sessions (site).
Invariants: limits answer 421 and never fail; after drain() nothing is accepted and every message that was answered
250 is in the spool.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence

from mailferry.listener.identity import block_of, within
from mailferry.listener.profile import Profile
from mailferry.listener.protocol import Connection
from mailferry.listener.settings import ListenerSettings, TlsMode, parse_address
from mailferry.listener.site import Site
from mailferry.listener.tls import Contexts
from mailferry.listener.wheel import Wheel
from mailferry.smtp.replies import Reply, reply

TOO_MANY = reply(421, "4.3.2", "Too many connections, try again later")
TOO_MANY_OF_ADDRESS = reply(421, "4.7.0", "Too many connections from this address, try again later")
#: RFC 5321 section 3.1: 554 in place of the greeting.
NOT_FOR_YOU = reply(554, "5.7.1", "No service for this address")

_BACKLOG = 1024
#: Addresses whose place in the networks is remembered.
_REMEMBERED = 4096


class Listener:
    """One address: its connections and what they need."""

    def __init__(self, settings: ListenerSettings, site: Site, contexts: Contexts, wheel: Wheel) -> None:
        self.settings = settings
        self.name = settings.name
        self.implicit = settings.tls is TlsMode.IMPLICIT
        self.profile = Profile(settings, site)
        self.wheel = wheel
        self.draining = False
        self.connections: set[Connection] = set()
        self.empty = asyncio.Event()
        self.empty.set()
        self._contexts = contexts
        self._admitted = 0
        self._by_address: dict[str, int] = {}
        self._known: dict[str, bool] = {}
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        host, port = parse_address(self.settings.address)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self), host or None, port, backlog=_BACKLOG
        )

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Host and port of each socket, with the port the system chose for 0."""
        sockets = self._server.sockets if self._server is not None else ()
        return tuple((name[0], name[1]) for name in (one.getsockname() for one in sockets))

    def stop(self) -> None:
        """Accept no more."""
        self.draining = True
        if self._server is not None:
            self._server.close()

    def context(self) -> ssl.SSLContext | None:
        return self._contexts.of(self.name)

    def proxied(self, address: str) -> bool:
        networks = self.settings.proxy_protocol
        return bool(networks) and within(address, networks)

    def _inside(self, address: str) -> bool:
        """Whether the address lies in the listener's networks; devices come back all day, so it is remembered."""
        known = self._known.get(address)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[address] = within(address, self.settings.networks)
        return known

    def admit(self, connection: Connection) -> Reply | None:
        """Count a connection whose peer is known, or say why it is not taken."""
        address, settings = connection.address, self.settings
        block = block_of(address)
        refusal, reason = None, ""
        if self.draining:
            refusal, reason = TOO_MANY, "shutting down"
        elif settings.networks and not self._inside(address):
            refusal, reason = NOT_FOR_YOU, "not in the listener's networks"
        elif self._admitted >= settings.max_connections:
            refusal, reason = TOO_MANY, f"{self._admitted} connections"
        elif self._by_address.get(block, 0) >= settings.max_connections_per_address:
            refusal, reason = TOO_MANY_OF_ADDRESS, f"{self._by_address[block]} connections of this address"
        if refusal is not None:
            self.refused(address, reason)
            return refusal
        connection.counted = True
        self._admitted += 1
        self._by_address[block] = self._by_address.get(block, 0) + 1
        self.profile.site.log.connection(self.name, address, self._admitted)
        return None

    def refused(self, address: str, reason: str) -> None:
        self.profile.site.log.connection_refused(self.name, address, reason)

    def add(self, connection: Connection) -> None:
        self.connections.add(connection)
        self.empty.clear()

    def remove(self, connection: Connection) -> None:
        self.connections.discard(connection)
        if not self.connections:
            self.empty.set()
        if not connection.counted:
            return
        connection.counted = False
        self._admitted -= 1
        block = block_of(connection.address)
        left = self._by_address[block] - 1
        if left:
            self._by_address[block] = left
        else:
            del self._by_address[block]
        self.profile.site.log.connection_closed(self.name, self._admitted)


class ListenerServer:
    """All listeners. Made by app.py, started once, drained once."""

    def __init__(self, settings: Sequence[ListenerSettings], site: Site, contexts: Contexts) -> None:
        self._site = site
        self._contexts = contexts
        self._wheel = Wheel()
        self.listeners = tuple(Listener(one, site, contexts, self._wheel) for one in settings)

    async def start(self) -> None:
        """Load certificates and listen. Raises TlsError and OSError, and then listens nowhere."""
        self._contexts.load()
        log = self._site.log
        if self._contexts.self_signed is not None:
            log.note("self-signed certificate in use", certificate=str(self._contexts.self_signed))
        try:
            for listener in self.listeners:
                await listener.start()
                for host, port in listener.addresses:
                    log.note("listening", listener=listener.name, host=host, port=port, tls=listener.settings.tls.value)
        except OSError:
            for listener in self.listeners:
                listener.stop()
            raise
        self._wheel.start()

    def addresses(self, name: str) -> tuple[tuple[str, int], ...]:
        """Where the named listener listens."""
        return next(one.addresses for one in self.listeners if one.name == name)

    @property
    def connections(self) -> int:
        return sum(len(one.connections) for one in self.listeners)

    def replace_site(self, site: Site) -> None:
        """Clients changed: new connections see the new ones, present ones go on with the old while their client is the
        same; one whose password or rights changed is ended at its next message."""
        old, self._site = self._site, site
        site.succeed(old)
        old.accounts.close()  # its threads; sessions that go on with it start new ones
        for listener in self.listeners:
            listener.profile = Profile(listener.settings, site)

    def reload_certificates(self) -> None:
        """Read all certificates again, for the next handshakes. Raises TlsError; then the present ones stay."""
        self._contexts.load()
        self._site.log.note("certificates reloaded")

    async def drain(self, seconds: float) -> None:
        """Stop accepting, let messages that are on their way finish, end idle connections; after `seconds` cut off
        what is left."""
        for listener in self.listeners:
            listener.stop()
        for listener in self.listeners:
            for connection in tuple(listener.connections):
                connection.drain()
        try:
            async with asyncio.timeout(seconds):
                for listener in self.listeners:
                    await listener.empty.wait()
        except TimeoutError:
            self._site.log.note("drain timed out", connections=self.connections)
        for listener in self.listeners:
            for connection in tuple(listener.connections):
                connection.abort()
        self._wheel.stop()
        self._site.accounts.close()
