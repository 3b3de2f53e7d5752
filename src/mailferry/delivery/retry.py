"""When a recipient is tried again, and when it was tried long enough. Pure.

Leaves to others: what an answer means (routes.classify) and how a whole lane pauses (lanes).
Invariant: waits never fall below the schedule, and neither a clock that jumps, a machine that slept nor a lane that
stood still shortens the time a recipient is tried: both its attempts and its age must have reached the end.
"""

from __future__ import annotations

from mailferry.delivery.settings import DAY, DeliverySettings

#: The longest hint of a service that is believed; a message is worth a try a day.
_LONGEST_HINT = DAY
#: A fault of one sender is looked at again after a part of the message's age, between these bounds.
_SENDER_WAIT = (60.0, 3600.0)


class Schedule:
    """The waits of [delivery] as functions."""

    __slots__ = ("_expire", "_jitter", "_steps", "_warn")

    def __init__(self, settings: DeliverySettings) -> None:
        self._steps = settings.retry
        self._jitter = settings.jitter
        self._expire = settings.expire
        self._warn = settings.warn_after

    def wait(self, message: int, attempts: int, hint: float | None = None) -> float:
        """Seconds from attempt number `attempts` (the first is 1) to the next. `hint` is the service's own. All
        recipients of a message wait alike, so that those who were tried together stay together: a thousand would become
        a thousand messages, and Communication Services is asked for an attempt in doubt by its recipients."""
        step = self._steps[min(attempts, len(self._steps)) - 1]
        step += step * self._jitter * _fraction(message, attempts)
        return max(step, min(hint, _LONGEST_HINT)) if hint else step

    def spent(self, attempts: int) -> float:
        """Seconds of the schedule that `attempts` attempts and the wait after each have used, without jitter."""
        whole = min(attempts, len(self._steps))
        return sum(self._steps[:whole]) + self._steps[-1] * (attempts - whole)

    def expired(self, attempts: int, age: float) -> bool:
        """Whether a recipient that now failed its attempt number `attempts` was tried long enough."""
        return self.spent(attempts) >= self._expire and age >= self._expire

    def warns(self, attempts: int) -> bool:
        """Whether attempt number `attempts` is the one after which the sender hears of the delay: just one is."""
        return 0 < self._warn <= self.spent(attempts) and self.spent(attempts - 1) < self._warn

    def retry_until(self, received_at: float) -> float:
        """When trying ends if nothing but the message is at fault."""
        return received_at + self._expire


def sender_wait(age: float) -> float:
    """Seconds until a message is tried again whose sender may not send from its mailbox. Such attempts do not count,
    so the wait grows with the message's age."""
    low, high = _SENDER_WAIT
    return max(low, min(age / 2, high))


def _fraction(message: int, attempts: int) -> float:
    """0 to 1, spread evenly over messages and the same whenever it is asked."""
    return ((message * 0x9E3779B1 + attempts * 0x85EBCA77) & 0xFFFFFFFF) / 0x100000000
