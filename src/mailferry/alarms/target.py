"""The contract of a target, and what can go wrong with one.

Leaves to others: when a report goes out (outbox). Invariant: an error holds no secret: neither an address with a key in
it nor what an address leads to.
"""

from __future__ import annotations

from typing import Protocol

from mailferry.alarms.report import Report


class TargetError(Exception):
    """A report did not arrive. `retry_after`: the seconds that the target asks for."""

    def __init__(self, cause: str, retry_after: float = 0.0) -> None:
        super().__init__(cause)
        self.cause = cause
        self.retry_after = retry_after


class Target(Protocol):
    """Takes reports."""

    async def send(self, report: Report) -> None:
        """Return when it was taken. Raises TargetError."""
        ...
