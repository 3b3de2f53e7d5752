"""Days and waves: when each client is changed.

A pilot first, a few days to watch it, then everybody in the order of work: some are begun each day, site by site, and
done as fast as their owners can. A wave is the pilot, or one week. An owner's work is a stream: a change that takes
more than a day's capacity is dated on the day it is done.
Leaves to others: the order (order), which days are working days (days), what does not fit (fit).
Invariants: every piece of work gets one working day; no owner's work exceeds the owner's capacity on any day; more
capacity never dates anything later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from mailferry.m365.facts import Text
from mailferry.planner.days import WorkingDays
from mailferry.planner.order import Tier, Work, in_turn, pilot
from mailferry.planner.settings import PlanSettings
from mailferry.planner.values import Wave

PILOT = Text(
    "Pilot: few and easy ones, one of each way in turn, to learn from before many depend on it.",
    "試行: 各方法から影響の小さいものを少数選び、本格展開の前に手順を確認します。",
)
_SITES = 4
#: Clients begun on a day at least: fewer would make a small organisation wait for nothing.
_PACE = 20


@dataclass(frozen=True, slots=True)
class Numbered:
    """The schedule in numbers of working days, from 0, the first day on which anything may be changed."""

    done: Mapping[str, int]
    begun: Mapping[str, int]  # of all but the pilot
    free: int  # the first after the pilot was watched


@dataclass(frozen=True, slots=True)
class Dated:
    """The schedule."""

    day: Mapping[str, date]
    wave: Mapping[str, int]
    waves: tuple[Wave, ...]
    numbered: Numbered
    free: date  # the first working day after the pilot was watched


class TooFar(ValueError):
    """The work would go on beyond the end of the calendar."""


class _Days:
    """Working days by number, found as they are asked for."""

    def __init__(self, source: Iterator[date]) -> None:
        self._source = source
        self._known: list[date] = []

    def __getitem__(self, number: int) -> date:
        while len(self._known) <= number:
            day = next(self._source, None)
            if day is None:
                raise TooFar("the work would go on beyond the year 9999; raise `capacity`")
            self._known.append(day)
        return self._known[number]


def schedule(work: Sequence[Work], settings: PlanSettings, calendar: WorkingDays, today: date, deadline: date) -> Dated:
    """Every piece of work with its day and its wave."""
    days = _Days(calendar.since(first_day(settings, today)))
    numbered = number(work, settings, calendar, today, deadline)
    day = {identity: days[place] for identity, place in numbered.done.items()}
    rest = [one for one in work if one.id in numbered.begun]
    tested = day.keys() - numbered.begun.keys()
    waves = (*_pilot_wave(tested, day), *_weeks(rest, day, bool(tested)))
    wave = {identity: one.number for one in waves for identity in one.clients}
    return Dated(day, wave, waves, numbered, days[numbered.free])


def last_day(work: Sequence[Work], settings: PlanSettings, calendar: WorkingDays, today: date, deadline: date) -> date:
    """The day on which all of it is done; the deadline where there is nothing to do."""
    done = number(work, settings, calendar, today, deadline).done
    return _Days(calendar.since(first_day(settings, today)))[max(done.values())] if done else deadline


def number(
    work: Sequence[Work], settings: PlanSettings, calendar: WorkingDays, today: date, deadline: date
) -> Numbered:
    """When each is begun and done, in numbers of working days."""
    chosen = pilot(work, settings.pilot)
    tested = in_turn(one for one in work if one.id in chosen)
    done = _streams(tested, dict.fromkeys(chosen, 0), settings)
    free = max(done.values()) + 1 + settings.soak if done else 0
    rest = in_turn(one for one in work if one.id not in chosen)
    room = len(calendar.between(first_day(settings, today), deadline))
    pace = settings.pace or _pace(len(rest), room)
    begun = {one.id: free + place // pace for place, one in enumerate(rest)}
    return Numbered(done | _streams(rest, begun, settings), begun, free)


def first_day(settings: PlanSettings, today: date) -> date:
    """The first day on which anything may be changed, were it a working day."""
    tomorrow = today + timedelta(days=1)
    return max(tomorrow, settings.start) if settings.start else tomorrow


def stream(queue: Sequence[Work], begun: Mapping[str, int], capacity: int) -> Iterator[tuple[str, int]]:
    """The number of the working day on which each of one owner's is done, in the order of doing them."""
    done = 0  # points, counted from the first working day
    for one in queue:
        done = max(done, begun[one.id] * capacity) + one.points
        yield one.id, -(-done // capacity) - 1


def _streams(work: Sequence[Work], begun: Mapping[str, int], settings: PlanSettings) -> dict[str, int]:
    """Each owner's stream; `work` is in turn."""
    queues: dict[str, list[Work]] = {}
    for one in work:
        queues.setdefault(one.owner, []).append(one)
    return {
        identity: number
        for owner, queue in queues.items()
        for identity, number in stream(queue, begun, settings.capacity_of(owner))
    }


def _pace(count: int, room: int) -> int:
    """So many a day that all are begun in half of the days that are left; what capacity there is has no say in it."""
    return max(_PACE, -(-2 * count // room) if room else count)


def _pilot_wave(tested: Set[str], day: Mapping[str, date]) -> list[Wave]:
    if not tested:
        return []
    clients = tuple(sorted(tested, key=lambda identity: (day[identity], identity)))
    return [Wave(1, day[clients[0]], day[clients[-1]], PILOT, clients)]


def _weeks(work: Sequence[Work], day: Mapping[str, date], after_pilot: bool) -> Iterator[Wave]:
    def week(one: Work) -> tuple[int, int]:
        return day[one.id].isocalendar()[:2]

    ordered = sorted(work, key=lambda one: (day[one.id], one.owner, one.tier, one.site, one.id))
    for number, (_, group) in enumerate(groupby(ordered, key=week), 2 if after_pilot else 1):
        members = list(group)
        clients = tuple(one.id for one in members)
        yield Wave(number, day[clients[0]], day[clients[-1]], _reason(members), clients)


def _reason(members: Sequence[Work]) -> Text:
    tiers = {one.tier for one in members}
    parts = []
    if Tier.URGENT in tiers:
        parts.append(Text("what is refused today already", "現在すでに拒否されているもの"))
    if Tier.FIRST in tiers:
        parts.append(Text("the heaviest and the least certain", "送信量が多いものと不確実なもの"))
    if Tier.THEN in tiers:
        parts.append(Text("then the rest, site by site", "その他（拠点ごと）"))
    sites = sorted({one.site for one in members if one.site})
    few = 0 < len(sites) <= _SITES
    where_en = "; ".join(sites) if few else f"{len(sites)} sites"
    where_ja = "、".join(sites) if few else f"{len(sites)} 拠点"
    what = "; ".join(part.en for part in parts)
    return Text(
        what[:1].upper() + what[1:] + (f" ({where_en})." if sites else "."),
        "、".join(part.ja for part in parts) + (f"（{where_ja}）。" if sites else "。"),
    )
