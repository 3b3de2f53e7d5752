"""How much a lane may send now: messages in any minute and hour, recipients in any 24 hours. Pure: time is handed in.

Leaves to others: connections and pauses (lanes), and keeping what was used (spool.record, spool.used).
Invariant: whenever the upstream counts an attempt between its start and its end, it never counts more than the limit
in any window. An attempt therefore holds its share from its start until one window after its end. What is known only
by its minute counts as used at that minute's end, and what lies in the future (the clock stepped back) as used now.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from mailferry.routes.api import Limits
from mailferry.spool.api import UsedMinute

MINUTE = 60.0
HOUR = 3600.0
DAY = 86400.0

#: What an unlimited budget answers; larger than any claim.
PLENTY = 1 << 30


@dataclass(frozen=True, slots=True)
class Free:
    """What may start now."""

    messages: int
    recipients: int


class Window:
    """A sliding window: units in flight, and units that ended less than `length` seconds ago. 0 limits nothing."""

    __slots__ = ("_ended", "_grain", "_total", "flying", "length", "limit")

    def __init__(self, limit: int, length: float, grain: float) -> None:
        self.limit = limit
        self.length = length
        self.flying = 0
        self._grain = grain  # ends within one grain share an entry, which counts from the grain's end
        self._ended: deque[tuple[float, int]] = deque()
        self._total = 0

    def add(self, at: float, units: int) -> None:
        """Count units that ended at `at`."""
        if not self.limit or units <= 0:
            return
        if self._grain:
            at = (at // self._grain + 1) * self._grain
        if self._ended and self._ended[-1][0] >= at:
            at, before = self._ended.pop()
            units_here = before + units
        else:
            units_here = units
        self._ended.append((at, units_here))
        self._total += units

    def free(self, now: float) -> int:
        if not self.limit:
            return PLENTY
        self._settle(now)
        return self.limit - self._total - self.flying

    def when(self, now: float, units: int) -> float:
        """The earliest time at which `units` are free if nothing else starts; infinite while only the end of what is
        in flight can free them."""
        free = self.free(now)
        if free >= units:
            return now
        for at, ended in self._ended:
            free += ended
            if free >= units:
                return at + self.length
        return float("inf")

    def _settle(self, now: float) -> None:
        ended = self._ended
        while ended and ended[0][0] + self.length <= now:
            self._total -= ended.popleft()[1]
        latest = now + self._grain
        if ended and ended[-1][0] > latest:
            future = 0
            while ended and ended[-1][0] > latest:
                future += ended.pop()[1]
            ended.append((latest, future))


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
