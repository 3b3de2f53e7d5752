"""microsoft.graph.message as JSON, from a stored message or a draft.

Leaves to others: choosing which (graph_read). Invariant: a property is computed only when it is asked for, so that a
search by Message-ID over thousands of messages parses none of them.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from html import escape
from typing import Any

from mailferry.clock import utc
from mailferry.sandbox import graph_errors as errors
from mailferry.sandbox.graph_errors import GraphRefused
from mailferry.sandbox.graph_mime import addresses, header_text
from mailferry.sandbox.graph_store import Address, Draft
from mailferry.sandbox.graph_submit import own_address
from mailferry.sandbox.mailbox import Folder, Message
from mailferry.sandbox.tenant import Mailbox

TYPE = "microsoft.graph.message"

#: Well-known names and what they hold here; the others are always empty (V resources/mailfolder.md).
FOLDERS: Mapping[str, Folder | None] = {
    "inbox": Folder.INBOX,
    "sentitems": Folder.SENT,
    "drafts": None,
}
EMPTY_FOLDERS = frozenset({"archive", "deleteditems", "junkemail", "outbox"})


def message_id_of(stored: str) -> str:
    """The opaque id of a stored message; url-safe, but with the "=" that real ones have."""
    return base64.urlsafe_b64encode(b"\x00\x03\x28sandbox-stored" + stored.encode() + b"\x00\x00").decode()


def stored_id(id: str) -> str:
    """The store's id behind an opaque one, or "" for any other text."""
    try:
        raw = base64.urlsafe_b64decode(id)
    except ValueError:
        return ""
    return raw[len(b"\x00\x03\x28sandbox-stored") : -2].decode("ascii", "replace")


def stamp(at: float) -> str:
    return f"{utc(at):%Y-%m-%dT%H:%M:%SZ}"


class Item:
    """One message of a mailbox. `text_body`: the Prefer header asked for text."""

    def __init__(self, mailbox: Mailbox, source: Message | Draft, *, text_body: bool = False) -> None:
        self._mailbox = mailbox
        self._source = source
        self._text_body = text_body
        self._message = source if isinstance(source, Message) else None
        self._draft = source if isinstance(source, Draft) else None

    @property
    def id(self) -> str:
        return message_id_of(self._source.id) if isinstance(self._source, Message) else self._source.id

    @property
    def at(self) -> float:
        return self._source.received.at if isinstance(self._source, Message) else self._source.modified

    @property
    def raw(self) -> bytes | None:
        """The octets, trace headers included; None for a draft in parts."""
        return self._source.delivered if isinstance(self._source, Message) else self._source.mime

    @cached_property
    def _parsed(self) -> EmailMessage:
        return message_from_bytes(self.raw or b"", policy=policy.default)

    def look(self, path: str) -> Any:
        """A property by its path, names in any case."""
        value: Any = None
        for step, name in enumerate(path.split("/")):
            if step == 0:
                value = self._read(name)
            else:
                value = next((v for k, v in value.items() if k.lower() == name.lower()), None) if value else None
        return value

    def resource(self, select: list[str] | None) -> dict[str, Any]:
        names = _DEFAULT if select is None else ["id", *(n for n in select if n.lower() != "id")]
        version = self._draft.version if self._draft else 1
        value: dict[str, Any] = {"@odata.etag": f'W/"{_key(self.id, version)}"'}
        for name in names:
            value[_LOWER.get(name.lower(), name)] = self._read(name)
        return value

    def extended(self, wanted: bool) -> dict[str, Any]:
        """PidTagMessageClass (MS-OXPROPS, 0x001A), as $expand=singleValueExtendedProperties shows it."""
        report = self._message is not None and self._message.received.surface == "report"
        value = "REPORT.IPM.Note.NDR" if report else "IPM.Note"
        return {"singleValueExtendedProperties": [{"id": "String 0x1a", "value": value}]} if wanted else {}

    def _read(self, name: str) -> Any:
        reader = _READERS.get(_LOWER.get(name.lower(), ""))
        if reader is None:
            raise GraphRefused(errors.UNKNOWN_PROPERTY, name=name, type=TYPE)
        return reader(self)

    # Properties

    def subject(self) -> str:
        if self._draft is not None:
            return self._draft.composed.subject
        return str(self._parsed.get("Subject") or "")

    def internet_message_id(self) -> str:
        if self._draft is not None:
            return self._draft.composed.message_id
        return f"<{self._message.received.message_id}>" if self._message else ""

    def _listed(self, field: str, header: str) -> list[dict[str, Any]]:
        if self._draft is not None:
            return [_recipient(one) for one in getattr(self._draft.composed, field)]
        return [_recipient(one) for one in addresses(self.raw or b"", header)]

    def author(self) -> dict[str, Any] | None:
        if self._draft is not None:
            return _recipient(self._draft.composed.author or own_address(self._mailbox))
        return next(iter(self._listed("", "From")), None)

    def sender(self) -> dict[str, Any] | None:
        if self._draft is not None:
            return _recipient(own_address(self._mailbox))
        return next(iter(self._listed("", "Sender")), None) or self.author()

    def importance(self) -> str:
        if self._draft is not None:
            return self._draft.composed.importance
        return (header_text(self.raw or b"", "Importance") or "normal").lower()

    def body(self) -> dict[str, str]:
        kind, content = self._draft.composed.body if self._draft is not None else self._body_of_mime()
        if self._text_body or kind == "html":
            return {"contentType": kind if not self._text_body else "text", "content": content}
        return {"contentType": "html", "content": f"<html><body><pre>{escape(content)}</pre></body></html>"}

    def _body_of_mime(self) -> tuple[str, str]:
        try:
            part = self._parsed.get_body(preferencelist=("plain",) if self._text_body else ("html", "plain"))
            if part is None:
                return "text", ""
            return "html" if part.get_content_subtype() == "html" else "text", str(part.get_content())
        except (LookupError, ValueError, AttributeError, TypeError):  # what the library can not decode
            return "text", ""

    def preview(self) -> str:
        kind, content = self._draft.composed.body if self._draft is not None else self._body_of_mime()
        return "" if kind == "html" else " ".join(content.split())[:255]

    def has_attachments(self) -> bool:
        if self._draft is not None and self._draft.mime is None:
            return any(not attachment.inline for attachment in self._draft.attachments)
        return any(part.get_content_disposition() == "attachment" for part in self._parsed.walk())

    def internet_headers(self) -> list[dict[str, str]]:
        if self._draft is not None and self._draft.mime is None:
            return [{"name": name, "value": value} for name, value in self._draft.composed.headers]
        return [{"name": name, "value": " ".join(str(value).split())} for name, value in self._parsed.items()]

    def folder(self) -> str:
        name = "drafts" if self._message is None else "inbox" if self._message.folder is Folder.INBOX else "sentitems"
        return base64.urlsafe_b64encode(f"\0\3(folder-{name}-{self._mailbox.address}".encode()).decode()

    def kept(self, name: str, default: Any) -> Any:
        return self._draft.composed.kept.get(name, default) if self._draft is not None else default

    def receipt(self, field: str, header: str) -> bool:
        if self._draft is not None:
            return bool(getattr(self._draft.composed, field))
        return header_text(self.raw or b"", header) is not None


def _key(id: str, version: int) -> str:
    return base64.b64encode(f"{id[-16:]}{version}".encode()).decode()


def _recipient(one: Address) -> dict[str, Any]:
    return {"emailAddress": {"name": one.name or one.address, "address": one.address}}


_READERS: Mapping[str, Callable[[Item], Any]] = {
    "id": lambda i: i.id,
    "createdDateTime": lambda i: stamp(i._draft.created if i._draft else i.at),
    "lastModifiedDateTime": lambda i: stamp(i.at),
    "changeKey": lambda i: _key(i.id, i._draft.version if i._draft else 1),
    "categories": lambda i: i.kept("categories", []),
    "receivedDateTime": lambda i: stamp(i.at),
    "sentDateTime": lambda i: stamp(i.at),
    "hasAttachments": Item.has_attachments,
    "internetMessageId": Item.internet_message_id,
    "subject": Item.subject,
    "bodyPreview": Item.preview,
    "importance": Item.importance,
    "parentFolderId": Item.folder,
    "conversationId": lambda i: _key(i.internet_message_id(), 0),
    "isDeliveryReceiptRequested": lambda i: i.receipt("delivery_receipt", "Return-Receipt-To"),
    "isReadReceiptRequested": lambda i: i.receipt("read_receipt", "Disposition-Notification-To"),
    "isRead": lambda i: i.kept("isRead", i._message is None or i._message.folder is Folder.SENT),
    "isDraft": lambda i: i._draft is not None,
    "inferenceClassification": lambda i: i.kept("inferenceClassification", "focused"),
    "body": Item.body,
    "sender": Item.sender,
    "from": Item.author,
    "toRecipients": lambda i: i._listed("to", "To"),
    "ccRecipients": lambda i: i._listed("cc", "Cc"),
    "bccRecipients": lambda i: i._listed("bcc", "Bcc"),
    "replyTo": lambda i: i._listed("reply_to", "Reply-To"),
    "flag": lambda i: i.kept("flag", {"flagStatus": "notFlagged"}),
    "internetMessageHeaders": Item.internet_headers,
}
#: V user-post-messages.md: internet message headers are not returned unless they are asked for.
_DEFAULT = [name for name in _READERS if name != "internetMessageHeaders"]


_LOWER = {name.lower(): name for name in _READERS}
