"""Whether a tenant's mail to the outside is let through: a refusal of the service stops it, and one message finds out
whether it goes again. Pure: time is handed in.

Leaves to others: which messages are to the outside (external), how many may go (quota).
Invariants: it opens by itself, and only after a message that left later than the refusal was not refused within the
time in which the service says so; a refusal of what left before the present closure, or before its probe, is no news.
"""

from __future__ import annotations

from collections.abc import Sequence

#: Seconds before the next probe. The limit is one of a sliding day, and some of it comes back every minute.
STEPS: Sequence[float] = (900.0, 1800.0, 3600.0)
_DAY = 86400.0


class Closure:
    """`proof`: seconds in which a refusal of the probe would have been heard. `since` when it closed, None: open."""

    __slots__ = ("_probed", "_proof", "_proven", "_step", "_until", "since")

    def __init__(self, proof: float) -> None:
        self._proof = proof
        self._proven = 0.0
        self._probed: float | None = None
        self._step = 0
        self._until = 0.0
        self.since: float | None = None

    def refused(self, now: float, sent: float) -> bool:
        """The service refused what was handed over at `sent`. True when that closes it, or keeps it closed longer."""
        known = self._proven if self.since is None else self._probed
        if known is None or sent < known:
            return False
        self._until = now + STEPS[min(self._step, len(STEPS) - 1)]
        self._step += 1
        self._probed = None
        self.since = now if self.since is None else self.since
        return True

    def restore(self, since: float, now: float) -> None:
        """An earlier run closed it: probe at once."""
        self.since, self._until = since, now

    def blocks(self, now: float) -> bool:
        """Whether a message may not go now. Where it may although it is closed, it is the probe: see sent()."""
        if self.since is None:
            return False
        if self._probed is None:
            self._until = min(self._until, now + STEPS[-1])  # the clock stepped back
            if now < self._until + _DAY:
                return now < self._until
            self._probed = self._until  # nobody had anything to probe with while the whole day slid out
        elif 0 <= now - self._probed < self._proof:
            return True
        self._proven, self.since, self._probed, self._step = self._probed, None, None, 0
        return False

    def sent(self, now: float) -> None:
        """A message began to go."""
        if self.since is not None and self._probed is None:
            self._probed = now

    def back(self, began: float) -> None:
        """What began to go then did not, for a reason of its own: another one is the probe."""
        if self._probed == began:
            self._probed = None

    def again(self, now: float) -> float:
        """When to ask again."""
        if self.since is None:
            return now
        return max(now, self._until if self._probed is None else self._probed + self._proof)
