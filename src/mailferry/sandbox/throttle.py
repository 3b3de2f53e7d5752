"""The counters behind the published limits: connections, messages per minute, recipients per day.

Leaves to others: which limits hold (settings) and what is answered (submission). Invariant: what was refused was not
counted; every window slides with the clock that is handed in.
"""

from __future__ import annotations

from collections import deque

MINUTE = 60.0
DAY = 86_400.0


class Window:
    """A sum over a sliding span of time."""

    __slots__ = ("_entries", "_span", "_total")

    def __init__(self, span: float) -> None:
        self._span = span
        self._entries: deque[tuple[float, int]] = deque()
        self._total = 0

    def total(self, now: float) -> int:
        while self._entries and self._entries[0][0] <= now - self._span:
            self._total -= self._entries.popleft()[1]
        return self._total

    def wait(self, now: float, limit: int) -> float:
        """Seconds until one more is within `limit`; 0.0 where it is now."""
        excess = self.total(now) + 1 - limit
        for at, amount in self._entries:
            if excess <= 0:
                break
            excess -= amount
            if excess <= 0:
                return at + self._span - now
        return 0.0

    def add(self, now: float, amount: int) -> None:
        self._entries.append((now, amount))
        self._total += amount


class Throttles:
    """All counters of one sandbox; mailboxes by primary address."""

    def __init__(self) -> None:
        self._connections: dict[str, list[object]] = {}
        self._slots: dict[str, deque[float]] = {}
        self._recipients: dict[str, Window] = {}
        self._windows: dict[str, Window] = {}
        self.external = Window(DAY)

    def emptied(self) -> Throttles:
        """Fresh counters that still know the open connections."""
        fresh = Throttles()
        fresh._connections = self._connections
        return fresh

    def connect(self, mailbox: str, session: object) -> None:
        self._connections.setdefault(mailbox, []).append(session)

    def disconnect(self, mailbox: str, session: object) -> None:
        sessions = self._connections.get(mailbox, [])
        if session in sessions:
            sessions.remove(session)

    def too_many_connections(self, mailbox: str, session: object, limit: int) -> bool:
        """Whether `session` came after the first `limit` that are still open."""
        return bool(limit) and session not in self._connections.get(mailbox, [])[:limit]

    def slot(self, mailbox: str, now: float, limit: int) -> float:
        """When the next message of this minute budget may pass; `now` or later. Counts nothing."""
        slots = self._slots.get(mailbox)
        if not limit or slots is None or len(slots) < limit:
            return now
        return max(now, slots[-limit] + MINUTE)

    def take_slot(self, mailbox: str, at: float, limit: int) -> None:
        if not limit:
            return
        slots = self._slots.setdefault(mailbox, deque())
        slots.append(at)
        while len(slots) > limit:
            slots.popleft()

    def window(self, name: str, span: float) -> Window:
        """The sliding window of that name; the other services count in some."""
        return self._windows.setdefault(name, Window(span))

    def recipients(self, mailbox: str) -> Window:
        """Recipients of the last 24 hours."""
        return self._recipients.setdefault(mailbox, Window(DAY))
