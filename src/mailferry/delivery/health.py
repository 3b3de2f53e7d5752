"""Whether a lane may send: running, paused by a fault, or letting one message probe; and how many at once. Pure.

Leaves to others: budgets, alarms and the messages (lanes, breaker, worker).
Invariants: a pause ends only by the success of an attempt that began after it; at most one such attempt runs at a
time; only attempts that began under the present state change it, so that many failing together count as one fault.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailferry.routes.faults import Fault

#: The longest wait that is taken from a service's hint.
_LONGEST = 86400.0
#: Successes per slot of present width before one more slot is tried again after throttling.
_RECOVERY = 4


class Health:
    """One lane's state. `generation` marks what an attempt began under; `since` when the present trouble began."""

    __slots__ = (
        "_good", "_paused_at", "_probing", "_step", "_steps", "_until", "generation", "limit", "paused", "reason",
        "since", "width",
    )  # fmt: skip

    def __init__(self, steps: Sequence[float], limit: int) -> None:
        self._steps = tuple(steps)
        self._step = 0
        self._until = self._paused_at = 0.0
        self._probing = False
        self._good = 0
        self.limit = limit
        self.width = limit
        self.generation = 0
        self.paused = False
        self.reason = ""
        self.since: float | None = None

    def until(self, now: float) -> float:
        """When the pause ends; `now` while there is none."""
        if not self.paused:
            return now
        if now < self._paused_at:  # the clock stepped back: the pause keeps its length
            self._until -= self._paused_at - now
            self._paused_at = now
        return self._until

    def slots(self, now: float, flying: int) -> int:
        """How many more attempts may begin."""
        if not self.paused:
            return self.width - flying
        return 0 if self._probing or self.until(now) > now else 1

    def begin(self) -> int:
        """An attempt begins; give the number back to succeed() or fail()."""
        if self.paused:
            self._probing = True
        return self.generation

    def succeed(self, began: int) -> bool:
        """An attempt showed that the lane works. True when that ended a pause."""
        if began != self.generation:
            return False
        ended, self.paused, self._probing, self._step = self.paused, False, False, 0
        self.reason, self.since = "", None
        if self.width < self.limit:
            self._good += 1
            if self._good >= self.width * _RECOVERY:
                self.width, self._good = self.width + 1, 0
        return ended

    def fail(self, began: int, now: float, kind: str, hint: float | None) -> float | None:
        """An attempt met a fault of the lane. The seconds of the pause that begins, None when that was known."""
        if began != self.generation:
            return None
        self.generation += 1
        if kind == Fault.THROTTLE:
            self.width, self._good = max(1, self.width // 2), 0
        seconds = self._steps[min(self._step, len(self._steps) - 1)]
        if hint and kind == Fault.THROTTLE:  # the service knows when it will take more
            seconds = min(max(hint, 1.0), _LONGEST)
        else:
            seconds = max(seconds, min(hint or 0.0, _LONGEST))
            self._step += 1
        self.paused, self._probing, self.reason = True, False, kind
        self._paused_at, self._until = now, now + seconds
        self.since = now if self.since is None else self.since
        return seconds

    def hasten(self, now: float, kind: str) -> bool:
        """What the pause is for may be over: probe now. True when there was such a pause."""
        if not self.paused or self.reason != kind:
            return False
        self._until, self._step = min(self._until, now), 0
        return True

    def abandon(self, began: int) -> None:
        """An attempt ended without an answer about the lane (it was cancelled)."""
        if began == self.generation:
            self._probing = False
