"""A message as the REST interface of Azure Communication Services is given it, read and written as MIME.

Leaves to others: who may send it (acs_rest). V: CommunicationServicesEmail.json 2025-09-01; contentId of attachments as
in azure-communication-email 1.1.0; reserved headers in concepts/email/email-headers.md, 2025-01-09.
Invariant: a property is either understood or refused by name; nothing that a recipient would see is passed over.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import policy
from email.headerregistry import Address as Parsed
from email.message import EmailMessage
from typing import Any

from mailferry.m365.attachments import documented_types
from mailferry.sandbox import acs_refusals as refusals
from mailferry.sandbox.acs_refusals import AcsRefused
from mailferry.sandbox.graph_mime import problem_of
from mailferry.sandbox.graph_store import Address
from mailferry.sandbox.hosts import mail_date

_IDENTITY = re.compile(r"<[^<>@\s]+@[^<>@\s]+\.[^<>@\s]+>\Z")
_NAME = re.compile(r"[!-9;-~]+\Z")
_RESERVED = "x-ms-acsemail-"
_PROPERTIES = "senderAddress content recipients headers attachments replyTo userEngagementTrackingDisabled"
#: Written by the service; a map that names them too would make two of each.
_OURS = frozenset({"from", "to", "cc", "bcc", "subject", "date", "reply-to", "mime-version", "content-type"})


@dataclass(frozen=True, slots=True)
class Attached:
    name: str
    kind: str
    content: bytes = field(repr=False)
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """One message. `headers` without the reserved ones; `message_id` with brackets, "" where the service makes one."""

    sender: str
    subject: str
    plain: str | None
    html: str | None
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    headers: tuple[tuple[str, str], ...]
    message_id: str
    attachments: tuple[Attached, ...] = field(repr=False, default=())

    @property
    def recipients(self) -> tuple[str, ...]:
        once = {one.address.lower(): one.address for one in (*self.to, *self.cc, *self.bcc)}
        return tuple(once.values())


def parse(value: Any, *, any_type: bool) -> Asked:
    """Read an EmailMessage. `any_type`: attachments of types that are not documented are taken. Raises AcsRefused."""
    message = _object(value, "The message")
    _only(message, "message", _PROPERTIES)
    content = _object(message.get("content"), "content")
    _only(content, "content", "subject plainText html")
    recipients = _object(message.get("recipients"), "recipients")
    _only(recipients, "recipients", "to cc bcc")
    if "to" not in recipients:
        raise _bad("recipients.to is required.")
    given = _object(message.get("headers") or {}, "headers")
    headers = {name: _text(text, f"headers.{name}") for name, text in given.items()}
    wishes = {name.lower(): text.strip().lower() == "true" for name, text in headers.items()}
    subject = content.get("subject")
    plain, html = _optional(content, "plainText"), _optional(content, "html")
    if not isinstance(subject, str) or not (plain or html):
        raise _bad("content needs a subject, and plainText or html.")
    asked = Asked(
        sender=_text(message.get("senderAddress"), "senderAddress"),
        subject=" ".join(subject.split()),
        plain=plain,
        html=html,
        to=_addresses(recipients, "to"),
        cc=_addresses(recipients, "cc"),
        bcc=_addresses(recipients, "bcc"),
        reply_to=_addresses(message, "replyTo"),
        headers=_headers(headers),
        message_id=_identity(headers, checked=wishes.get(f"{_RESERVED}validate-message-id", False)),
        attachments=_attachments(message.get("attachments") or [], wishes, any_type=any_type),
    )
    if not asked.recipients:
        raise _bad("At least one recipient is required.")
    return asked


def _bad(problem: str) -> AcsRefused:
    return AcsRefused(refusals.BODY, problem=problem)


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _bad(f"{name} must be an object.")
    return value


def _only(value: Mapping[str, Any], name: str, known: str) -> None:
    unknown = [key for key in value if key not in known.split()]
    if unknown:
        raise _bad(f"{name} has no property {unknown[0]}.")


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise _bad(f"{name} must be a string.")
    return value


def _optional(value: Mapping[str, Any], name: str) -> str | None:
    found = value.get(name)
    return None if found is None else _text(found, name)


def _addresses(value: Mapping[str, Any], name: str) -> tuple[Address, ...]:
    found = []
    for item in value.get(name) or []:
        entry = _object(item, f"An item of {name}")
        _only(entry, name, "address displayName")
        address = _text(entry.get("address"), "address").strip()
        if problem_of(address):
            raise AcsRefused(refusals.ADDRESS, address)
        found.append(Address(str(entry.get("displayName") or ""), address))
    return tuple(found)


def _headers(given: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    kept = []
    for name, text in given.items():
        if not _NAME.match(name) or name.lower() in _OURS:
            raise _bad(f"The header {name} is not allowed.")
        if not name.lower().startswith(_RESERVED) and name.lower() != "message-id":
            kept.append((name, " ".join(text.split())))
    return tuple(kept)


def _identity(given: Mapping[str, str], *, checked: bool) -> str:
    """The internet message ID of the customer: kept where it is valid, else removed or refused (V)."""
    identity = next((text.strip() for name, text in given.items() if name.lower() == "message-id"), "")
    if not identity or _IDENTITY.match(identity):
        return identity
    if checked:
        raise AcsRefused(refusals.MESSAGE_ID, identity)
    return ""


def _attachments(given: Any, wishes: Mapping[str, bool], *, any_type: bool) -> tuple[Attached, ...]:
    found: list[Attached] = []
    if not isinstance(given, list):
        raise _bad("attachments must be an array.")
    for item in given:
        entry = _object(item, "An attachment")
        _only(entry, "attachment", "name contentType contentInBase64 contentId")
        name, kind = _text(entry.get("name"), "name"), _text(entry.get("contentType"), "contentType")
        try:
            content = base64.b64decode(_text(entry.get("contentInBase64"), "contentInBase64"), validate=True)
        except binascii.Error as error:
            raise _bad(f"contentInBase64 of {name} is not base64.") from error
        if not any_type and kind.partition(";")[0].strip().lower() not in documented_types():
            if wishes.get(f"{_RESERVED}suppress-invalid-attachment"):
                continue
            raise AcsRefused(refusals.ATTACHMENT, name=name, type=kind)
        found.append(Attached(name, kind, content, _optional(entry, "contentId") or ""))
    ids = [one.content_id for one in found if one.content_id]
    twice = next((id for id in ids if ids.count(id) > 1), None)
    if twice and not wishes.get(f"{_RESERVED}ignore-duplicate-content-id"):
        raise AcsRefused(refusals.CONTENT_ID, id=twice)
    return tuple(found)


# -- MIME -------------------------------------------------------------------------------------------------------------


def render(asked: Asked, *, now: float, message_id: str) -> bytes:
    """The message as it leaves, without Bcc, CRLF throughout."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = Parsed(addr_spec=asked.sender)
    for name, listed in (("To", asked.to), ("Cc", asked.cc), ("Reply-To", asked.reply_to)):
        if listed:
            message[name] = tuple(Parsed(" ".join(one.name.split()), addr_spec=one.address) for one in listed)
    message["Subject"] = asked.subject
    message["Date"] = mail_date(now)
    identifiers = [f"Message-ID: {asked.message_id or message_id}"]
    for name, text in asked.headers:
        if name.lower() in ("references", "in-reply-to"):  # the library would fold long ones into encoded words
            identifiers.append(f"{name}: " + "\r\n ".join(text.split()))
        else:
            message[name] = text
    _fill(message, asked)
    return "".join(f"{line}\r\n" for line in identifiers).encode("ascii", "replace") + message.as_bytes()


def _fill(message: EmailMessage, asked: Asked) -> None:
    if asked.plain is not None:
        message.set_content(_lines(asked.plain), charset="utf-8")
    if asked.html is not None and asked.plain is not None:
        message.add_alternative(_lines(asked.html), subtype="html", charset="utf-8")
    elif asked.html is not None:
        message.set_content(_lines(asked.html), subtype="html", charset="utf-8")
    shown = message if not message.is_multipart() else list(message.iter_parts())[-1]
    assert isinstance(shown, EmailMessage)  # noqa: S101 - what the library makes
    for one in asked.attachments:
        if one.content_id:
            major, minor = _type(one.kind)
            cid = f"<{one.content_id.strip('<>')}>"
            shown.add_related(one.content, major, minor, cid=cid, filename=one.name, disposition="inline")
    for one in asked.attachments:
        if not one.content_id:
            major, minor = _type(one.kind)
            message.add_attachment(one.content, major, minor, filename=one.name)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _type(written: str) -> tuple[str, str]:
    """What may not be base64 (RFC 2046 sections 5.1, 5.2) goes as octets."""
    major, _, minor = written.partition(";")[0].strip().partition("/")
    if not major or not minor or major.lower() in ("multipart", "message"):
        return "application", "octet-stream"
    return major, minor
