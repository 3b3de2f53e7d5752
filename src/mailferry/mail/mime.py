"""The structure of a message, read as its octets pass: parts, where they lie, how large they are when decoded.

Leaves to others: what a structure means for somebody (fidelity), the transfer encodings (decoders), header fields
(headers). Invariants: no input raises; memory does not grow with the message but with its headers, which are bounded;
the content of every leaf is message[start:end].
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from email.message import Message as Fields
from email.parser import HeaderParser

from mailferry.mail.body import Body
from mailferry.mail.decoders import Decoder, Identity, decoder
from mailferry.mail.headers import decode_text

#: Bounds against messages that are made to cost: more is read as one leaf and marked.
_DEPTH, _PARTS, _HEADER, _LINE = 24, 1000, 512 * 1024, 1000
_HEAD = 64  # decoded octets of a leaf that are kept to know it by

BROKEN = "broken"  # the transfer encoding is damaged or unknown
TANGLED = "tangled"  # no boundary, or deeper or more than is read
OPEN = "open"  # the closing boundary is missing


@dataclass(slots=True)
class Part:
    """One entity (RFC 2045 section 2.4). `size` decoded octets of a leaf, `head` the first of them."""

    header: bytes
    start: int
    end: int = 0
    size: int = 0
    head: bytes = b""
    flaws: set[str] = field(default_factory=set)
    children: list[Part] = field(default_factory=list)
    fields: Fields = field(default_factory=Fields, repr=False)

    def __post_init__(self) -> None:
        # compat32 takes whatever devices write; 8-bit text that is not UTF-8 shows as U+FFFD and is seen by that.
        self.fields = HeaderParser().parsestr(self.header.decode("utf-8", "replace"))

    @property
    def type(self) -> str:
        return self.fields.get_content_type()

    @property
    def encoding(self) -> str:
        return str(self.fields.get("Content-Transfer-Encoding", "")).partition(";")[0].strip().lower()

    @property
    def disposition(self) -> str:
        return (self.fields.get_content_disposition() or "").lower()

    @property
    def charset(self) -> str:
        return self.parameter("charset").lower()

    @property
    def content_id(self) -> str:
        return str(self.fields.get("Content-ID", "")).strip().removeprefix("<").removesuffix(">")

    @property
    def filename(self) -> str:
        """RFC 2231, and RFC 2047 where it does not belong but mail programs write it."""
        try:
            name = self.fields.get_filename("")
        except (ValueError, TypeError, LookupError):  # what RFC 2231 sections were broken into
            return "\ufffd"
        return decode_text(name.encode("utf-8", "replace")).replace("/", "_").replace("\\", "_")

    def parameter(self, name: str) -> str:
        """A parameter of Content-Type."""
        try:
            value = self.fields.get_param(name, "")
        except (ValueError, TypeError):
            return ""
        return value[2] if isinstance(value, tuple) else str(value or "")


class _Entity:
    """A part while it is read: its header, then the multipart's delimiter or the leaf's decoder."""

    __slots__ = ("boundary", "decoder", "header", "in_header", "part")

    def __init__(self) -> None:
        self.header = bytearray()
        self.in_header = True
        self.boundary: bytes | None = None  # also None behind its closing delimiter
        self.decoder: Decoder = Identity()
        self.part = Part(b"", 0)

    def begin(self, start: int, *, deeper: bool) -> None:
        """The header is whole."""
        self.in_header = False
        part = self.part = Part(bytes(self.header), start)
        found = decoder(part.encoding)
        if found is None:
            part.flaws.add(BROKEN)
        if part.type.startswith("multipart/"):
            boundary = part.parameter("boundary").rstrip()
            if boundary and deeper:
                self.boundary = boundary.encode("utf-8", "replace")
            else:
                part.flaws.add(TANGLED)
            if not isinstance(found, Identity):  # RFC 2045 section 6.4 forbids it
                part.flaws.add(BROKEN)
        elif found is not None:
            self.decoder = found

    def take(self, data: bytes) -> None:
        self._decoded(self.decoder.feed(data))

    def close(self, end: int) -> None:
        if self.boundary is not None:
            self.part.flaws.add(OPEN)
        self._decoded(self.decoder.finish())
        if self.decoder.broken:
            self.part.flaws.add(BROKEN)
        self.part.end = end

    def _decoded(self, data: bytes) -> None:
        part = self.part
        part.size += len(data)
        if len(part.head) < _HEAD:
            part.head += data[: _HEAD - len(part.head)]


class Scanner:
    """Feed a message, then finish."""

    __slots__ = ("_base", "_buffer", "_line_start", "_parts", "_stack")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._base = 0  # where the buffer begins in the message
        self._stack = [_Entity()]
        self._parts = 1
        self._line_start = True  # whether the buffer begins a line of content

    def feed(self, data: bytes) -> None:
        self._buffer += data
        while self._step(last=False):
            pass

    def finish(self) -> Part:
        while self._step(last=True):
            pass
        self._close_down_to(0, self._base)
        return self._stack[0].part

    def _step(self, *, last: bool) -> bool:
        """Read one thing; False when more octets are needed."""
        return self._header_line(last=last) if self._stack[-1].in_header else self._content(last=last)

    def _header_line(self, *, last: bool) -> bool:
        entity, buffer = self._stack[-1], self._buffer
        end = buffer.find(b"\r\n")
        if end < 0 and not last and len(buffer) < _HEADER:
            return False
        line = bytes(buffer[: end + 2] if end >= 0 else buffer)
        if line == b"\r\n":
            self._drop(2)
        elif line and self._delimiter(line) is None and _is_field(line, entity.header):
            entity.header += line
            self._drop(len(line))
            return True
        # A blank line, a delimiter, the end, or what is no field, which begins the text as most readers take it.
        entity.begin(self._base, deeper=len(self._stack) < _DEPTH and self._parts < _PARTS)
        self._line_start = True
        return True

    def _content(self, *, last: bool) -> bool:
        """Up to the next delimiter, or as far as it is sure that there is none."""
        buffer = self._buffer
        if all(entity.boundary is None for entity in self._stack):
            self._take(len(buffer))
            return False
        for cut, at in self._candidates():
            end = buffer.find(b"\r\n", at)
            if end < 0 and not last and len(buffer) - at < _LINE:
                self._take(cut)
                return False
            found = self._delimiter(bytes(buffer[at : end if end >= 0 else at + _LINE]))
            if found is not None:
                self._take(cut)
                self._delimited(*found, length=(end + 2 if end >= 0 else at + _LINE) - cut)
                return True
        unsure = 0 if last else _unsure(buffer, line_start=self._line_start)
        self._take(len(buffer) - unsure)
        return False

    def _candidates(self) -> Iterator[tuple[int, int]]:
        """Where the content may end, and where the delimiter then begins: the line break before belongs to it."""
        if self._line_start and self._buffer.startswith(b"--"):
            yield 0, 0
        at = self._buffer.find(b"\r\n--")
        while at >= 0:
            yield at, at + 2
            at = self._buffer.find(b"\r\n--", at + 2)

    def _delimiter(self, line: bytes) -> tuple[int, bool] | None:
        """Which open multipart `line` delimits, and whether it closes it (RFC 2046 section 5.1.1)."""
        if not line.startswith(b"--"):
            return None
        text = line.rstrip()[2:]
        for index in range(len(self._stack) - 1, -1, -1):
            boundary = self._stack[index].boundary
            if boundary is not None and text in (boundary, boundary + b"--"):
                return index, text != boundary
        return None

    def _delimited(self, index: int, closes: bool, *, length: int) -> None:
        self._close_down_to(index + 1, self._base)
        del self._stack[index + 1 :]
        self._drop(length)
        if closes:
            self._stack[index].boundary = None  # what follows is the epilogue
            self._line_start = True
            return
        self._parts += 1
        self._stack.append(_Entity())

    def _close_down_to(self, index: int, end: int) -> None:
        for entity in reversed(self._stack[index:]):
            if entity.in_header:
                entity.begin(end, deeper=False)
            entity.close(end)
            place = self._stack.index(entity)
            if place:
                self._stack[place - 1].part.children.append(entity.part)

    def _take(self, count: int) -> None:
        """The first octets of the buffer are content."""
        if count <= 0:
            return
        self._stack[-1].take(bytes(self._buffer[:count]))
        self._drop(count)
        self._line_start = False

    def _drop(self, count: int) -> None:
        count = min(count, len(self._buffer))
        del self._buffer[:count]
        self._base += count


def _is_field(line: bytes, before: bytes | bytearray) -> bool:
    """Whether a line belongs to a header section: a field, or the folded rest of one."""
    if len(before) > _HEADER:
        return False
    if line[:1] in (b" ", b"\t"):
        return bool(before)
    name, colon, _ = line.partition(b":")
    name = name.rstrip(b" \t")
    return bool(colon and name) and all(32 < octet < 127 for octet in name)


def _unsure(buffer: bytearray, *, line_start: bool) -> int:
    """How many octets at the end may begin a delimiter."""
    if line_start and bytes(buffer) in (b"", b"-"):
        return len(buffer)
    for tail in (b"\r\n-", b"\r\n", b"\r"):
        if buffer.endswith(tail):
            return len(tail)
    return 0


async def scan(body: Body) -> Part:
    """The structure of a stored message. Raises BodyGone."""
    scanner = Scanner()
    async for chunk in body.chunks():
        scanner.feed(chunk)
    return scanner.finish()


async def content(body: Body, part: Part) -> AsyncGenerator[bytes, None]:
    """The decoded octets of a leaf, as they are read. Raises BodyGone."""
    undo = decoder(part.encoding) or Identity()
    at = 0
    async for chunk in body.chunks():
        piece = chunk[max(0, part.start - at) : max(0, part.end - at)]
        at += len(chunk)
        if piece:
            yield undo.feed(piece)
        if at >= part.end:
            break
    yield undo.finish()
