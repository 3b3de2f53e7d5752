"""The days to assume once a change was accepted: when Basic authentication is disabled by default, and removed.

Leaves to others: keeping and accepting changes (changes), the schedule that Mailferry ships (m365.schedule), and who
acts on the days (ops, cli, console). Invariant: pure; the same words give the same day as in the schedule, and a change
for new tenants alone, or without one of these two effects, moves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from mailferry.bulletin.changes import Change
from mailferry.bulletin.facts import Audience, Bound, Effect, Precision
from mailferry.m365.schedule import disabled_from

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class InForce:
    """The accepted changes that move the schedule; None: as Mailferry ships it."""

    disabled_by: Change | None = None
    removed_by: Change | None = None

    @property
    def disabled(self) -> date | None:
        return day_of(self.disabled_by) if self.disabled_by is not None else None

    @property
    def removed(self) -> date | None:
        return day_of(self.removed_by) if self.removed_by is not None else None

    @property
    def disabled_for_new(self) -> date | None:
        """For tenants that are told apart as new: a day that was moved for existing tenants alone is not theirs."""
        change = self.disabled_by
        return None if change is None or change.audience is Audience.EXISTING else self.disabled

    @property
    def ended_by(self) -> Change | None:
        """What moved `ends`; None: nothing did."""
        if self.removed is not None and self.removed <= (self.disabled or disabled_from()):
            return self.removed_by
        return self.disabled_by

    @property
    def ends(self) -> date:
        """The first day without Basic authentication for an existing tenant that does nothing about it."""
        return min(day for day in (self.disabled or disabled_from(), self.removed) if day is not None)


def in_force(accepted: Iterable[Change]) -> InForce:
    """`accepted` in the order in which they were: of two about the same, the later counts."""
    found = {change.effect: change for change in accepted if change.audience is not Audience.NEW}
    return InForce(found.get(Effect.DISABLED_BY_DEFAULT), found.get(Effect.REMOVED))


def day_of(change: Change) -> date:
    """The day that a program has to assume, by the convention of m365/data/schedule.toml: of a period its first day,
    because who is ready too early loses nothing; of a part of a month that reaches to its end, the last ("the end of
    December 2026" is 31 December). "After" is the day after the period, "before" the day before it."""
    if change.bound is Bound.AFTER:
        return change.last + _DAY
    if change.bound is Bound.BEFORE:
        return change.first - _DAY
    end = change.precision is Precision.PART and (change.last + _DAY).day == 1
    return change.last if end else change.first
