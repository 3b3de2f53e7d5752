"""The dot transparency of DATA (RFC 5321 section 4.5.2) and the rule of line ends, for streams, both ways.

Leaves to others: size limits and what is answered (body, server).
Invariant: a message ends at CRLF.CRLF only; what comes out, on either side, has no CR or LF that stands alone
unless the message is binary. Every pass over the octets runs in C, and no more than four octets are held back.
"""

from __future__ import annotations

from io import IncrementalNewlineDecoder

_CRLF_DOT = b"\r\n."
_END = b"\r\n.\r\n"
_MAYBE_END = (b".", b".\r")


def clean(octets: bytes) -> bool:
    """Whether every CR and LF stands in a CRLF.

    io's newline decoder notes which line ends it met, in one pass: a third of the time of counting them.
    """
    seen = IncrementalNewlineDecoder(None, translate=False)
    seen.decode(octets.decode("latin-1"), True)
    return seen.newlines == "\r\n" or seen.newlines is None


def repair(octets: bytes) -> bytes:
    """Every bare CR and bare LF becomes CRLF."""
    return octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


class DotStuffer:
    """Client side: the octets of a message as DATA wants them. Text that needs no change passes without a copy.

    Bare line ends are repaired, whatever the caller was given: passed on, they would let the content end the message
    at a server that takes LF for a line end (RFC 5321 section 2.3.8). A BINARYMIME message must go by BDAT instead.
    """

    __slots__ = ("_cr", "_line_start")

    def __init__(self) -> None:
        self._cr = False  # the last octet was a CR that waits for its LF
        self._line_start = True

    def feed(self, chunk: bytes) -> bytes:
        if self._cr:
            chunk = b"\r" + chunk
            self._cr = False
        if chunk.endswith(b"\r"):
            chunk = chunk[:-1]
            self._cr = True
        if not chunk:
            return b""
        if not clean(chunk):
            chunk = repair(chunk)
        if _CRLF_DOT in chunk:
            chunk = chunk.replace(_CRLF_DOT, b"\r\n..")
        if self._line_start and chunk.startswith(b"."):
            chunk = b"." + chunk
        self._line_start = chunk.endswith(b"\r\n")
        return chunk

    def finish(self) -> bytes:
        """What ends the message: CRLF if the last line lacks it, then the lone dot."""
        bare = self._cr
        self._cr = False
        if bare or not self._line_start:
            self._line_start = True
            return _END
        return b".\r\n"


class DotUnstuffer:
    """Server side: takes a buffer from an offset, tells how much of it is message, and whether that was the end."""

    __slots__ = ("_line_start", "done")

    def __init__(self) -> None:
        self.done = False
        self._line_start = True

    def take(self, buffer: bytes, start: int) -> tuple[bytes, int]:
        """Octets of the message with dots removed, and the offset of what was not consumed.

        What is left may be the beginning of a CRLF.CRLF and is wanted again, with more octets behind it.
        """
        if self._line_start and buffer.startswith(b".", start):
            if buffer.startswith(b".\r\n", start):
                self.done = True
                return b"", start + 3
            if len(buffer) - start < 3 and buffer[start:] in _MAYBE_END:
                return b"", start
            start += 1
        stop = buffer.find(_CRLF_DOT, start)
        if stop >= 0 and buffer.startswith(b"\r\n", stop + 3):
            self.done = True
            return buffer[start : stop + 2], stop + 5
        return self._stuffed(buffer, start, stop) if stop >= 0 else self._plain(buffer, start)

    def _stuffed(self, buffer: bytes, start: int, dot: int) -> tuple[bytes, int]:
        """A line begins with a dot at `dot` + 2, and it is not the end; or it is not known yet."""
        stop = buffer.find(_END, dot)
        if stop >= 0:
            self.done = True
            return buffer[start : stop + 2].replace(_CRLF_DOT, b"\r\n"), stop + 5
        for tail in (b"\r\n.\r", b"\r\n."):
            if buffer.endswith(tail):
                self._line_start = True
                stop = len(buffer) - len(tail) + 2
                return buffer[start:stop].replace(_CRLF_DOT, b"\r\n"), stop
        octets, rest = self._plain(buffer, start)
        return octets.replace(_CRLF_DOT, b"\r\n"), rest

    def _plain(self, buffer: bytes, start: int) -> tuple[bytes, int]:
        """No dot is in question; only a CR at the end must wait for what follows it."""
        stop = len(buffer) - buffer.endswith(b"\r")
        if stop <= start:
            return b"", start
        self._line_start = buffer.endswith(b"\r\n")
        return buffer[start:stop], stop
