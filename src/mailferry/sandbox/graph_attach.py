"""Attachments as JSON: file attachments in and out.

Leaves to others: upload sessions (graph_upload), MIME (graph_mime). Invariant: the content that is kept is the octets
that were encoded, all of them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from mailferry.clock import utc
from mailferry.sandbox import graph_errors as errors
from mailferry.sandbox.graph_errors import GraphRefused, not_implemented
from mailferry.sandbox.graph_store import Attachment

_FILE = "#microsoft.graph.fileAttachment"


def attachment_of(value: Any, now: float, id: str) -> Attachment:
    """Read a fileAttachment resource. Raises GraphRefused."""
    if not isinstance(value, Mapping):
        raise _invalid("An attachment must be an object.")
    kind = str(value.get("@odata.type", ""))
    if kind.lstrip("#").lower() != _FILE.lstrip("#").lower():
        if kind in ("#microsoft.graph.itemAttachment", "#microsoft.graph.referenceAttachment"):
            raise not_implemented(f"attachments of type {kind}")
        raise _invalid("An attachment needs '@odata.type': '#microsoft.graph.fileAttachment'.")
    name, content_id = value.get("name"), value.get("contentId")
    if not isinstance(name, str) or not name:
        raise _invalid("An attachment needs a name.")
    try:
        content = base64.b64decode("".join(str(value.get("contentBytes", "")).split()), validate=True)
    except binascii.Error as error:
        raise _invalid("Cannot convert the value of 'contentBytes' to the expected type 'Edm.Binary'.") from error
    return Attachment(
        id=id,
        name=name,
        content_type=str(value.get("contentType") or "application/octet-stream"),
        content=content,
        inline=bool(value.get("isInline", False)),
        content_id=str(content_id) if content_id else "",
        modified=now,
    )


def resource_of(attachment: Attachment, *, content: bool) -> dict[str, Any]:
    """The resource (V message-post-attachments.md, outlook-large-attachments.md)."""
    value: dict[str, Any] = {
        "@odata.type": _FILE,
        "@odata.mediaContentType": attachment.content_type,
        "id": attachment.id,
        "lastModifiedDateTime": f"{utc(attachment.modified):%Y-%m-%dT%H:%M:%SZ}",
        "name": attachment.name,
        "contentType": attachment.content_type,
        "size": len(attachment.content),
        "isInline": attachment.inline,
        "contentId": attachment.content_id or None,
        "contentLocation": None,
    }
    if content:
        value["contentBytes"] = base64.b64encode(attachment.content).decode()
    return value


def _invalid(problem: str) -> GraphRefused:
    return GraphRefused(errors.BODY_INVALID, problem=problem)
