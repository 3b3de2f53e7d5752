"""What a server connection has received and not yet handed out, and the command lines in it.

Leaves to others: what a line says (parse) and the octets of a message (body).
Invariant: linear in what is received. A line over its limit is never kept, and one that ends in a bare LF is refused,
or repaired, by the same rule wherever the network cut it.
"""

from __future__ import annotations

from mailferry.smtp import refusals
from mailferry.smtp.events import Refused
from mailferry.smtp.limits import ServerLimits
from mailferry.smtp.state import Machine, State

_BARE_LF = Refused(refusals.BARE_NEWLINE, close=True, reason="bare LF in a command")
_TOO_LONG = Refused(refusals.LINE_TOO_LONG, reason="line over the limit")
_AUTH_TOO_LONG = Refused(refusals.AUTH_LINE_TOO_LONG, reason="authentication line over the limit")


class Inbound(Machine):
    """The receiving half of ServerConnection."""

    __slots__ = ("_buffer", "_limits", "_pending", "_repair", "_skipping", "_start")

    def __init__(self, limits: ServerLimits, *, repairs: bool, tls: bool) -> None:
        super().__init__(tls=tls)
        self._limits = limits
        self._repair = repairs
        self._buffer = b""
        self._start = 0  # what lies before has been handed out
        self._pending: list[bytes] | None = None  # came while the buffer was not used up; joined when needed
        self._skipping: Refused | None = None  # inside a line that is too long: what its end will bring

    @property
    def buffered(self) -> int:
        """Octets received and not yet handed out; a driver stops reading while this is large."""
        return len(self._buffer) - self._start + sum(map(len, self._pending or ()))

    def receive(self, data: bytes) -> None:
        """Take what the peer sent, in any cut."""
        if self._pending is not None:
            self._pending.append(data)
        elif self._buffer:
            self._pending = [data]
        else:
            self._buffer = data

    def _consume(self, stop: int) -> None:
        """All before `stop` is used up."""
        if stop == len(self._buffer):
            self._buffer, self._start = b"", 0
        else:
            self._start = stop

    def _more(self) -> bool:
        """Join to the rest what came meanwhile; False when nothing came."""
        if self._pending is None:
            if self._start:
                self._buffer, self._start = self._buffer[self._start :], 0
            return False
        self._buffer = b"".join((self._buffer[self._start :], *self._pending))
        self._start, self._pending = 0, None
        return True

    def _read_line(self) -> bytes | Refused | None:
        """The next line without its end, a refusal, or None when no line is whole."""
        while True:
            buffer, start = self._buffer, self._start
            end = buffer.find(b"\n", start)
            if end >= 0:
                break
            self._bound_line(buffer, start)
            if not self._more():
                return None
        self._consume(end + 1)
        skipped, self._skipping = self._skipping, None
        stop = end - 1
        if stop < start or buffer[stop] != 13:
            if not self._repair:
                return _BARE_LF  # two readings of one stream are how commands are smuggled
            stop = end
        if end - start >= self._limits.command_line and skipped is None:
            skipped = self._too_long(buffer, start, end + 1)
        return skipped or buffer[start:stop]

    def _bound_line(self, buffer: bytes, start: int) -> None:
        """Of a line that grows over its limit only the last octet is kept: it may be the CR of its end."""
        if self._skipping is None and len(buffer) - start >= self._limits.command_line:
            self._skipping = self._too_long(buffer, start, len(buffer) + 1)
        if self._skipping is not None and buffer:
            self._start = len(buffer) - 1

    def _too_long(self, buffer: bytes, start: int, stop: int) -> Refused | None:
        if self.state is State.AUTH or buffer[start : start + 4].upper() == b"AUTH":
            return _AUTH_TOO_LONG if stop - start > max(self._limits.auth_line, self._limits.command_line) else None
        return _TOO_LONG
