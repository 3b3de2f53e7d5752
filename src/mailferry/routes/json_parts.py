"""What the JSON forms of a message have in common: readable text, names, importance.

Leaves to others: each service's resource (graph_json, acs_json). Pure, but for reading the stored message.
Invariant: text is decoded strictly or not at all.
"""

from __future__ import annotations

import mimetypes

from mailferry.mail.body import Body
from mailferry.mail.fidelity import Attachment
from mailferry.mail.headers import Header, Mailbox, decode_text
from mailferry.mail.mime import Part, content

#: What devices call by the name of its smaller relative.
_WIDER = {"shift_jis": "cp932", "sjis": "cp932", "iso-2022-jp": "iso2022_jp_ext", "gb2312": "gb18030"}
_HIGH = frozenset({"high", "urgent", "1", "2"})
_LOW = frozenset({"low", "non-urgent", "4", "5"})


class Undecodable(Exception):
    """The text is not in the charset that it names."""


async def decoded(body: Body, part: Part) -> str:
    """The text of a leaf. Raises Undecodable and BodyGone."""
    data = b"".join([piece async for piece in content(body, part)])
    charset = part.charset or "utf-8"
    for name in (charset if charset != "us-ascii" else "utf-8", _WIDER.get(charset, "")):
        if not name:
            continue
        try:
            return data.decode(name)
        except (LookupError, ValueError):
            continue
    raise Undecodable(f"its text is not {charset}, as it says")


def display_name(one: Mailbox) -> str:
    """The name of a mailbox as people read it."""
    phrase = one.display.strip()
    if len(phrase) > 1 and phrase.startswith(b'"') and phrase.endswith(b'"'):
        phrase = phrase[1:-1].replace(b'\\"', b'"').replace(b"\\\\", b"\\")
    return decode_text(phrase)


def address_of(one: Mailbox) -> str:
    return one.address.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def importance(header: Header) -> str:
    """high, normal or low."""
    for name in (b"importance", b"x-priority", b"priority", b"x-msmail-priority"):
        words = (header.value(name) or b"").decode("ascii", "replace").lower().split()
        if words and words[0] in _HIGH:
            return "high"
        if words and words[0] in _LOW:
            return "low"
    return "normal"


def attachment_name(one: Attachment, number: int) -> str:
    """Its own name, or one that says what it is: the services want one."""
    extension = mimetypes.guess_extension(one.part.type) or ".bin"
    return one.part.filename or f"attachment-{number}{extension}"
