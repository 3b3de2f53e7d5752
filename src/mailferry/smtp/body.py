"""Readers of a message on its way in: one for DATA, one for the chunks of BDAT. They exist only while one comes.

Leaves to others: the buffer and the reply that is owed (server), the dots (dotstuff).
Invariant: a message over the size limit is read to its true end and then refused, so that the session stays in step;
text with a bare line end is refused at once, or repaired, and never ends a message.
"""

from __future__ import annotations

from mailferry.smtp import refusals
from mailferry.smtp.dotstuff import DotUnstuffer, clean, repair
from mailferry.smtp.events import BodyChunk, EndOfChunk, EndOfMessage, Refused
from mailferry.smtp.state import Act

BodyEvent = BodyChunk | EndOfChunk | EndOfMessage | Refused

#: More octets than will ever come.
UNLIMITED = 1 << 62

_END_OF_MESSAGE = EndOfMessage()
_TOO_BIG = Refused(refusals.TOO_BIG, reason="message over the size limit")
_BARE = Refused(refusals.BARE_NEWLINE, close=True, reason="bare CR or LF in the message")


class DataReader(DotUnstuffer):
    """What follows 354, up to CRLF.CRLF."""

    __slots__ = ("_repair", "_room", "act")

    def __init__(self, limit: int, *, repairs: bool) -> None:
        self._line_start = True
        self.done = False
        self._repair = repairs
        self._room = limit or UNLIMITED
        self.act = Act.BODY

    def read(self, buffer: bytes, start: int) -> tuple[BodyEvent | None, int]:
        """The next event and the offset behind what was consumed; None: more octets are needed."""
        if not self.done:
            octets, start = self.take(buffer, start)
            if octets:
                if not clean(octets):
                    if not self._repair:
                        self.act = Act.FATAL
                        return _BARE, start
                    octets = repair(octets)
                self._room -= len(octets)
                if self._room >= 0:
                    return BodyChunk(octets), start
            if not self.done:
                return None, start
        return (_END_OF_MESSAGE if self._room >= 0 else _TOO_BIG), start


class ChunkReader:
    """The chunks of BDAT (RFC 3030), each of a size known beforehand; kept from chunk to chunk of one message."""

    __slots__ = ("_binary", "_cr", "_last", "_left", "_repair", "_room", "_size", "_verdict", "act")

    def __init__(self, limit: int, *, repairs: bool, binary: bool) -> None:
        self._room = limit or UNLIMITED
        self._repair = repairs
        self._binary = binary
        self._verdict: Refused | None = None  # why the octets are swallowed
        self._cr = False  # a CR at the end of a chunk: its LF may open the next
        self._size = self._left = 0
        self._last = False
        self.act = Act.BDAT

    def begin(self, size: int, *, last: bool) -> None:
        self._size = self._left = size
        self._last = last
        self.act = Act.BDAT_LAST if last else Act.BDAT

    def swallow(self, verdict: Refused) -> None:
        """Read the chunk, hand out nothing, and say `verdict` at its end; the state does not move."""
        self._verdict = verdict
        self.act = Act.REFUSED

    def read(self, buffer: bytes, start: int) -> tuple[BodyEvent | None, int]:
        stop = min(start + self._left, len(buffer))
        if stop > start:
            self._left -= stop - start
            if self._verdict is None:
                event = self._admit(buffer[start:stop])
                if event is not None:
                    return event, stop
        if self._left:
            return None, stop
        if self._cr and self._last and self._verdict is None:
            event = self._admit(b"")
            if event is not None:
                return event, stop
        return self._end(), stop

    def _admit(self, octets: bytes) -> BodyEvent | None:
        if not self._binary:
            if self._cr:
                octets = b"\r" + octets
                self._cr = False
            if octets.endswith(b"\r") and (self._left or not self._last):
                octets = octets[:-1]
                self._cr = True
            if not clean(octets):
                if not self._repair:
                    self.act = Act.FATAL
                    return _BARE
                octets = repair(octets)
        self._room -= len(octets)
        if self._room < 0:
            self._verdict = _TOO_BIG
            return None
        return BodyChunk(octets) if octets else None

    def _end(self) -> BodyEvent:
        if self._verdict is not None:
            return self._verdict
        return _END_OF_MESSAGE if self._last else EndOfChunk(self._size)
