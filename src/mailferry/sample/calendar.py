"""Working days of the organisation.

Leaves to others: what happens on them (traffic). Invariant: the same answer for the same day, whatever the machine's
zone or locale.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

_CLOSING = 20  # the day of the month at which Japanese companies close their books, beside the month's end


class Calendar:
    """Weekends and Japanese public holidays are off; plants work some Saturdays."""

    def __init__(self) -> None:
        self._days: dict[date, tuple[bool, bool]] = {}

    def works(self, day: date) -> bool:
        return self._known(day)[0]

    def closes(self, day: date) -> bool:
        """Whether books are closed on this day: the last working day at or before the 20th, and of the month."""
        return self._known(day)[1]

    def last_month_end(self, before: date) -> date:
        """The last working day of the month before the one of `before`."""
        day = before.replace(day=1) - timedelta(days=1)
        while not self.works(day):
            day -= timedelta(days=1)
        return day

    def _known(self, day: date) -> tuple[bool, bool]:
        known = self._days.get(day)
        if known is None:
            works = _works(day)
            closes = works and any(_last_before(day, end) for end in (_CLOSING, None))
            known = self._days[day] = (works, closes)
        return known


def _works(day: date) -> bool:
    return day.weekday() < 5 and day not in _holidays(day.year)


def _last_before(day: date, end: int | None) -> bool:
    """Whether no working day lies between `day` and the closing day (None: the month's end)."""
    if end is not None and day.day > end:
        return False
    later = day + timedelta(days=1)
    while later.month == day.month and (end is None or later.day <= end):
        if _works(later):
            return False
        later += timedelta(days=1)
    return True


@cache
def _holidays(year: int) -> frozenset[date]:
    import holidays

    return frozenset(holidays.country_holidays("JP", years=year))
