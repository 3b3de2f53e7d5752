"""Connections that are kept for the next message, per sending mailbox.

Leaves to others: opening them (dial, auth) and how many may be open at a time (delivery keeps to the lane's limits).
Invariant: a connection is in use by one message or at rest here, never both; one that is lost is never handed out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from mailferry.routes.connection import Connection
from mailferry.routes.settings import ReuseSettings

Open = Callable[[str], Awaitable[Connection]]


class Pool:
    """The connections of one route. `opener` gives one that is logged in as a mailbox, or raises Unusable."""

    __slots__ = ("_closed", "_idle", "_messages", "_opener", "_rest", "_used")

    def __init__(self, opener: Open, reuse: ReuseSettings) -> None:
        self._opener = opener
        self._rest = reuse.idle
        self._messages = reuse.messages
        self._idle: dict[str, list[Connection]] = {}
        self._used: set[Connection] = set()
        self._closed = False

    async def acquire(self, mailbox: str, *, fresh: bool = False) -> tuple[Connection, bool]:
        """A connection and whether it was kept from an earlier message. `fresh`: a kept one was found dead, so let go
        of its like and open another. Raises Unusable."""
        idle = self._idle.get(mailbox)
        while idle:
            connection = idle.pop()
            if fresh:
                connection.quit()
            elif connection.usable:
                connection.wake_up()
                self._used.add(connection)
                return connection, True
        connection = await self._opener(mailbox)
        self._used.add(connection)
        return connection, False

    def release(self, mailbox: str, connection: Connection) -> None:
        """Give a connection back; it rests if it may, else it is closed."""
        self._used.discard(connection)
        if not connection.usable:
            return
        if self._closed or connection.messages >= self._messages or self._rest <= 0:
            connection.quit()
            return
        idle = self._idle.setdefault(mailbox, [])
        if len(idle) > 0 and not idle[0].usable:  # the oldest end first; keep the list as short as what lives
            idle[:] = [one for one in idle if one.usable]
        idle.append(connection)
        connection.rest(self._rest)

    async def close(self) -> None:
        """Say QUIT on all that rest, tear down what is in use, and wait until the sockets are closed."""
        self._closed = True
        resting = [connection for idle in self._idle.values() for connection in idle]
        self._idle.clear()
        for connection in resting:
            connection.quit()
        for connection in self._used:
            connection.fail("the gateway stops")
        await asyncio.gather(*(connection.wait_closed() for connection in (*resting, *self._used)))
