"""Days and waves: when each client is changed.

A pilot first, a few days to watch it, then everybody in the order of work, as fast as each owner can. A wave is the
pilot, or one week. Work is a stream: a change that takes more than a day's capacity is dated on the day it is done.
Leaves to others: the order (order), which days are working days (days), what does not fit (fit).
Invariants: every piece of work gets one working day; no owner's work up to a day exceeds the capacity of the days up to
it; more capacity never dates anything later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from mailferry.m365.facts import Text
from mailferry.planner.days import WorkingDays
from mailferry.planner.judgement import say
from mailferry.planner.order import Tier, Work, by_owner, pilot
from mailferry.planner.settings import PlanSettings
from mailferry.planner.values import Wave

PILOT = Text(
    "Pilot: few and easy ones, one of each way in turn, to learn from before many depend on it.",
    "試行: 各方法から影響の小さいものを少数選び、本格展開の前に手順を確認します。",
)
_SITES = 4


@dataclass(frozen=True, slots=True)
class Dated:
    """The schedule. `free` is the first working day after the pilot was watched."""

    day: Mapping[str, date]
    wave: Mapping[str, int]
    waves: tuple[Wave, ...]
    free: date


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


def schedule(work: Sequence[Work], settings: PlanSettings, calendar: WorkingDays, today: date) -> Dated:
    """Every piece of work with its day and its wave."""
    days = _Days(calendar.since(first_day(settings, today)))
    chosen = pilot(work, settings.pilot)
    numbers = _stream([one for one in work if one.id in chosen], settings, 0)
    free = max(numbers.values()) + 1 + settings.soak if numbers else 0
    rest = _stream([one for one in work if one.id not in chosen], settings, free)
    day = {identity: days[number] for identity, number in (numbers | rest).items()}
    waves = [*_pilot_wave(numbers, day), *_weeks([one for one in work if one.id not in chosen], day, bool(numbers))]
    wave = {identity: one.number for one in waves for identity in one.clients}
    return Dated(day, wave, tuple(waves), days[free])


def first_day(settings: PlanSettings, today: date) -> date:
    """The first day on which anything may be changed, were it a working day."""
    tomorrow = today + timedelta(days=1)
    return max(tomorrow, settings.start) if settings.start else tomorrow


def _stream(work: Sequence[Work], settings: PlanSettings, start: int) -> dict[str, int]:
    """The number of the working day on which each is done."""
    numbers: dict[str, int] = {}
    for owner, queue in by_owner(work).items():
        capacity, done = settings.capacity_of(owner), 0
        for one in queue:
            done += one.points
            numbers[one.id] = start + -(-done // capacity) - 1
    return numbers


def _pilot_wave(numbers: Mapping[str, int], day: Mapping[str, date]) -> list[Wave]:
    if not numbers:
        return []
    clients = tuple(sorted(numbers, key=lambda identity: (day[identity], identity)))
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
    text = Text("; ".join(part.en for part in parts), "、".join(part.ja for part in parts))
    if not sites:
        return Text(f"{text.en[:1].upper()}{text.en[1:]}.", f"{text.ja}。")
    shown, more = ", ".join(sites[:_SITES]), len(sites) - _SITES
    return say(
        "{what} ({sites}{more_en}).",
        "{what_ja}（{sites}{more_ja}）。",
        what=f"{text.en[:1].upper()}{text.en[1:]}",
        what_ja=text.ja,
        sites=shown,
        more_en=f" and {more} more sites" if more > 0 else "",
        more_ja=f" ほか {more} 拠点" if more > 0 else "",
    )
