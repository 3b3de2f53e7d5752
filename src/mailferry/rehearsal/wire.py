"""A device's view of the wire: a blocking socket, lines out as they stand, replies in.

Leaves to others: which lines a client sends (dialects). It is written apart from mailferry.smtp on purpose: a client
that shared the gateway's grammar could not show that the gateway understands strangers.
"""

from __future__ import annotations

import base64
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where a client is pointed at. Ports: `plain` for devices that know no TLS, `submission` with STARTTLS."""

    host: str
    plain: int
    submission: int
    legacy: int  # STARTTLS with TLS 1.0 allowed
    ca_file: Path


class Refused(Exception):
    """The server said no; the text is its exact reply."""


class Wire:
    """One connection. `say` sends bytes and returns the reply; 4yz and 5yz raise Refused."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), TIMEOUT)
        self._lines = self._socket.makefile("rb")

    def __enter__(self) -> Wire:
        self._reply()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()
        self._socket.close()

    def say(self, data: bytes) -> str:
        self._socket.sendall(data)
        return self._reply()

    def answers(self, count: int) -> list[str]:
        """The next `count` replies of pipelined commands."""
        return [self._reply() for _ in range(count)]

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def start_tls(self, context: ssl.SSLContext) -> None:
        self.say(b"STARTTLS\r\n")
        self._lines.close()
        self._socket = context.wrap_socket(self._socket, server_hostname="localhost")
        self._lines = self._socket.makefile("rb")

    def _reply(self) -> str:
        collected = []
        while True:
            raw = self._lines.readline()
            if not raw:
                raise Refused("connection closed by the server")
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            collected.append(line)
            if line[3:4] != "-":
                break
        text = collected[-1] if len(collected) == 1 else "\n".join(collected)
        if not line[:1] or line[:1] not in "23":
            raise Refused(text)
        return text


def b64(text: str) -> bytes:
    return base64.b64encode(text.encode())


def modern_tls(target: Target) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(target.ca_file))


def old_tls() -> ssl.SSLContext:
    """TLS 1.0 and nothing newer, certificates unchecked, as an old scanner speaks it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    # Deprecated for good reason; here an old device is imitated, and a warning would tell nobody anything.
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    return context
