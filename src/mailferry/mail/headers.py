"""The header section of a message: where it ends, its fields, and the few edits a submission server may make.

Leaves to others: which edit a message needs (listener.transaction) and the text of the message. Bytes in, bytes out;
every other octet of the section, its folding, order and spelling stay as the client wrote them (RFC 6409 section 8:
a submission server may add Date, Message-ID and Sender, and little else).
Invariant: what comes out parses as a header section again, and no field value can begin a line of its own.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from mailferry.mail.authors import Mailbox as Mailbox
from mailferry.mail.authors import mailboxes as mailboxes

#: RFC 5322 section 2.2 (field name: printable ASCII but colon) with the blanks before the colon of section 4.5.
#: Possessive throughout, so that no input makes it go back.
_FIELDS = re.compile(rb"(?:[!-9;-~]++[ \t]*+:[^\r\n]*+\r\n(?:[ \t][^\r\n]*+\r\n)*+)*+")
_MORE_FIELDS = re.compile(rb"(?:[ \t][^\r\n]*+\r\n)*+" + _FIELDS.pattern)
_FIELD = re.compile(rb"([!-9;-~]++)[ \t]*+:((?:[^\r\n]*+\r\n)(?:[ \t][^\r\n]*+\r\n)*+)")
_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_FOLD = re.compile(rb"\r\n(?=[ \t])")

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

#: RFC 2047 section 2, with the language suffix of RFC 2231 section 5.
_WORD = re.compile(r"=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)[ \t]+(?==\?)")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")

#: Octets of a Subject that are decoded.
_SUBJECT = 4096
_COLON = re.compile(rb"[ \t]*+:")
_PHRASE = re.compile(rb"""(?:"(?:[^"\\]|\\.)*+"|[\w!#$%&'*+/=?^`{|}~\x80-\xff \t\r\n-]++)*+""", re.DOTALL)


def fields_end(data: bytes | bytearray, start: int = 0) -> int:
    """Where the run of whole fields that begins at `start` ends. With `start` > 0 the run may begin with further lines
    of a folded field, so that a section that arrives in pieces is read once."""
    match = (_MORE_FIELDS if start else _FIELDS).match(data, start)
    return match.end() if match else start


def format_date(seconds: float) -> str:
    """RFC 5322 section 3.3, in UTC; English names whatever the locale."""
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year} {at:%H:%M:%S} +0000"


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `name` as written; `raw` the text after the colon with its folding and its CRLF."""

    name: bytes
    raw: bytes

    @property
    def value(self) -> bytes:
        """Unfolded and stripped."""
        return unfold(self.raw)


def unfold(text: bytes) -> bytes:
    """A field's text in one line (RFC 5322 section 2.2.3)."""
    line = text.strip()
    return _FOLD.sub(b"", line) if b"\n" in line else line


class Header:
    """The fields of one message, each ended by CRLF, without the empty line. Never changes; edits return bytes."""

    __slots__ = ("_low", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._low = b"\n" + raw.lower()  # one octet ahead of raw, so that every field is found by "\n" + name

    def __iter__(self) -> Iterator[Field]:
        for match in _FIELD.finditer(self.raw):
            yield Field(match[1], match[2])

    def spans(self, name: bytes) -> Iterator[tuple[int, int]]:
        """Start and end in `raw` of every field called `name` (lower case)."""
        low, needle = self._low, b"\n" + name
        at = low.find(needle)
        while at >= 0:
            after = at + len(needle)
            if low[after : after + 1] == b":" or _COLON.match(low, after):
                end = _FIELD_END.search(self.raw, at)
                yield at, end.end() if end else len(self.raw)
            at = low.find(needle, after)

    def has(self, name: bytes) -> bool:
        return b"\n" + name + b":" in self._low or next(self.spans(name), None) is not None

    def starts(self, prefix: bytes) -> bool:
        """Whether a field's name, or a folded line of text, begins so (lower case). One search."""
        return b"\n" + prefix in self._low

    def count(self, name: bytes) -> int:
        return sum(1 for _ in self.spans(name))

    def more_than(self, limit: int, name: bytes) -> bool:
        """Whether there are more such fields than `limit`. One search for the usual few."""
        return self._low.count(b"\n" + name) > limit and self.count(name) > limit

    def text(self, name: bytes) -> bytes | None:
        """What follows the colon of the first such field, with its folding and its CRLF."""
        needle = b"\n" + name + b":"
        at = self._low.find(needle)
        if at < 0:  # absent, or with blanks before the colon
            span = next(self.spans(name), None)
            return self.raw[span[0] : span[1]].partition(b":")[2] if span else None
        start = at + len(needle) - 1
        end = _FIELD_END.search(self.raw, start)
        return self.raw[start : end.end() if end else None]

    def texts(self, name: bytes) -> Iterator[bytes]:
        """What follows the colon of every such field."""
        for start, end in self.spans(name):
            yield self.raw[start:end].partition(b":")[2]

    def value(self, name: bytes) -> bytes | None:
        """The unfolded, stripped value of the first such field (RFC 5322 section 2.2.3)."""
        text: bytes | None = self.text(name)
        return None if text is None else unfold(text)

    def without(self, name: bytes) -> bytes:
        """The section with every such field taken out."""
        return self.replaced(name, b"")

    def replaced(self, name: bytes, line: bytes) -> bytes:
        """The section with the first such field replaced by `line` (whole, with its CRLF), further ones taken out, and
        `line` at the end when there was none."""
        out, position, pending = [], 0, line
        for start, end in self.spans(name):
            out += [self.raw[position:start], pending]
            position, pending = end, b""
        out += [self.raw[position:], pending]
        return b"".join(out)


def _phrase(display: bytes) -> bytes:
    """A display name that may stand before an angle address: as it is when it is a phrase already, else quoted. A bare
    "@" in it is what Graph answers ErrorSendAsDenied to."""
    if _PHRASE.fullmatch(display):
        return display
    return b'"' + _FOLD.sub(b"", display).replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def rewrite_from(raw: bytes, mailbox: str) -> bytes:
    """The section sent from `mailbox`: From names it and keeps its display name, Reply-To gets the original From where
    it has none, Sender goes (it would name somebody the mailbox may not send as). One From remains
    (RFC 5322 section 3.6)."""
    header = Header(raw)
    original = header.text(b"from")
    authors = mailboxes(original) if original else []
    if original and [author.address.lower() for author in authors] == [mailbox.lower()] and header.count(b"from") == 1:
        return header.without(b"sender") if header.has(b"sender") else raw
    display = _phrase(authors[0].display) + b" " if authors and authors[0].display else b""
    out = header.replaced(b"from", b"From: " + display + b"<" + mailbox.encode() + b">\r\n")
    header = Header(out)
    if header.has(b"sender"):
        header = Header(header.without(b"sender"))
    foreign = any("@" in author.address and author.address.lower() != mailbox.lower() for author in authors)
    if original and foreign and not header.has(b"reply-to"):
        return header.raw + b"Reply-To: " + original.lstrip(b" \t")
    return header.raw


def subject(header: Header, limit: int = 200) -> str:
    """The decoded Subject in one line, cut to `limit` characters; "" when there is none."""
    value = header.value(b"subject")
    return decode_text(value[:_SUBJECT])[:limit] if value else ""  # a codec may take the square of its input


def decode_text(value: bytes) -> str:
    """Unstructured text as people read it: encoded words (RFC 2047), raw UTF-8, and the raw 8-bit or ISO-2022-JP text
    that old devices send. Never raises; what cannot be decoded shows as U+FFFD."""
    text = _BETWEEN_WORDS.sub(r"\1", _raw_text(value))
    out: list[str] = []
    position, charset, octets = 0, "", b""
    for match in _WORD.finditer(text):
        word_charset = match[1].lower()
        if match.start() > position or word_charset != charset:  # adjacent words may share a character: join octets
            out += [_decode(octets, charset), text[position : match.start()]]
            octets = b""
        charset, position = word_charset, match.end()
        octets += _word_octets(match[2], match[3])
    out += [_decode(octets, charset), text[position:]]
    return printable("".join(out)).strip()


def printable(text: str) -> str:
    """`text` with a blank for each character that could move a cursor, end a line or hide."""
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


def _raw_text(value: bytes) -> str:
    if b"\x1b$" in value:
        return value.decode("iso2022_jp", "replace")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")


def _decode(octets: bytes, charset: str) -> str:
    if not octets:
        return ""
    try:
        return octets.decode(charset, "replace")
    except LookupError:
        return octets.decode("latin-1")
    except (UnicodeError, ValueError):  # a codec that is none for text
        return octets.decode("utf-8", "replace")


def _word_octets(encoding: str, text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return _HEX.sub(lambda match: bytes.fromhex(match[1].decode()), raw.replace(b"_", b" "))
    try:
        return binascii.a2b_base64(raw + b"=" * (-len(raw) % 4))
    except binascii.Error:
        return raw
