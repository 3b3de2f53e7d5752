"""The ledger of a crash test: what was sent, what was acknowledged, what arrived.

A client writes an entry when it has read 250, and only then. The sink writes an entry when it has read the end of data.
"""

from __future__ import annotations

import hashlib
import socket
import socketserver
import threading
import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Ledger:
    """Keys are the tags of messages; values their SHA-256. Safe for many threads."""

    sent: dict[str, str] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    arrived: Counter[str] = field(default_factory=Counter)
    damaged: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def arrive(self, tag: str, text: bytes) -> None:
        with self.lock:
            self.arrived[tag] += 1
            if self.sent.get(tag) != hashlib.sha256(text).hexdigest():
                self.damaged.append(tag)

    @property
    def missing(self) -> set[str]:
        return self.acknowledged - set(self.arrived)

    @property
    def strangers(self) -> set[str]:
        """Arrived but never sent."""
        return set(self.arrived) - set(self.sent)

    @property
    def repeated(self) -> set[str]:
        return {tag for tag, times in self.arrived.items() if times > 1}


class Sink:
    """A server that takes everything into the ledger. `delay` seconds pass before the answer to the end of data."""

    def __init__(self, ledger: Ledger, delay: float = 0.0) -> None:
        sink = self
        self.ledger = ledger
        self.delay = delay

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                sink.converse(self)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 200

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def converse(self, link: socketserver.StreamRequestHandler) -> None:
        try:
            link.wfile.write(b"220 sink.example.com ESMTP\r\n")
            while line := link.rfile.readline():
                verb = line[:4].upper()
                if verb == b"DATA":
                    link.wfile.write(b"354 go on\r\n")
                    self._take(link)
                elif verb == b"QUIT":
                    link.wfile.write(b"221 bye\r\n")
                    return
                elif verb == b"EHLO":
                    link.wfile.write(b"250-sink.example.com\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
                else:
                    link.wfile.write(b"250 ok\r\n")
        except (ConnectionError, ValueError):
            return  # the gateway was killed in the middle, as the test means it to be

    def _take(self, link: socketserver.StreamRequestHandler) -> None:
        lines: list[bytes] = []
        while (line := link.rfile.readline()) != b".\r\n":
            if not line.endswith(b"\r\n"):
                raise ConnectionError("cut in the middle of a message")
            lines.append(line[1:] if line.startswith(b".") else line)
        header, _, text = b"".join(lines).partition(b"\r\n\r\n")
        tag = next(row[7:].decode() for row in header.split(b"\r\n") if row.startswith(b"X-Tag: "))
        if self.delay:
            time.sleep(self.delay)
        self.ledger.arrive(tag, text)
        link.wfile.write(b"250 2.0.0 taken\r\n")

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Client(threading.Thread):
    """Sends messages one after the other until told to stop, through crashes and restarts of the gateway."""

    def __init__(self, name: str, port: int, ledger: Ledger, size: int = 3000) -> None:
        super().__init__(name=name, daemon=True)
        self.port = port
        self.ledger = ledger
        self.size = size
        self.enough = threading.Event()
        self.refusals: Counter[str] = Counter()

    def run(self) -> None:
        number = 0
        while not self.enough.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), 20) as link, link.makefile("rb") as lines:
                    self._expect(lines.readline())
                    self._ask(link, lines, b"EHLO client\r\n")
                    while not self.enough.is_set():
                        number += 1
                        self._send(link, lines, f"{self.name}-{number}")
            except (OSError, ConnectionError):
                self.enough.wait(0.02)

    def _send(self, link: socket.socket, lines: object, tag: str) -> None:
        filler = hashlib.sha256(tag.encode()).hexdigest().encode()
        text = (filler + b"\r\n") * (self.size // 66 + 1)
        with self.ledger.lock:
            self.ledger.sent[tag] = hashlib.sha256(text).hexdigest()
        self._ask(link, lines, b"MAIL FROM:<sender@example.com>\r\n")
        self._ask(link, lines, b"RCPT TO:<recipient@example.net>\r\n")
        self._ask(link, lines, b"DATA\r\n")
        link.sendall(f"Subject: crash\r\nMessage-ID: <{tag}@ledger>\r\nX-Tag: {tag}\r\n\r\n".encode() + text)
        self._ask(link, lines, b".\r\n")
        with self.ledger.lock:
            self.ledger.acknowledged.add(tag)

    def _ask(self, link: socket.socket, lines: object, line: bytes) -> None:
        link.sendall(line)
        while True:
            answer: bytes = lines.readline()  # type: ignore[attr-defined]
            self._expect(answer)
            if answer[3:4] != b"-":
                return

    def _expect(self, answer: bytes) -> None:
        if not answer.endswith(b"\n"):
            raise ConnectionError("closed")
        if answer[:1] not in b"23":
            self.refusals[answer.decode().strip()] += 1
            raise ConnectionError(answer.decode())
