"""What one client does on one day: how many messages, in which sessions, at which hours.

Leaves to others: which days (run) and what the messages are (events).
Invariant: a pure function of client, day, calendar and the random numbers handed in; every second lies within the
UTC day, so that a day is complete by itself.
"""

from __future__ import annotations

import math
from datetime import date
from random import Random

from mailferry.sample.calendar import Calendar
from mailferry.sample.values import Client, Pattern, Session, Windows

_DAY = 86_400
#: Local hours and their share of an office day: two humps and a lunch break.
_HOURS = (9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
_SHARES = (12, 16, 14, 4, 11, 13, 14, 12, 9, 5)
_SATURDAY = 0.2
_CLOSING = 1.8
_FORGOTTEN = 0.25  # of its rate, on working days


def poisson(mean: float, rng: Random) -> int:
    """A count with this mean (Knuth; the normal approximation where it is good)."""
    if mean > 30:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count


def messages(client: Client, day: date, windows: Windows, calendar: Calendar, rng: Random) -> int:
    """How many messages `client` wants to send on `day`."""
    rate = client.rate
    match client.kind.pattern:
        case Pattern.ALWAYS | Pattern.RARE:
            return poisson(rate, rng)
        case Pattern.NIGHTLY:
            return max(1, round(rate))
        case Pattern.OFFICE:
            return _office(client, day, calendar, rng)
        case Pattern.BURST:
            return round(rate * (1.3 if calendar.closes(day) else 1)) if calendar.works(day) else 0
        case Pattern.CAMPAIGN:
            return round(rate) if calendar.closes(day) else 0
        case Pattern.QUARTERLY:
            return round(rate) if day == calendar.last_month_end(windows.signins.first) else 0
        case Pattern.STALE:
            # At least one, so that the log that somebody kept knows it.
            return max(1, poisson(rate, rng)) if day <= windows.archive.last and calendar.works(day) else 0
        case Pattern.FORGOTTEN:
            silent = day <= windows.archive.last or day >= windows.signins.first
            if silent or not calendar.works(day):
                return 0
            least = day == calendar.last_month_end(windows.signins.first)
            return max(int(least), poisson(rate * _FORGOTTEN, rng))


def _office(client: Client, day: date, calendar: Calendar, rng: Random) -> int:
    if calendar.works(day):
        return poisson(client.rate * (_CLOSING if calendar.closes(day) else 1), rng)
    if day.weekday() == 5 and client.site.kind == "plant":
        return poisson(client.rate * _SATURDAY, rng)
    return 0


def sessions(client: Client, count: int, rng: Random) -> list[Session]:
    """`count` messages in sessions of the client's size, in the hours of its pattern."""
    found = []
    low, high = client.kind.session
    batch = client.kind.pattern in (Pattern.BURST, Pattern.CAMPAIGN)
    second = client.minute * 60 + rng.random() * 45
    while count > 0:
        size = min(count, low if low == high else rng.randint(low, high))
        gap = 0.9 + 0.6 * rng.random()
        if client.kind.pattern in (Pattern.ALWAYS, Pattern.RARE, Pattern.FORGOTTEN):
            second = rng.random() * (_DAY - 600)
        elif client.kind.pattern in (Pattern.OFFICE, Pattern.STALE, Pattern.QUARTERLY):
            second = _office_second(client, rng)
        # A batch reconnects for its next part within seconds.
        found.append(Session(min(second, _DAY - size * gap - 1), size, gap))
        second += size * gap + (4 if batch else 20 + 60 * rng.random())
        count -= size
    return found


def _office_second(client: Client, rng: Random) -> float:
    hour = rng.choices(_HOURS, _SHARES)[0] - client.site.offset
    return (hour % 24) * 3600 + rng.random() * 3590
