"""One connection to an upstream: the client core wired to a socket, with waiting that costs no task and no timer.

Leaves to others: what is said (session, transaction), when a connection is kept (pool), what a loss means (classify).
Invariants: every wait has a deadline; after the connection is lost no wait begins and each one that stands ends; what
was received in clear never counts inside TLS (RFC 3207 section 5).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from math import inf
from typing import cast

from mailferry.routes.offer import Offer
from mailferry.routes.watchdog import Watchdog
from mailferry.smtp.client import ClientConnection
from mailferry.smtp.commands import Command, Quit, StartTls
from mailferry.smtp.errors import SmtpError
from mailferry.smtp.replies import Reply

#: Seconds that a peer has for its own close_notify after ours; nothing depends on it.
TLS_GOODBYE = 2.0


class Connection(asyncio.Protocol):
    """`lost` is None while the connection lives, then why it ended. `messages` counts those sent over it."""

    __slots__ = (
        "_closed",
        "_loop",
        "_paused",
        "_quit_timeout",
        "_replies",
        "_timeout",
        "_transport",
        "_waiter",
        "_wanted",
        "_watchdog",
        "core",
        "deadline",
        "lost",
        "messages",
        "offer",
        "quitting",
    )

    def __init__(self, watchdog: Watchdog, quit_timeout: float) -> None:
        self.core = ClientConnection()
        self.deadline = inf
        self.lost: str | None = None
        self.messages = 0
        self.offer = Offer()
        self.quitting = False
        self._watchdog = watchdog
        self._quit_timeout = quit_timeout
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._replies: list[Reply] = []
        self._wanted = 0
        self._timeout = 0.0
        self._waiter: asyncio.Future[None] | None = None
        self._paused = False
        self._closed: asyncio.Future[None] = self._loop.create_future()

    @property
    def encryption(self) -> ssl.SSLObject | None:
        """The TLS layer, None in clear."""
        return self._transport.get_extra_info("ssl_object") if self._transport is not None else None

    # -- what the event loop calls ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._watchdog.add(self)

    def data_received(self, data: bytes) -> None:
        core, replies = self.core, self._replies
        before = len(replies)
        broken = ""
        try:
            core.receive(data)
        except SmtpError as error:
            broken = f"the upstream broke the protocol: {error}"
        while (answered := core.next_reply()) is not None:
            replies.append(answered[1])
        if broken:
            self.fail(broken)
        elif len(replies) > before:
            self._answered()

    def _answered(self) -> None:
        """At least one whole reply came."""
        if self.quitting:
            self.close()
        elif self.core.closed:  # 421; more of the answers that were expected will not come
            self._end(f"the upstream closed the connection: {self._replies[-1]}")
            self.close()
        elif self._wanted:
            if len(self._replies) >= self._wanted:
                self._wake()
            else:  # each whole reply renews the patience, single octets do not
                self.deadline = self._loop.time() + self._timeout

    def eof_received(self) -> bool:
        return False  # no half-open connections: the transport closes itself

    def connection_lost(self, error: Exception | None) -> None:
        self._end(f"connection lost: {error}" if error is not None else "the upstream closed the connection")
        self._watchdog.discard(self)
        self._closed.set_result(None)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if not self._wanted:
            self._wake()

    def expired(self) -> None:
        """The deadline passed: an answer is missing, or the connection was idle long enough."""
        if self.quitting:
            self.fail("the upstream did not answer QUIT")
        elif self._waiter is not None:
            what = "answer" if self._wanted else "reading by the upstream"
            self.fail(f"no {what} within {self._timeout:g} s")
        else:
            self.quit()

    # -- what a session calls ---------------------------------------------------------------------------------------

    @property
    def usable(self) -> bool:
        """Whether another command makes sense."""
        return self.lost is None and not self.quitting

    @property
    def spoke(self) -> bool:
        """Whether a reply is here that nobody has waited for yet: within a message, the upstream has had enough."""
        return bool(self._replies)

    def send(self, *commands: Command) -> None:
        """Put commands on the wire in one write. Raises LocalProtocolError; nothing was written then."""
        if self.lost is None:
            core = self.core
            self.write(b"".join([core.send(command) for command in commands]))

    def send_with(self, command: Command, octets: bytes) -> None:
        """A command and the octets that belong to it, without a copy of them."""
        if self.lost is None:
            self.write_all((self.core.send(command), octets))

    def write(self, octets: bytes) -> None:
        if self.lost is None and self._transport is not None:
            self._transport.write(octets)

    def write_all(self, parts: Iterable[bytes]) -> None:
        if self.lost is None and self._transport is not None:
            self._transport.writelines(parts)

    async def replies(self, count: int, timeout: float) -> list[Reply]:  # noqa: ASYNC109 - one deadline, not a timer each
        """The next `count` replies; fewer when the connection was lost before."""
        got = self._replies
        if len(got) < count and self.lost is None:
            self._wanted = count
            try:
                await self._wait(timeout)
            finally:
                self._wanted = 0
        taken = got[:count]
        del got[:count]
        return taken

    async def command(self, command: Command, timeout: float) -> Reply | None:  # noqa: ASYNC109
        """One command and its reply, None when the connection was lost."""
        self.send(command)
        got = await self.replies(1, timeout)
        return got[0] if got else None

    async def auth_data(self, response: bytes | None, timeout: float) -> Reply | None:  # noqa: ASYNC109
        """The answer to a 334, None cancels; its reply, None when the connection was lost."""
        if self.lost is None:
            self.write(self.core.cancel_auth() if response is None else self.core.send_auth_data(response))
        got = await self.replies(1, timeout)
        return got[0] if got else None

    async def drain(self, timeout: float) -> bool:  # noqa: ASYNC109
        """Return when the peer has taken enough of what was written; False when the connection was lost."""
        while self._paused and self.lost is None:
            await self._wait(timeout)
        return self.lost is None

    async def start_tls(self, context: ssl.SSLContext, host: str, timeout: float) -> Reply | None:  # noqa: ASYNC109
        """STARTTLS and the handshake. Returns the upstream's refusal, None when TLS is on. Raises OSError (ssl.SSLError
        is one) when the connection was lost or the handshake failed; the connection is of no use then."""
        answer = await self.command(StartTls(), timeout)
        if self.lost is not None or self._transport is None:
            raise ConnectionResetError(self.lost)
        if answer is None or answer.code != 220:
            return answer
        transport = await self._loop.start_tls(
            self._transport,
            self,
            context,
            server_hostname=host,
            ssl_handshake_timeout=timeout,
            ssl_shutdown_timeout=TLS_GOODBYE,
        )
        if transport is None:
            raise ConnectionResetError("connection lost in the TLS handshake")
        self._transport = transport
        self.core.tls_started()
        return None

    def rest(self, seconds: float) -> None:
        """Nothing is wanted of this connection for now; say QUIT after `seconds`."""
        self.deadline = self._loop.time() + seconds

    def wake_up(self) -> None:
        """End of rest."""
        self.deadline = inf

    # -- ends -------------------------------------------------------------------------------------------------------

    def quit(self) -> None:
        """Say QUIT; the answer, or its lack, closes. Nobody need wait."""
        if self.usable:
            self.quitting = True
            self.deadline = self._loop.time() + self._quit_timeout
            try:
                self.write(self.core.send(Quit()))
            except SmtpError:  # in the middle of something: no QUIT has a place there
                self.fail("closed")

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def fail(self, why: str) -> None:
        """Tear the connection down without a word, and end the wait that stands."""
        self._end(why)
        self._watchdog.discard(self)  # after a failed handshake the event loop does not report the loss
        if self._transport is not None:
            self._transport.abort()

    async def wait_closed(self) -> None:
        """Return when the socket is closed; the watchdog sees to it that it is."""
        await asyncio.shield(self._closed)

    def _end(self, why: str) -> None:
        if self.lost is None:
            self.lost = why
        self._wake()

    # -- inside -----------------------------------------------------------------------------------------------------

    async def _wait(self, timeout: float) -> None:  # noqa: ASYNC109
        self._timeout = timeout
        self.deadline = self._loop.time() + timeout
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
            self.deadline = inf

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
