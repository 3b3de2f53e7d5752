"""Working days: no weekend, no public holiday, no freeze period.

Leaves to others: what is done on them (waves). Invariant: a day given out is a working day, and the days of one
calendar come in order, each once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import cached_property, lru_cache

from mailferry.planner.settings import PlanSettings, Weekday

_DAY = timedelta(days=1)
_WEEKDAYS = tuple(Weekday)


class CountryError(ValueError):
    """A country, or a part of one, whose holidays nobody knows."""


class WorkingDays:
    """The calendar of one organisation."""

    def __init__(self, settings: PlanSettings) -> None:
        self._weekend = frozenset(_WEEKDAYS.index(day) for day in settings.weekend)
        self._freezes = settings.freezes
        self._country = settings.country.upper()

    def __contains__(self, day: date) -> bool:
        return day.weekday() not in self._weekend and not self.frozen(day) and day not in self._holidays

    def frozen(self, day: date) -> bool:
        return any(first <= day <= last for first, last in self._freezes)

    def holiday(self, day: date) -> str:
        """The name of the public holiday, "" on other days."""
        return self._holidays.get(day, "")

    def since(self, day: date) -> Iterator[date]:
        """Working days from `day` on, `day` included where it is one. Ends with the calendar (year 9999)."""
        while True:
            if day in self:
                yield day
            if day == date.max:
                return
            day += _DAY

    def between(self, first: date, last: date) -> list[date]:
        """Working days from `first` to `last`, both included."""
        span = (last - first).days + 1
        return [day for day in (first + _DAY * number for number in range(max(0, span))) if day in self]

    def before(self, day: date, number: int) -> date:
        """The day that has exactly `number` working days between it and `day`, and is one itself.

        Looks back a year at most: a calendar that is frozen for longer has no such day, and the first looked at is
        given.
        """
        left, floor = number, day - timedelta(days=366)
        while day > floor:
            day -= _DAY
            if day in self:
                if left == 0:
                    return day
                left -= 1
        return floor

    @cached_property
    def _holidays(self) -> Mapping[date, str]:
        return _of(self._country) if self._country else {}


@lru_cache(maxsize=8)
def _of(place: str) -> Mapping[date, str]:
    """The public holidays of "JP" or "DE-BY": a mapping that fills itself, year by year, as days are asked for."""
    import holidays

    country, _, part = place.partition("-")
    try:
        found: Mapping[date, str] = holidays.country_holidays(country, subdiv=part or None)
    except NotImplementedError:
        raise CountryError(
            f'nobody told us the public holidays of {place!r}; write a code as "JP", "US" or "DE-BY", or leave '
            "`country` empty and list the days under `freeze`"
        ) from None
    return found
