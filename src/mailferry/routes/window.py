"""How much of something was used within the last so many seconds: what keeps a service's limit. Pure.

Leaves to others: which limits there are (m365.limits) and what is done when one is met (delivery, graph_quota).
Invariant: whenever the service counts a unit between its start and its end, it never counts more than `limit` of them
in any window: a unit holds its place from its start until one window after its end.
"""

from __future__ import annotations

from collections import deque

#: What a window without a limit answers; larger than any claim.
PLENTY = 1 << 30


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
