"""Message Center exports: the JSON of Microsoft Graph (serviceAnnouncement/messages) and of the older service API.

Leaves to others: the HTML of a message's body (page). Invariant: a file that is no export is answered with None; a
message of it without body is left out.
Source: learn.microsoft.com/graph/api/resources/serviceupdatemessage, read 2026-11-24.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from mailferry.bulletin.unwrap import Inside, looks_like_html

PUBLISHER = "Microsoft 365 Message Center"
_ID = re.compile(r"^MC\d{4,8}$", re.IGNORECASE)


def messages(text: str) -> tuple[Inside, ...] | None:
    """The messages of an export in its order, or None where `text` is none."""
    stripped = text.lstrip("\ufeff \t\r\n")
    if not stripped.startswith(("{", "[")):
        return None
    try:
        value = json.loads(stripped)
    except (ValueError, RecursionError):
        return None
    found = tuple(inside for entry in _entries(value) if (inside := _message(entry)) is not None)
    return found or None


def _entries(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and not _is_message(value):
        value = next((value[key] for key in ("value", "Messages", "messages", "items") if key in value), [])
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, dict) and _is_message(entry):
            yield entry


def _is_message(entry: dict[str, Any]) -> bool:
    return _ID.match(str(_get(entry, "id", "Id", "ID") or "")) is not None


def _get(entry: dict[str, Any], *keys: str) -> Any:
    return next((entry[key] for key in keys if entry.get(key)), None)


def _message(entry: dict[str, Any]) -> Inside | None:
    body = _get(entry, "body", "Body")
    content = _get(body, "content", "Content") if isinstance(body, dict) else body
    if not isinstance(content, str):
        parts = _get(entry, "Messages", "messages")
        content = _newest(parts) if isinstance(parts, list) else None
    if not isinstance(content, str) or not content.strip():
        return None
    when = _get(entry, "lastModifiedDateTime", "LastUpdatedTime", "startDateTime", "StartTime", "Last Updated")
    title = str(_get(entry, "title", "Title", "Subject") or _get(entry, "id", "Id", "ID"))
    return Inside(content, looks_like_html(content), title, PUBLISHER, str(when or ""))


def _newest(parts: list[Any]) -> str | None:
    """The older API keeps every revision of the text; the newest is in force."""
    dated = [part for part in parts if isinstance(part, dict) and isinstance(part.get("MessageText"), str)]
    newest = max(dated, key=lambda part: str(part.get("PublishedTime", "")), default=None)
    return newest["MessageText"] if newest else None
