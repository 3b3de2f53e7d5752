"""How much a lane may send now: messages in any minute and hour, recipients in any 24 hours. Pure: time is handed in.

Leaves to others: connections and pauses (lanes), and keeping what was used (spool.record, spool.used).
Invariant: whenever the upstream counts an attempt between its start and its end, it never counts more than the limit
in any window. An attempt therefore holds its share from its start until one window after its end. What is known only
by its minute counts as used at that minute's end, and what lies in the future (the clock stepped back) as used now.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mailferry.routes.api import Limits
from mailferry.routes.window import PLENTY, Window
from mailferry.spool.api import UsedMinute

MINUTE = 60.0
HOUR = 3600.0
DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Free:
    """What may start now."""

    messages: int
    recipients: int


class Budget:
    """The windows of one lane."""

    __slots__ = ("_hourly", "_messages", "_recipients", "_whole", "limited")

    def __init__(self, limits: Limits) -> None:
        self.limited = bool(limits.messages_per_minute or limits.messages_per_hour or limits.recipients_per_day)
        self._whole = limits.whole
        self._messages = Window(limits.messages_per_minute, MINUTE, 0.0)
        self._hourly = Window(limits.messages_per_hour, HOUR, MINUTE)
        self._recipients = Window(limits.recipients_per_day, DAY, MINUTE)

    @property
    def granule(self) -> int:
        """Recipients that must be free before a message with more of them is sent in parts: one per cent of the day."""
        divisible = self._recipients.limit and not self._whole
        return max(1, self._recipients.limit // 100) if divisible else PLENTY

    def restore(self, used: Iterable[UsedMinute], now: float) -> None:
        """Count what an earlier run used; oldest first."""
        for minute in used:
            end = min((minute.minute + 1) * MINUTE, now)
            if end > now - MINUTE:
                self._messages.add(end, minute.messages)
            self._hourly.add(min(minute.minute * MINUTE, now), minute.messages)
            self._recipients.add(min(minute.minute * MINUTE, now), minute.recipients)

    def free(self, now: float) -> Free:
        return Free(min(self._messages.free(now), self._hourly.free(now)), self._recipients.free(now))

    def when(self, now: float, recipients: int) -> float:
        """The earliest time at which one message to `recipients` may start; infinite: when an attempt ends."""
        return max(self._messages.when(now, 1), self._hourly.when(now, 1), self._recipients.when(now, recipients))

    def start(self, recipients: int) -> None:
        """One message to `recipients` starts."""
        self._messages.flying += 1
        self._hourly.flying += 1
        self._recipients.flying += recipients

    def finish(self, recipients: int, at: float, *, used: bool) -> None:
        """It ended; `used` False when the upstream cannot have counted it."""
        self._messages.flying -= 1
        self._hourly.flying -= 1
        self._recipients.flying -= recipients
        if used:
            self._messages.add(at, 1)
            self._hourly.add(at, 1)
            self._recipients.add(at, recipients)
