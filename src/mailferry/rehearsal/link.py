"""A client's connection, for thousands at once: lines out as they stand, replies in, TLS of any version.

Leaves to others: which lines a client sends (speaker). Written apart from mailferry.smtp on purpose, as wire is: a
client that shared the gateway's grammar could not show that the gateway understands strangers.
"""

from __future__ import annotations

import asyncio
import ssl
import warnings
from types import TracebackType
from typing import Self, cast

TIMEOUT = 120.0
_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


def context(version: str) -> ssl.SSLContext:
    """Exactly that version, or with "" whatever is preferred. Certificates are unchecked, as most devices do: a
    rehearsal on loopback could not show whether a device trusts the gateway's."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if version:
        with warnings.catch_warnings():  # old versions are deprecated for good reason; an old device speaks them
            warnings.simplefilter("ignore", DeprecationWarning)
            if version in ("1.0", "1.1"):
                made.set_ciphers("ALL:@SECLEVEL=0")
            made.minimum_version = made.maximum_version = _VERSIONS[version]
    return made


class Link(asyncio.Protocol):
    """One connection. `async with await Link.open(...)`; `say` sends and returns the whole reply."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._more = asyncio.Event()
        self._ended = ""

    @classmethod
    async def open(cls, host: str, port: int, source: str = "") -> Link:
        """Raises OSError. `source`: the address to come from."""
        loop = asyncio.get_running_loop()
        local = (source, 0) if source else None
        _, link = await loop.create_connection(cls, host, port, local_addr=local)
        return link

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def say(self, data: bytes) -> str:
        """Send, and the reply to it."""
        self.send(data)
        return await self.reply()

    def send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    async def reply(self) -> str:
        """The next reply, its lines joined by line feeds. Raises OSError when the connection ends before it."""
        lines: list[str] = []
        async with asyncio.timeout(TIMEOUT):
            while True:
                end = self._buffer.find(b"\n")
                if end < 0:
                    if self._ended:
                        raise ConnectionError(self._ended)
                    self._more.clear()
                    await self._more.wait()
                    continue
                line = bytes(self._buffer[:end]).decode("utf-8", "replace").rstrip("\r")
                del self._buffer[: end + 1]
                lines.append(line)
                if line[3:4] != "-":
                    return "\n".join(lines)

    async def start_tls(self, using: ssl.SSLContext) -> None:
        """Raises OSError (ssl.SSLError is one)."""
        if self._transport is None:
            raise ConnectionError(self._ended)
        loop = asyncio.get_running_loop()
        upgraded = await loop.start_tls(self._transport, self, using, server_hostname="localhost")
        self._transport = cast("asyncio.Transport", upgraded)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._more.set()

    def connection_lost(self, error: Exception | None) -> None:
        self._ended = str(error) if error is not None else "connection closed by the server"
        self._transport = None
        self._more.set()
