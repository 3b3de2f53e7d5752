"""The spool as the console holds it: opened beside the gateway when somebody asks, kept open, let go when it fails.

Leaves to others: what is done with it (messages, actions). Invariant: never the one that serves; a spool that is not
there yet is looked for again at the next page.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from mailferry.spool.api import Spool, SpoolError, SpoolFailed

Open = Callable[[], Awaitable[Spool]]


class NoGateway(SpoolError):
    """There is no configuration of a gateway, so there is no mail to look at."""


class Mailroom:
    """`open_` is None where no gateway is configured."""

    def __init__(self, open_: Open | None) -> None:
        self._open = open_
        self._spool: Spool | None = None
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def spool(self) -> AsyncIterator[Spool]:
        """Raises SpoolError."""
        spool = await self._opened()
        try:
            yield spool
        except SpoolFailed:
            await self.close()
            raise

    async def _opened(self) -> Spool:
        if self._open is None:
            raise NoGateway("no gateway is configured")
        async with self._lock:
            if self._spool is None:
                self._spool = await self._open()
            return self._spool

    async def close(self) -> None:
        async with self._lock:
            spool, self._spool = self._spool, None
        if spool is not None:
            await spool.close()
