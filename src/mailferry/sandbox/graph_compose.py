"""A message as its JSON says it: the documented properties of microsoft.graph.message that matter for sending.

Leaves to others: MIME (graph_mime), storing (graph_store). Invariant: a property is either understood, kept, or refused
by name; nothing that changes what a recipient sees is passed over in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mailferry.sandbox import graph_errors as errors
from mailferry.sandbox.graph_attach import attachment_of
from mailferry.sandbox.graph_errors import GraphRefused, not_implemented
from mailferry.sandbox.graph_store import Address, Attachment, Composed

#: MAPI properties that set threading headers: PidTagInReplyToId, PidTagInternetReferences (V MS-OXPROPS).
_EXTENDED = {"string 0x1042": "in_reply_to", "string 0x1039": "references"}

#: Kept and shown, without influence on what is sent.
_KEPT = frozenset({"categories", "flag", "inferenceClassification", "isRead", "sender"})

#: Sent back by clients that got them from the service; read only (V resources/message.md).
_READ_ONLY = frozenset(
    {"id", "createdDateTime", "lastModifiedDateTime", "changeKey", "receivedDateTime", "sentDateTime", "isDraft"}
    | {"hasAttachments", "bodyPreview", "parentFolderId", "conversationId", "conversationIndex", "webLink"}
)

_MAX_HEADERS = 5


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a JSON message said: changes to a Composed, and attachments."""

    changes: Mapping[str, Any]
    attachments: tuple[Attachment, ...]

    def onto(self, composed: Composed) -> Composed:
        return composed.changed(self.changes)


def parse(message: Any, now: float, new_id: Any) -> Parsed:
    """Read a message resource. Raises GraphRefused (400)."""
    if not isinstance(message, Mapping):
        raise _invalid("The message must be an object.")
    changes: dict[str, Any] = {}
    kept: dict[str, Any] = {}
    attachments: tuple[Attachment, ...] = ()
    for name, value in message.items():
        if name in _READERS:
            field, read = _READERS[name]
            changes[field] = read(name, value)
        elif name == "attachments":
            attachments = tuple(attachment_of(item, now, new_id()) for item in _list(name, value))
        elif name == "singleValueExtendedProperties":
            changes |= _extended(_list(name, value))
        elif name in _KEPT:
            kept[name] = value
        elif name not in _READ_ONLY and not name.startswith("@") and "@odata." not in name:
            raise _invalid(
                f"The property '{name}' does not exist on type 'microsoft.graph.message'. Make sure to only use"
                " property names that are defined by the type."
            )
    if kept:
        changes["kept"] = kept
    return Parsed(changes, attachments)


def flag(value: Any, name: str) -> bool:
    """A Boolean; its own example sends it as a string (V user-sendmail.md, example 1)."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise _invalid(f"Cannot convert the value of '{name}' to the expected type 'Edm.Boolean'.")


def _invalid(problem: str) -> GraphRefused:
    return GraphRefused(errors.BODY_INVALID, problem=problem)


def _list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _invalid(f"The value of '{name}' must be an array.")
    return value


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _invalid(f"Cannot convert the value of '{name}' to the expected type 'Edm.String'.")
    return value


def _address(name: str, value: Any) -> Address:
    inner = value.get("emailAddress") if isinstance(value, Mapping) else None
    if not isinstance(inner, Mapping):
        raise _invalid(f"A recipient of '{name}' must have an emailAddress.")
    return Address(_text(name, inner.get("name")), _text(name, inner.get("address")).strip())


def _addresses(name: str, value: Any) -> tuple[Address, ...]:
    return tuple(_address(name, item) for item in _list(name, value or []))


def _one_address(name: str, value: Any) -> Address | None:
    return None if value is None else _address(name, value)


def _body(name: str, value: Any) -> tuple[str, str]:
    if not isinstance(value, Mapping):
        raise _invalid(f"The value of '{name}' must be an itemBody.")
    kind = _text(name, value.get("contentType")).lower() or "text"
    if kind not in ("text", "html"):
        raise _invalid(f"Requested value '{kind}' was not found.")
    return kind, _text(name, value.get("content"))


def _importance(name: str, value: Any) -> str:
    text = _text(name, value).lower()
    if text not in ("low", "normal", "high"):
        raise _invalid(f"Requested value '{text}' was not found.")
    return text


def _headers(name: str, value: Any) -> tuple[tuple[str, str], ...]:
    headers = []
    for item in _list(name, value):
        if not isinstance(item, Mapping):
            raise _invalid("An internet message header must be an object.")
        header = _text(name, item.get("name"))
        if not header.lower().startswith("x-") or not header.isascii() or not all("!" <= c <= "~" for c in header):
            raise GraphRefused(errors.HEADER_NAME, name=header)
        if ":" in header:
            raise GraphRefused(errors.HEADER_NAME, name=header)
        headers.append((header, " ".join(_text(name, item.get("value")).split())))
    if len(headers) > _MAX_HEADERS:
        raise GraphRefused(errors.HEADER_COUNT)
    return tuple(headers)


def _extended(properties: list[Any]) -> dict[str, str]:
    changes = {}
    for item in properties:
        id = _text("id", item.get("id")) if isinstance(item, Mapping) else ""
        field = _EXTENDED.get(" ".join(id.lower().split()))
        if field is None:
            raise not_implemented(f"the extended property {id!r}")
        changes[field] = " ".join(_text("value", item.get("value")).split())
    return changes


#: Property: the field of Composed it sets, and how it is read.
_READERS: dict[str, tuple[str, Any]] = {
    "subject": ("subject", lambda name, value: " ".join(_text(name, value).split())),
    "body": ("body", _body),
    "toRecipients": ("to", _addresses),
    "ccRecipients": ("cc", _addresses),
    "bccRecipients": ("bcc", _addresses),
    "replyTo": ("reply_to", _addresses),
    "from": ("author", _one_address),
    "importance": ("importance", _importance),
    "internetMessageHeaders": ("headers", _headers),
    "internetMessageId": ("message_id", lambda name, value: "".join(_text(name, value).split())),
    "isReadReceiptRequested": ("read_receipt", lambda name, value: flag(value, name)),
    "isDeliveryReceiptRequested": ("delivery_receipt", lambda name, value: flag(value, name)),
}
