"""A kept connection that the service closes just before the next message: nothing was sent, and nothing is unknown."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp.client_proto import ResponseHandler

from mailferry.routes import kept
from support.acs_upstream import acs_rest_bench
from support.graph_upstream import graph_bench
from support.transport_contract import Bench, assert_delivered

LETTER = b"From: scan@contoso.example\r\nTo: ann@fabrikam.example\r\nSubject: x\r\n\r\nHello\r\n"


class Server:
    """Answers each request 202 or as a finished operation, in a thread, so that it can close while the loop is busy."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections: list[socket.socket] = []
        self.requests: list[bytes] = []
        self.accepted = threading.Event()
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            self.accepted.set()
            self.threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
            self.threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        # Hung up on before it reads at all, the socket is closed under it.
        with contextlib.suppress(OSError), connection.makefile("rb") as stream:
            while head := self._head(stream):
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r")[0] or b"0")
                stream.read(length)
                self.requests.append(head)
                status = b"200 OK" if head.startswith(b"GET") else b"202 Accepted"
                body = b'{"status":"Succeeded"}' if head.startswith(b"GET") else b'{"status":"Running"}'
                fields = b"Content-Type: application/json\r\nretry-after: 0\r\nContent-Length: %d" % len(body)
                connection.sendall(b"HTTP/1.1 %s\r\n%s\r\n\r\n%s" % (status, fields, body))

    @staticmethod
    def _head(stream: object) -> bytes:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line: bytes = stream.readline()  # type: ignore[attr-defined]
            if not line:
                return b""
            head += line
        return head

    def hang_up(self) -> None:
        """Close what is open, and return when the peer's machine knows."""
        for connection in self.connections:
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self.connections.clear()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.hang_up()
        for thread in self.threads:
            thread.join(5)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture(params=["graph", "acs-rest"])
async def bench(request: pytest.FixtureRequest, server: Server) -> AsyncIterator[Bench]:
    opened = graph_bench if request.param == "graph" else acs_rest_bench
    async with opened(endpoint=f"http://127.0.0.1:{server.port}") as made:
        yield made


async def test_nothing_is_written_to_a_connection_that_was_closed(bench: Bench, server: Server) -> None:
    for _ in range(3):
        assert_delivered(await bench.send(data=LETTER))
        assert len(server.connections) == 1, "it is kept"
        server.hang_up()  # the loop has not heard of it when the next message is sent
    assert sum(head.startswith(b"POST") for head in server.requests) == 3


async def test_a_closed_connection_is_known_before_the_loop_looks(server: Server) -> None:
    loop = asyncio.get_running_loop()
    made = kept.connector(None, 30.0)
    transport, protocol = await loop.create_connection(made._factory, "127.0.0.1", server.port)
    assert await asyncio.to_thread(server.accepted.wait, 5)
    assert protocol.is_connected()
    server.hang_up()
    assert ResponseHandler.is_connected(protocol), "what the library alone would go by"
    assert not protocol.is_connected()
    transport.abort()
    await made.close()


async def test_another_connection_is_opened_then(bench: Bench, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_delivered(await bench.send(data=LETTER))
    monkeypatch.setattr(kept, "_spoken", lambda _: True)
    assert_delivered(await bench.send(data=LETTER))
    assert len(server.connections) > 1
