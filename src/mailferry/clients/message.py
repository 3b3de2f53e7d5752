"""The signs that a message carries: its header section, and what the first server wrote into it.

Leaves to others: what they mean (recognise). Invariant: no input raises; only the header section is read, and only so
much of it as a real one has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailferry.clients.received import first_hop
from mailferry.clients.signs import Kind, Signs
from mailferry.mail.headers import Header, decode_text, fields_end
from mailferry.mail.mime import Part

#: Octets and fields that are read. Real header sections stay far below.
_SECTION, _FIELDS, _VALUE = 256 * 1024, 500, 4096
_LINE_END = re.compile(rb"\r\n|\r|\n")
_MBOX = re.compile(rb"\A>?+From [^\r\n]*+(?:\r\n|\r|\n)")
#: Fields that say who writes to whom, not what program it is.
_PERSONAL = frozenset((b"from", b"to", b"cc", b"bcc", b"reply-to", b"sender", b"return-path", b"delivered-to"))
_OWN = {b"x-mailer": Kind.X_MAILER, b"user-agent": Kind.USER_AGENT, b"message-id": Kind.MESSAGE_ID}


@dataclass(frozen=True, slots=True)
class Letter:
    """What a message shows. `fields` 0: it is no message."""

    signs: Signs
    address: str  # of the client, as the first server saw it
    fields: int


def read(data: bytes) -> Letter:
    """The signs of a whole message, or of as much as there is of one; line ends as they come."""
    section = _section(data)
    single: dict[str, str] = {}
    others: list[tuple[str, str]] = []
    received: list[str] = []
    count = 0
    for field in Header(section):
        name = field.name.lower()
        count += 1
        if count > _FIELDS or name in _PERSONAL:
            continue
        value = decode_text(field.value[:_VALUE])
        if name in _OWN:
            single.setdefault(_OWN[name].value, value)
        elif name == b"subject":
            single.setdefault("subject", value)
        else:
            others.append((field.name.decode("ascii"), value))
        if name == b"received":
            received.append(value)
    hop = first_hop(received)
    single |= {"ehlo": hop.ehlo, "hostname": hop.hostname, "tls": hop.tls, "boundary": _boundary(section)}
    return Letter(Signs.of(single, tuple(others)), hop.address, count)


def signs_of(data: bytes) -> Signs:
    """The signs of a message."""
    return read(data).signs


def _section(data: bytes) -> bytes:
    """The header section with CRLF, from the first field to the first line that belongs to none."""
    head = data[:_SECTION].removeprefix(b"\xef\xbb\xbf")
    head = _LINE_END.sub(b"\r\n", _MBOX.sub(b"", head)) + b"\r\n"
    return head[: fields_end(head)]


def _boundary(section: bytes) -> str:
    part = Part(section, 0)
    return part.parameter("boundary") if part.type.startswith("multipart/") else ""
