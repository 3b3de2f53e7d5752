"""From nothing to a greeted, encrypted connection: connect, greeting, EHLO, STARTTLS, EHLO again.

Leaves to others: login (auth), keeping connections (pool). Raises nothing but Unusable.
Invariant: where TLS is required nothing but EHLO, STARTTLS and QUIT ever goes out in clear; the certificate is checked
before anything else is said.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass

from mailferry.routes import classify
from mailferry.routes.classify import Classifier, Stage
from mailferry.routes.connection import TLS_GOODBYE, Connection
from mailferry.routes.faults import Unusable
from mailferry.routes.offer import Offer
from mailferry.routes.settings import TimeoutSettings, Tls
from mailferry.routes.watchdog import Watchdog
from mailferry.smtp.commands import Ehlo, Helo
from mailferry.smtp.replies import Reply


@dataclass(frozen=True, slots=True)
class Target:
    """Where to and how. `helo` is the name this gateway gives; `context` None where TLS is never used."""

    host: str
    port: int
    tls: Tls
    context: ssl.SSLContext | None
    helo: str
    pipelining: bool = True
    chunking: bool = True

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Dialer:
    """Opens connections to one target."""

    def __init__(self, target: Target, timeouts: TimeoutSettings, classifier: Classifier, watchdog: Watchdog) -> None:
        self._target = target
        self._timeouts = timeouts
        self._classifier = classifier
        self._watchdog = watchdog

    async def dial(self) -> Connection:
        """A connection on which login or MAIL may follow. Raises Unusable."""
        if self._target.tls is not Tls.OPPORTUNISTIC:
            return await self._open(self._target.tls)
        try:
            return await self._open(Tls.OPPORTUNISTIC)
        except _HandshakeFailed:
            # RFC 7435 section 3: without a requirement, a failed handshake must not stop the mail.
            return await self._open(Tls.NONE)

    async def _open(self, tls: Tls) -> Connection:
        connection = await self._connect(tls)
        try:
            await self._greeting(connection)
            await self._hello(connection)
            if tls in (Tls.STARTTLS, Tls.OPPORTUNISTIC):
                await self._start_tls(connection, tls)
        except BaseException:
            if not connection.quitting:
                connection.fail("given up")
            raise
        return connection

    async def _connect(self, tls: Tls) -> Connection:
        target, context = self._target, self._target.context
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeouts.connect):
                if tls is Tls.IMPLICIT:
                    _, connection = await loop.create_connection(
                        self._make,
                        target.host,
                        target.port,
                        ssl=context,
                        server_hostname=target.host,
                        ssl_handshake_timeout=self._timeouts.connect,
                        ssl_shutdown_timeout=TLS_GOODBYE,
                    )
                else:
                    _, connection = await loop.create_connection(self._make, target.host, target.port)
        except ssl.SSLError as error:
            raise Unusable(classify.no_tls(f"TLS with {target} failed: {_cause(error)}")) from error
        except (OSError, UnicodeError) as error:  # UnicodeError: a host name that IDNA refuses
            raise Unusable(classify.unreachable(f"Cannot connect to {target}: {_cause(error)}")) from error
        return connection

    def _make(self) -> Connection:
        return Connection(self._watchdog, self._timeouts.quit)

    async def _greeting(self, connection: Connection) -> None:
        got = await connection.replies(1, self._timeouts.greeting)
        if not got:
            raise Unusable(classify.unreachable(f"No greeting from {self._target}: {connection.lost}"))
        if got[0].code != 220:
            connection.quit()
            raise Unusable(self._classifier.fault(Stage.GREETING, got[0]))

    async def _hello(self, connection: Connection) -> None:
        answer = await self._say(connection, Ehlo(self._target.helo))
        if answer.permanent and connection.usable:
            # RFC 5321 section 3.2: a server that does not know EHLO is to be spoken to with HELO.
            answer = await self._say(connection, Helo(self._target.helo))
        if answer.code != 250:
            raise Unusable(self._classifier.fault(Stage.EHLO, answer))
        connection.offer = Offer.of(
            connection.core.capabilities, pipelining=self._target.pipelining, chunking=self._target.chunking
        )

    async def _say(self, connection: Connection, command: Ehlo | Helo) -> Reply:
        answer = await connection.command(command, self._timeouts.command)
        if answer is None:
            raise Unusable(classify.lost(f"No answer to EHLO from {self._target}: {connection.lost}"))
        return answer

    async def _start_tls(self, connection: Connection, tls: Tls) -> None:
        target = self._target
        if target.context is None or not connection.core.capabilities.has("STARTTLS"):
            if tls.required:
                raise Unusable(classify.no_tls(f"{target} does not offer STARTTLS, which this route requires"))
            return
        try:
            refusal = await connection.start_tls(target.context, target.host, self._timeouts.connect)
        except OSError as error:
            text = f"TLS with {target} failed: {_cause(error)}"
            raise (Unusable if tls.required else _HandshakeFailed)(classify.no_tls(text)) from error
        if refusal is None:
            await self._hello(connection)
        elif tls.required or not connection.usable:
            raise Unusable(self._classifier.fault(Stage.STARTTLS, refusal))


class _HandshakeFailed(Unusable):
    """The handshake of a TLS that is not required."""


def _cause(error: Exception) -> str:
    """The error in one line for people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "handshake failed").replace("_", " ").lower()
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
