"""Mail that this process has just stored, kept in memory so that delivering it at once reads nothing back.

Leaves to others: the truth (the database). Invariant: never more octets than `limit`; what is in it equals what was
committed, since a message and its body never change; losing an entry costs a read and nothing else.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from mailferry.mail.message import Message, MessageId

#: Octets counted for the objects of a message beside its body.
_OVERHEAD = 2048


class HotCache:
    """Messages and, where they are small, their bodies; the oldest go first. Any thread may use it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = Lock()
        self._entries: OrderedDict[MessageId, tuple[Message, bytes | None]] = OrderedDict()
        self.octets = 0

    def put(self, message: Message, data: bytes | None) -> None:
        cost = _OVERHEAD + len(data or b"")
        if cost > self._limit:
            return
        with self._lock:
            self._entries[message.id] = (message, data)
            self.octets += cost
            while self.octets > self._limit:
                self._count_off(self._entries.popitem(last=False)[1])

    def get(self, message: MessageId) -> tuple[Message, bytes | None] | None:
        return self._entries.get(message)

    def discard(self, message: MessageId) -> None:
        with self._lock:
            entry = self._entries.pop(message, None)
            if entry is not None:
                self._count_off(entry)

    def _count_off(self, entry: tuple[Message, bytes | None]) -> None:
        self.octets -= _OVERHEAD + len(entry[1] or b"")
