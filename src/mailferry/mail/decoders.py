"""The transfer encodings of MIME, undone as the octets pass (RFC 2045 section 6).

Leaves to others: where a part begins and ends (mime). Invariant: nothing is kept but the rest of a group or line, and
what is no such encoding is noted in `broken`, never guessed at in silence.
"""

from __future__ import annotations

import binascii
import re
from typing import Protocol

_BLANKS = b" \t\r\n"
#: RFC 2045 section 6.7: lines of quoted-printable have 76 characters. Broken software writes longer ones.
_LONGEST_LINE = 1 << 20
_BAD_ESCAPE = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*\r?\n)")


class Decoder(Protocol):
    """Takes a part's octets, gives what they stand for."""

    broken: bool

    def feed(self, data: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


class Identity:
    """7bit, 8bit, binary."""

    __slots__ = ("broken",)

    def __init__(self) -> None:
        self.broken = False

    def feed(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


class Base64:
    """RFC 2045 section 6.8. Octets outside of the alphabet are to be ignored there; here they count as broken too,
    since nobody knows what was meant."""

    __slots__ = ("_ended", "_rest", "broken")

    def __init__(self) -> None:
        self._rest = b""
        self._ended = False
        self.broken = False

    def feed(self, data: bytes) -> bytes:
        text = self._rest + data.translate(None, _BLANKS)
        whole = len(text) // 4 * 4
        self._rest = text[whole:]
        return self._decode(text[:whole])

    def finish(self) -> bytes:
        if not self._rest:
            return b""
        self.broken = True  # the padding is missing, or the end
        rest = self._rest.rstrip(b"=")
        return self._decode(rest + b"=" * (-len(rest) % 4)) if len(rest) > 1 else b""

    def _decode(self, group: bytes) -> bytes:
        if not group:
            return b""
        self.broken = self.broken or self._ended
        self._ended = group.endswith(b"=")
        try:
            return binascii.a2b_base64(group, strict_mode=True)
        except binascii.Error:
            self.broken = True
        try:
            return binascii.a2b_base64(group)
        except binascii.Error:
            return b""


class QuotedPrintable:
    """RFC 2045 section 6.7, whole lines at a time."""

    __slots__ = ("_rest", "broken")

    def __init__(self) -> None:
        self._rest = b""
        self.broken = False

    def feed(self, data: bytes) -> bytes:
        text = self._rest + data
        end = text.rfind(b"\n") + 1
        if not end and len(text) > _LONGEST_LINE:
            end = len(text) - 3  # an escape stays whole
        self._rest = text[end:]
        return self._decode(text[:end])

    def finish(self) -> bytes:
        return self._decode(self._rest)

    def _decode(self, lines: bytes) -> bytes:
        if _BAD_ESCAPE.search(lines) and not lines.endswith(b"="):
            self.broken = True
        return binascii.a2b_qp(lines)


def decoder(encoding: str) -> Decoder | None:
    """The decoder of a Content-Transfer-Encoding in lower case, None when there is none of that name."""
    match encoding:
        case "" | "7bit" | "8bit" | "binary":
            return Identity()
        case "base64":
            return Base64()
        case "quoted-printable":
            return QuotedPrintable()
    return None
