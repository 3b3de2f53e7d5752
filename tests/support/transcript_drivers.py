"""Two ways for a transcript to reach a listener: the session in memory, and the whole listener over a socket."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Protocol

from mailferry.listener.server import Listener
from mailferry.listener.session import Session

TIMEOUT = 20.0


class Driver(Protocol):
    """One way to a listener."""

    async def connect(self) -> None: ...
    async def send(self, data: bytes) -> None: ...
    async def line(self) -> str: ...
    async def ended(self) -> bytes:
        """What still came before the server hung up."""
        ...

    async def tls(self) -> None: ...
    async def eof(self) -> None: ...
    async def leave(self) -> None: ...


class MemoryDriver:
    """A session without a socket. It is the session's Wire; the handshake is a word."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._implicit = listener.implicit
        self._came = asyncio.Event()
        self._got = b""
        self._closing = False
        self._handshake = False
        self._session: Session | None = None

    async def connect(self) -> None:
        self._got, self._closing, self._handshake = b"", False, False
        self._session = Session(self._listener.profile, self, "127.0.0.1", "TLSv1.3" if self._implicit else None)
        self._session.greet()

    async def send(self, data: bytes) -> None:
        assert self._session is not None
        if not self._closing:
            self._session.receive(data)

    async def line(self) -> str:
        async with asyncio.timeout(TIMEOUT):
            while b"\r\n" not in self._got:
                if self._closing:
                    raise ConnectionError(f"the server hung up; it had sent {self._got!r}")
                self._came.clear()
                await self._came.wait()
        line, _, self._got = self._got.partition(b"\r\n")
        return line.decode()

    async def ended(self) -> bytes:
        async with asyncio.timeout(TIMEOUT):
            while not self._closing:
                self._came.clear()
                await self._came.wait()
        if self._session is not None:
            self._session.connection_lost()
        return self._got

    async def tls(self) -> None:
        assert self._handshake, "the server did not begin a handshake"
        assert self._session is not None
        self._handshake = False
        self._session.tls_started("TLSv1.3")

    async def eof(self) -> None:
        assert self._session is not None
        if not self._session.receive_eof():
            self.close()

    async def leave(self) -> None:
        if self._session is not None:
            self._session.connection_lost()

    def drain(self) -> None:
        if self._session is not None:
            self._session.drain()

    # Wire

    def write(self, data: bytes) -> None:
        assert not self._closing, f"written after the end: {data!r}"
        self._got += data
        self._came.set()

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def start_tls(self) -> None:
        self._handshake = True

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_soon(call)

    def close(self, *, reading: bool = False) -> None:
        self._closing = True
        self._came.set()


class SocketDriver:
    """A client on a real socket."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self) -> None:
        await self.leave()
        host, port = self._listener.addresses[0]
        context = None
        if self._listener.implicit and not self._listener.settings.proxy_protocol:
            context = _trusting()
        async with asyncio.timeout(TIMEOUT):
            self._reader, self._writer = await asyncio.open_connection(host, port, ssl=context)

    async def send(self, data: bytes) -> None:
        assert self._writer is not None
        self._writer.write(data)

    async def line(self) -> str:
        assert self._reader is not None
        async with asyncio.timeout(TIMEOUT):
            line = await self._reader.readline()
        if not line:
            raise ConnectionError("the server hung up")
        assert line.endswith(b"\r\n"), line
        return line[:-2].decode()

    async def ended(self) -> bytes:
        assert self._reader is not None
        async with asyncio.timeout(TIMEOUT):
            try:
                return await self._reader.read()
            except ConnectionResetError:
                return b""

    async def tls(self) -> None:
        assert self._writer is not None
        async with asyncio.timeout(TIMEOUT):
            await self._writer.start_tls(_trusting(), server_hostname="gw.example.test")

    async def eof(self) -> None:
        assert self._writer is not None
        self._writer.write_eof()

    async def leave(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None


def _trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
