"""Drafts, their attachments and open upload sessions.

Leaves to others: reading JSON (graph_compose), sending (graph_submit). Invariant: a draft is replaced as a whole; an
upload session gives out its octets once, when they are complete.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Address:
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Attachment:
    id: str
    name: str
    content_type: str
    content: bytes = field(repr=False)
    inline: bool
    content_id: str
    modified: float


@dataclass(frozen=True, slots=True)
class Composed:
    """A message in parts. `author` is From, when it is not the mailbox."""

    subject: str = ""
    body: tuple[str, str] = ("text", "")  # "text" or "html", content
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    author: Address | None = None
    importance: str = "normal"
    headers: tuple[tuple[str, str], ...] = ()
    message_id: str = ""  # with angle brackets
    in_reply_to: str = ""
    references: str = ""
    read_receipt: bool = False
    delivery_receipt: bool = False
    kept: Mapping[str, Any] = field(default_factory=dict)

    @property
    def recipients(self) -> tuple[Address, ...]:
        return (*self.to, *self.cc, *self.bcc)

    def changed(self, changes: Mapping[str, Any]) -> Composed:
        """With some fields replaced; what is merely kept is added to."""
        kept = {**self.kept, **changes.get("kept", {})}
        return replace(self, **{**changes, "kept": kept})


@dataclass(frozen=True, slots=True)
class Draft:
    """`mime` is what a draft was made from, when that was MIME; `composed` is then only what is shown of it."""

    id: str
    box: str
    client_id: str
    created: float
    modified: float
    version: int
    composed: Composed
    attachments: tuple[Attachment, ...] = ()
    mime: bytes | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """Octets of content, before encoding."""
        own = len(self.mime) if self.mime is not None else len(self.composed.body[1].encode())
        return own + sum(len(attachment.content) for attachment in self.attachments)


@dataclass(slots=True)
class Upload:
    """An upload session: what is still to come of one attachment."""

    id: str
    key: str = field(repr=False)
    draft: str
    box: str
    client_id: str
    name: str
    content_type: str
    size: int
    inline: bool
    content_id: str
    expires: float
    received: bytearray = field(default_factory=bytearray, repr=False)


class GraphStore:
    """All drafts and upload sessions of one sandbox."""

    def __init__(self) -> None:
        self._drafts: dict[str, Draft] = {}
        self._uploads: dict[str, Upload] = {}
        self._serial = itertools.count(1)

    def new_id(self, kind: str) -> str:
        """An opaque id of the length and look of the service's."""
        number = next(self._serial).to_bytes(6, "big")
        return base64.urlsafe_b64encode(b"\x00\x03\x28sandbox-" + kind.encode() + number).decode()

    def put(self, draft: Draft) -> Draft:
        self._drafts[draft.id] = draft
        return draft

    def get(self, id: str, box: str) -> Draft | None:
        draft = self._drafts.get(id)
        return draft if draft is not None and draft.box == box.lower() else None

    def remove(self, id: str) -> None:
        """The draft, and the uploads to it."""
        self._drafts.pop(id, None)
        for upload in [u for u in self._uploads.values() if u.draft == id]:
            del self._uploads[upload.id]

    def of(self, box: str) -> list[Draft]:
        return [draft for draft in self._drafts.values() if draft.box == box.lower()]

    def __iter__(self) -> Iterator[Draft]:
        return iter(self._drafts.values())

    def __len__(self) -> int:
        return len(self._drafts)

    def open(self, upload: Upload) -> Upload:
        self._uploads[upload.id] = upload
        return upload

    def upload(self, id: str, now: float) -> Upload | None:
        """The session, unless it has expired."""
        upload = self._uploads.get(id)
        if upload is not None and now >= upload.expires:
            del self._uploads[id]
            return None
        return upload

    def close(self, id: str) -> None:
        self._uploads.pop(id, None)

    def clear(self) -> None:
        self._drafts.clear()
        self._uploads.clear()
