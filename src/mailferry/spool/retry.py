"""When a recipient is tried again, and when it was tried long enough. Pure.

Leaves to others: what an answer means and how a lane pauses (routes.classify, delivery).
Invariant: a wait is never shorter than its step nor than the service's own hint, and grows by at most `jitter`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """`steps` in seconds, the last one repeats; `expire` seconds after a message came it is tried no more; `jitter`
    is the part of a step by which a wait may grow, so that what failed together does not come back together."""

    steps: tuple[float, ...]
    expire: float
    jitter: float = 0.1

    def __post_init__(self) -> None:
        if not self.steps or any(step <= 0 for step in self.steps):
            raise ValueError("a schedule needs steps, each longer than nothing")
        if any(later < earlier for earlier, later in zip(self.steps, self.steps[1:], strict=False)):
            raise ValueError("the steps of a schedule must not get shorter")
        if self.expire <= 0 or not 0 <= self.jitter <= 1:
            raise ValueError("a schedule expires after some time and jitters by a part of a step")

    def next_attempt(
        self, attempts: int, now: float, received_at: float, hint: float | None, random: float
    ) -> float | None:
        """When to try again after `attempts` attempts (at least 1), or None when the time of the message is over.
        `hint` is the service's Retry-After in seconds, `random` a number from 0 to 1 (1 excluded).

        The last attempt lies at the very end, so that a message is tried for all of its time."""
        end = received_at + self.expire
        if now >= end:
            return None
        step = self.steps[min(max(attempts, 1), len(self.steps)) - 1]
        due = now + max(step * (1 + self.jitter * random), hint or 0.0)
        if due <= end:
            return due
        return end if end - now >= max(step, hint or 0.0) else None
