"""How many outside recipients a tenant may write to: in 24 hours, of them from onmicrosoft.com addresses, and how fast
what is left of a day is spent. Pure: time is handed in.

Leaves to others: the figures (m365.limits), which recipients are outside (external), refusals (closure).
Invariants: what Microsoft may have counted of ours is counted here, so that no more than the limit is in any 24 hours;
what goes above the share `pace` of it goes at a pace at which what is left is never used up within hours.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from mailferry.delivery.budget import DAY, HOUR, MINUTE
from mailferry.routes.window import PLENTY, Window

#: The part of the limit from which on it is told, and the time before the limit at the pace of the last hour.
NEAR, _AHEAD = 0.8, 4 * HOUR
#: Seconds over which what is left is spread. It shrinks as it is used, and so does the pace.
_SPREAD = 4 * HOUR
#: Seconds ahead for which places are given away; what comes later asks again then, for by then more may be free.
_HORIZON = HOUR
#: Seconds between two that wait while nothing paces them.
_GAP = 0.02
#: A place that nobody came for is given up after so many seconds.
_LATE = 600.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """`used` in the last 24 hours of `limit`, 0: not known; `full` when the limit is met at the pace of the last hour,
    None: not; `paced` while what is left is spread."""

    tenant: str
    used: int
    limit: int
    full: float | None
    paced: bool = False

    def near(self, now: float) -> bool:
        return bool(self.limit) and (
            self.used >= self.limit * NEAR or (self.full is not None and self.full - now <= _AHEAD)
        )


class Quota:
    """One tenant's. `limit` 0: not known; `own` the limit of onmicrosoft.com addresses; `pace` 1: not paced."""

    def __init__(self, name: str, limit: int, own: int = 0, pace: float = 1.0) -> None:
        self.name = name
        self.limit = limit
        self._day = Window(limit, DAY, MINUTE)
        self._hour = Window(limit, HOUR, MINUTE)
        self._own = Window(own, DAY, MINUTE)
        self._freely = limit - int(limit * pace)  # what is left when the pace begins
        self._next = 0.0  # the first place that nobody has
        self._places: OrderedDict[Hashable, float] = OrderedDict()

    def add(self, at: float, recipients: int, now: float, *, own: bool = False) -> None:
        """Count what was sent at `at`."""
        if at > now - DAY:
            self._day.add(at, recipients)
            if own:
                self._own.add(at, recipients)
        if at > now - HOUR:
            self._hour.add(at, recipients)

    def take(self, key: Hashable, wanted: int, now: float, *, whole: bool, own: bool = False) -> int:
        """How many of `wanted` outside recipients of the message `key` may be written to now; they are reserved until
        done(). `whole`: all or none."""
        free = self._day.free(now)
        self._next = min(self._next, now + _SPREAD + _HORIZON)  # the clock stepped back
        if self._paced(free) and now < self._places.get(key, self._next):
            return 0
        able = min(free, self._own.free(now)) if own else free
        if able < self._least(wanted, whole, own):
            return 0
        number = wanted if whole else min(wanted, able)
        if self._places.pop(key, None) is None and self._paced(free - number):
            self._next = max(self._next, now) + self._gap(number, free - number)
        self._day.flying += number
        self._own.flying += number if own else 0
        return number

    def done(self, taken: int, sent: int, now: float, *, own: bool = False) -> None:
        """Of what was taken, `sent` may have been counted by Microsoft."""
        self._day.flying -= taken
        self._own.flying -= taken if own else 0
        self.add(now, sent, now, own=own)

    def place(self, key: Hashable, wanted: int, now: float, since: float, *, whole: bool, own: bool = False) -> float:
        """When to ask again for a message that may not go now, nor before `since`."""
        while self._places and next(iter(self._places.values())) < now - _LATE:
            self._places.popitem(last=False)
        least, free = self._least(wanted, whole, own), self._day.free(now)
        when = max(now, since, self._day.when(now, least), self._own.when(now, least) if own else now)
        if when == float("inf"):  # the end of what is under way decides
            return now + MINUTE
        at = max(when, self._next)
        if at - now > _HORIZON:
            return now + _HORIZON
        if not self._paced(free):
            self._next = at + _GAP
            return max(at, now + 1.0)
        self._next = at + self._gap(wanted, free - len(self._places))
        self._places.pop(key, None)
        self._places[key] = at
        return max(at, now + 1.0)

    def forecast(self, now: float) -> Forecast:
        if not self.limit:
            return Forecast(self.name, 0, 0, None)
        free = self._day.free(now)
        used, lately = self.limit - free, self.limit - self._hour.free(now)
        full = now + max(0, free) / lately * HOUR if lately else None
        soon = full is not None and full - now < DAY
        return Forecast(self.name, used, self.limit, full if soon else None, self._paced(free))

    def _paced(self, free: int) -> bool:
        return free < self._freely

    def _gap(self, number: int, left: int) -> float:
        """Seconds after which the next may go when `number` went, or go before it, and `left` are left."""
        return min(_SPREAD, _SPREAD * math.log1p(min(number, self._freely - left) / max(left, 1)))

    def _least(self, wanted: int, whole: bool, own: bool) -> int:
        """What must be free before a message goes. One that can be divided goes in parts of one per cent of the day."""
        limits = (self.limit, self._own.limit if own else 0)
        most = min((limit for limit in limits if limit), default=PLENTY)
        return min(wanted, most if whole else max(1, most // 100))
