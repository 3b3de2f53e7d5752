"""Reports by syslog (RFC 5424), one message for each alarm, to a local socket or by UDP, TCP or TLS.

Framing: RFC 5426 for UDP, octet counting (RFC 6587 section 3.4.1, RFC 5425 section 4.3) for TCP and TLS. Structured
data is nil: its names would need an enterprise number (RFC 5424 section 7.2.2), which this project does not have.
Leaves to others: the words (words). Invariant: a message is one line, and what does not fit is cut between characters.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from mailferry.alarms.api import Severity
from mailferry.alarms.report import Notice, Report
from mailferry.alarms.settings import FACILITIES
from mailferry.alarms.target import TargetError
from mailferry.alarms.words import line
from mailferry.clock import utc

#: RFC 5424 section 6.1: receivers should take 2048 octets; a datagram that is longer may not arrive at all.
LONGEST = 2048
#: RFC 5424 section 6.2.1, table 2; what is over is a notice.
_LEVELS = {Severity.CRITICAL: 2, Severity.ERROR: 3, Severity.WARNING: 4}
_OVER = 5


def frame(report: Report, notice: Notice, facility: int, language: str) -> bytes:
    """One message; the byte order mark says that the text is UTF-8 (section 6.4)."""
    priority = facility * 8 + (_LEVELS[notice.alarm.severity] if notice.bad else _OVER)
    stamp = f"{utc(notice.at):%Y-%m-%dT%H:%M:%S.%f}Z"
    host = "".join(char for char in report.gateway if "!" <= char <= "~")[:255] or "-"
    head = f"<{priority}>1 {stamp} {host} mailferry {os.getpid()} {notice.alarm.code.value} - "
    data = head.encode() + b"\xef\xbb\xbf" + line(notice, language).encode("utf-8", "replace")
    return data[:LONGEST].decode("utf-8", "ignore").encode() if len(data) > LONGEST else data


class Syslog:
    """Sends to `address`; a connection lives for one report."""

    def __init__(self, address: str, facility: str, language: str, ca_file: Path | None, seconds: float) -> None:
        self._address = address
        self._facility = FACILITIES[facility]
        self._language = language
        self._ca_file = ca_file
        self._seconds = seconds

    async def send(self, report: Report) -> None:
        """Raises TargetError."""
        frames = [frame(report, each, self._facility, self._language) for each in report.notices]
        try:
            async with asyncio.timeout(self._seconds):
                await self._send(frames)
        except TimeoutError:
            raise TargetError(f"{self._address} did not take it within {self._seconds:g} s") from None
        except ssl.SSLCertVerificationError as error:
            raise TargetError(f"the certificate of {self._address} is not trusted: {error.verify_message}") from None
        except OSError as error:
            raise TargetError(f"{self._address}: {error.strerror or type(error).__name__}") from None

    async def _send(self, frames: list[bytes]) -> None:
        if self._address.startswith("/"):
            await _local(self._address, frames)
            return
        parts = urlsplit(self._address)
        host, port = parts.hostname or "", parts.port or 514
        if parts.scheme == "udp":
            await _datagrams(host, port, frames)
        else:
            context = await asyncio.to_thread(self._context) if parts.scheme == "tls" else None
            await _stream(host, port, context, frames)

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self._ca_file) if self._ca_file is not None else None)


async def _local(path: str, frames: list[bytes]) -> None:
    """As syslog(3): a datagram socket, or else a stream, whose messages end with a zero octet there. Without a thread:
    one that hangs at a socket nobody reads would be missed where passwords are hashed and secrets read."""
    loop = asyncio.get_running_loop()
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_UNIX, kind) as link:
            link.setblocking(False)
            try:
                await loop.sock_connect(link, path)
            except OSError as error:
                if kind is socket.SOCK_DGRAM and error.errno == errno.EPROTOTYPE:
                    continue
                raise
            for each in frames:
                await loop.sock_sendall(link, each if kind is socket.SOCK_DGRAM else each + b"\0")
            return


async def _datagrams(host: str, port: int, frames: list[bytes]) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(host, port))
    try:
        for each in frames:
            transport.sendto(each)
    finally:
        transport.close()


async def _stream(host: str, port: int, context: ssl.SSLContext | None, frames: list[bytes]) -> None:
    _, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        writer.writelines(str(len(each)).encode() + b" " + each for each in frames)
        await writer.drain()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
