"""What arrived: messages byte for byte as they were received, the service's own trace headers kept apart.
By Graph there is no envelope: what is stored is the message as it left, without Bcc and with the mailbox's own From.

Leaves to others: who may send (decide) and where a recipient is (submission). Invariant: `raw` is never touched, so a
test can compare it with what a client sent.
"""

from __future__ import annotations

import itertools
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class Folder(StrEnum):
    INBOX = "Inbox"
    SENT = "Sent Items"
    EXTERNAL = "External"  # left the organisation; the box is the recipient's address


@dataclass(frozen=True, slots=True)
class Received:
    """How a message came in; shared by all its copies."""

    surface: str  # "smtp", "smtp-legacy", "graph", "report"
    at: float
    sender: str  # envelope, "" for the null reverse path
    recipients: tuple[str, ...]  # the whole envelope
    user: str  # the mailbox that was logged in
    mechanism: str  # "LOGIN", "XOAUTH2", "Graph"
    client_id: str  # of the token's application, or ""
    session: str
    remote: str
    tls: str  # "TLSv1.3", or ""
    queue_id: str
    message_id: str  # without angle brackets


@dataclass(frozen=True, slots=True)
class Message:
    """One copy in one folder."""

    id: str
    box: str
    folder: Folder
    received: Received
    trace: tuple[str, ...]  # header lines the service put before it
    raw: bytes = field(repr=False)

    @property
    def delivered(self) -> bytes:
        """As a mail program would see it: trace headers, then what was received."""
        head = "".join(f"{line}\r\n" for line in self.trace)
        return head.encode("utf-8", "surrogateescape") + self.raw


class MailStore:
    """All folders of all boxes."""

    def __init__(self) -> None:
        self._messages: OrderedDict[str, Message] = OrderedDict()
        self._serial = itertools.count(1)
        self.accepted = 0  # submissions answered 250 or 202
        self.dropped = 0  # copies forgotten because of `keep`

    def add(
        self, box: str, folder: Folder, received: Received, trace: tuple[str, ...], raw: bytes, *, keep: int
    ) -> Message:
        message = Message(f"{next(self._serial):07d}", box.lower(), folder, received, trace, raw)
        self._messages[message.id] = message
        while len(self._messages) > keep:
            self._messages.popitem(last=False)
            self.dropped += 1
        return message

    def get(self, id: str) -> Message | None:
        return self._messages.get(id)

    def __iter__(self) -> Iterator[Message]:
        return iter(self._messages.values())

    def __len__(self) -> int:
        return len(self._messages)

    def find(
        self, *, box: str | None = None, folder: Folder | None = None, message_id: str | None = None
    ) -> list[Message]:
        """Messages in the order of arrival."""
        return [
            m
            for m in self._messages.values()
            if (box is None or m.box == box.lower())
            and (folder is None or m.folder is folder)
            and (message_id is None or m.received.message_id == message_id.strip("<>"))
        ]

    def boxes(self) -> dict[str, dict[Folder, int]]:
        """Counts per box and folder."""
        counts: dict[str, dict[Folder, int]] = {}
        for message in self._messages.values():
            folders = counts.setdefault(message.box, {})
            folders[message.folder] = folders.get(message.folder, 0) + 1
        return counts

    def clear(self) -> None:
        self._messages.clear()
        self.accepted = self.dropped = 0


def header_block(raw: bytes) -> bytes:
    """The header section with its last CRLF; everything when there is no body."""
    if raw.startswith(b"\r\n"):
        return b""
    end = raw.find(b"\r\n\r\n")
    return raw if end < 0 else raw[: end + 2]


def header(block: bytes, name: str) -> str | None:
    """The first header of that name, unfolded, or None."""
    match = re.search(rb"(?im)^" + name.encode() + rb":[ \t]*([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", block)
    if match is None:
        return None
    return re.sub(rb"\r\n(?=[ \t])", b"", match[1]).decode("utf-8", "replace").strip()
