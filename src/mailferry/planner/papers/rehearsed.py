"""What a rehearsal of the plan came to, as the report shows it.

Leaves to others: rehearsing, which the planner knows nothing of: whoever writes the papers hands these values in.
Invariant: plain frozen values.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class RehearsedDay:
    """One date: of `clients`, how many break as they are, deliver as planned, fail in spite of the plan."""

    at: date
    clients: int
    broken: int
    delivering: int
    failing: int
    accounted: bool  # whether all mail was accounted for


@dataclass(frozen=True, slots=True)
class Failure:
    """A planned client that was refused, with the reply."""

    at: date
    client: str
    reply: str


@dataclass(frozen=True, slots=True)
class Rehearsed:
    made: datetime
    days: tuple[RehearsedDay, ...]
    failures: tuple[Failure, ...] = ()
