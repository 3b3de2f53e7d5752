"""A server that takes every message and keeps it octet for octet: what really left the gateway.

It is written on sockets alone and shares nothing with the gateway's own core, so that the two cannot agree on the same
error. What it takes is found by recipient, so each case sends to an address of its own.
"""

from __future__ import annotations

import re
import socket
import socketserver
import threading
import time
from dataclasses import dataclass

_END = b"\r\n.\r\n"
_PATH = re.compile(rb"(?:FROM|TO):<([^>]*)>(.*)", re.IGNORECASE)
_EXTENSIONS = (b"PIPELINING", b"SIZE 104857600", b"8BITMIME", b"SMTPUTF8", b"DSN", b"ENHANCEDSTATUSCODES")


@dataclass(frozen=True, slots=True)
class Taken:
    """One message: the paths of its envelope, what stood behind the sender's, and the text as it was before dots."""

    sender: str
    options: frozenset[str]
    recipients: tuple[str, ...]
    data: bytes

    @property
    def header(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[0] + b"\r\n"

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]


class Recorder:
    """Listens on a free port of the loopback interface from the moment it is made."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self._news = threading.Condition()
        recorder = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                _Dialogue(self.request, recorder.take).run()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 100

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def take(self, message: Taken) -> None:
        with self._news:
            self.taken.append(message)
            self._news.notify_all()

    def copies(self, recipient: str) -> list[Taken]:
        """Every message that came for `recipient`."""
        return [message for message in list(self.taken) if recipient in message.recipients]

    def wait(self, recipient: str, seconds: float = 20) -> Taken:
        """The message for `recipient`, which must be the only one. Raises TimeoutError when none comes."""
        deadline = time.monotonic() + seconds
        with self._news:
            while not (found := self.copies(recipient)):
                if not self._news.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"nothing came for {recipient} within {seconds:.0f} s")
        assert len(found) == 1, f"{len(found)} copies came for {recipient}"
        return found[0]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Dialogue:
    """One connection."""

    def __init__(self, link: socket.socket, take: object) -> None:
        self._link = link
        self._take = take
        self._buffer = bytearray()

    def run(self) -> None:
        sender, options, recipients = b"", b"", []
        try:
            self._say(b"220 recorder.example ESMTP")
            while (line := self._line()) is not None:
                verb = line[:4].upper()
                if verb == b"EHLO":
                    self._say(*[b"250-" + text for text in (b"recorder.example", *_EXTENSIONS)], b"250 HELP")
                    continue
                if verb in (b"MAIL", b"RCPT"):
                    match = _PATH.fullmatch(line[5:])
                    assert match is not None, line
                    if verb == b"RCPT":
                        recipients.append(match[1].decode())
                    else:
                        sender, options, recipients = match[1], match[2], []
                elif verb == b"DATA":
                    self._say(b"354 go on")
                    words = frozenset(options.decode().split())
                    message = Taken(sender.decode(), words, tuple(recipients), self._data())
                    self._take(message)  # type: ignore[operator]
                self._say(b"221 bye" if verb == b"QUIT" else b"250 2.0.0 ok")
        except ConnectionError:
            return  # the gateway ends; what was taken was taken

    def _say(self, *lines: bytes) -> None:
        self._link.sendall(b"".join(line + b"\r\n" for line in lines))

    def _more(self) -> bool:
        chunk = self._link.recv(1 << 18)
        self._buffer += chunk
        return bool(chunk)

    def _cut(self, mark: bytes) -> bytes | None:
        """What stands in front of `mark`, which goes with it; None when the peer has gone."""
        start = 0
        while (at := self._buffer.find(mark, start)) < 0:
            start = max(0, len(self._buffer) - len(mark))
            if not self._more():
                return None
        found = bytes(self._buffer[:at])
        del self._buffer[: at + len(mark)]
        return found

    def _line(self) -> bytes | None:
        return self._cut(b"\r\n")

    def _data(self) -> bytes:
        """RFC 5321 section 4.5.2: a leading dot is taken off every line; CRLF.CRLF ends the text."""
        self._buffer[:0] = b"\r\n"  # so that a first line is found as every other one is
        text = self._cut(_END)
        if text is None:
            raise ConnectionError("cut in the middle of a message")
        return (text + b"\r\n").replace(b"\r\n.", b"\r\n")[2:]
