"""MIME in both directions: a composed message rendered, and the few header lines of a given one that sending touches.

Leaves to others: who may send as whom (graph_submit). Invariant: of MIME that was handed in nothing changes but line
ends that were none (RFC 5322 section 2.3), Bcc and, where it must, From (V outlook-things-to-know-about-send-mail.md:
"copies the MIME content more or less intact").
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from email import policy
from email.errors import MessageError
from email.headerregistry import Address as Parsed
from email.headerregistry import HeaderRegistry
from email.message import EmailMessage

from mailferry.sandbox.graph_store import Address, Attachment, Composed
from mailferry.sandbox.hosts import mail_date
from mailferry.sandbox.mailbox import header_block

_REGISTRY = HeaderRegistry()
_BARE = re.compile(rb"\r\n|\r|\n")
_FIELD = re.compile(rb"(?m)^[!-9;-~]+[ \t]*:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*(?:\r\n|\Z)")
_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+\Z")


# MIME that was handed in


def canonical(raw: bytes) -> bytes:
    """Every line end as CRLF; the documented example itself has bare LF (V user-sendmail.md, example 4)."""
    return raw if raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r") else _BARE.sub(b"\r\n", raw)


def addresses(raw: bytes, *names: str) -> list[Address]:
    """The mailboxes of these headers, in the order written; groups opened, duplicates kept."""
    wanted = {name.lower().encode() for name in names}
    found: list[Address] = []
    for name, value in _fields(header_block(raw)):
        if name in wanted:
            found += parse_addresses(value)
    return found


def parse_addresses(text: str) -> list[Address]:
    """The mailboxes of an address list; what cannot be read is left out."""
    try:
        parsed: tuple[Parsed, ...] = getattr(_REGISTRY("To", text), "addresses", ())
    except (MessageError, ValueError, IndexError, AttributeError, TypeError):  # the library stumbles over some input
        return []
    return [Address(one.display_name, one.addr_spec) for one in parsed if one.username and one.domain]


def header_text(raw: bytes, name: str) -> str | None:
    """The first header of that name, unfolded, as it stands."""
    return next((value for n, value in _fields(header_block(raw)) if n == name.lower().encode()), None)


def without_bcc(raw: bytes) -> bytes:
    return _edited(raw, {b"bcc", b"resent-bcc"}, b"")


def with_from(raw: bytes, address: Address) -> bytes:
    """From replaced, or put in front where there was none."""
    line = b"From: " + _written("From", [address]) + b"\r\n"
    return line + _edited(raw, {b"from"}, b"")


def _fields(block: bytes) -> Iterable[tuple[bytes, str]]:
    for match in _FIELD.finditer(block):
        name, _, value = match[0].partition(b":")
        text = re.sub(rb"\r\n(?=[ \t])", b"", value).decode("utf-8", "replace")
        yield name.strip().lower(), " ".join(text.split("\r\n")).strip()


def _edited(raw: bytes, names: set[bytes], instead: bytes) -> bytes:
    block = header_block(raw)

    def edit(match: re.Match[bytes]) -> bytes:
        return instead if match[0].partition(b":")[0].strip().lower() in names else match[0]

    return _FIELD.sub(edit, block) + raw[len(block) :]


# A message in parts


def problem_of(address: str) -> bool:
    """Whether a recipient can not be resolved."""
    try:
        parsed = Parsed(addr_spec=address)
    except (MessageError, ValueError, IndexError):
        return True
    return not (address.isascii() and parsed.username and parsed.domain)


def bcc_line(bcc: Iterable[Address]) -> bytes:
    """What the sender's own copy has in front."""
    listed = list(bcc)
    return b"Bcc: " + _written("Bcc", listed) + b"\r\n" if listed else b""


def render(
    composed: Composed,
    attachments: Iterable[Attachment],
    *,
    author: Address,
    sender: Address | None,
    now: float,
    message_id: str,
) -> bytes:
    """The message without Bcc, CRLF throughout."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = _parsed(author)
    if sender is not None:
        message["Sender"] = _parsed(sender)
    for name, listed in (("To", composed.to), ("Cc", composed.cc), ("Reply-To", composed.reply_to)):
        if listed:
            message[name] = tuple(_parsed(one) for one in listed)
    message["Subject"] = composed.subject
    message["Date"] = mail_date(now)
    if composed.importance != "normal":
        message["Importance"] = composed.importance
    if composed.read_receipt:
        message["Disposition-Notification-To"] = author.address
    if composed.delivery_receipt:
        message["Return-Receipt-To"] = author.address
    for name, value in composed.headers:
        message[name] = value
    _fill(message, composed, list(attachments))
    return _identifiers(composed, message_id) + message.as_bytes()


def _fill(message: EmailMessage, composed: Composed, attachments: list[Attachment]) -> None:
    kind, content = composed.body
    text = content.replace("\r\n", "\n").replace("\r", "\n")
    message.set_content(text, subtype="html" if kind == "html" else "plain", charset="utf-8")
    inline = [a for a in attachments if a.inline and a.content_id]
    for attachment in inline:
        major, minor = _type(attachment.content_type)
        cid = f"<{attachment.content_id.strip('<>')}>"
        message.add_related(attachment.content, major, minor, cid=cid, filename=attachment.name, disposition="inline")
    for attachment in attachments:
        if attachment not in inline:
            major, minor = _type(attachment.content_type)
            message.add_attachment(attachment.content, major, minor, filename=attachment.name)


def _identifiers(composed: Composed, message_id: str) -> bytes:
    """Written by hand: the library folds long ones into encoded words, which RFC 2047 section 5 forbids."""
    lines = [f"Message-ID: {message_id}"]
    if composed.in_reply_to:
        lines.append(f"In-Reply-To: {composed.in_reply_to}")
    if composed.references:
        lines.append("References: " + "\r\n ".join(composed.references.split()))
    return "".join(f"{line}\r\n" for line in lines).encode("ascii", "replace")


def _type(written: str) -> tuple[str, str]:
    """Major and minor; what may not be base64 (RFC 2046 sections 5.1, 5.2) or is no type goes as octets."""
    plain = written.partition(";")[0].strip()
    if not _TYPE.match(plain) or plain.lower().startswith(("multipart/", "message/")):
        return "application", "octet-stream"
    major, _, minor = plain.partition("/")
    return major, minor


def _parsed(address: Address) -> Parsed:
    return Parsed(display_name=" ".join(address.name.split()), addr_spec=address.address)


def _written(name: str, listed: list[Address]) -> bytes:
    """The value of an address header, encoded and folded."""
    message = EmailMessage(policy=policy.SMTP)
    message[name] = tuple(_parsed(one) for one in listed)
    return message.as_bytes().partition(b"\r\n\r\n")[0].partition(b":")[2].strip()
