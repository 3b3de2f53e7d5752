"""In which order an owner works: what first, and what together.

Leaves to others: days (waves). Invariant: the order is a function of the work alone: neither capacity nor the order
in which clients were read changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain, zip_longest

from mailferry.inventory.records import Client, Fate
from mailferry.planner.decide import Decision
from mailferry.planner.values import Effort, Risk, Way

#: What a change takes, in small changes.
POINTS = {Effort.SMALL: 1, Effort.MEDIUM: 2, Effort.LARGE: 4}
_RISKS = tuple(Risk)

#: The heaviest are the fewest clients that send this share of all mail.
_HEAVY_SHARE = 0.5
#: Days to assume where a count has no times: Microsoft's report covers 7 to 90.
_WINDOW = 30.0
#: A pilot is never more than this part of the whole.
_PILOT_PART = 5


class Tier(IntEnum):
    URGENT = 0  # refused today already: its mail is being lost
    FIRST = 1  # the heaviest and the least certain
    THEN = 2


@dataclass(frozen=True, slots=True)
class Work:
    """One client that somebody has to change."""

    id: str
    owner: str
    site: str
    way: Way
    risk: Risk
    points: int
    load: float  # messages a day; -1 where no source could tell
    tier: Tier


def works(decided: Iterable[tuple[Client, Decision]], owner: str) -> list[Work]:
    """What is to be done, without an order; `owner` takes what nobody owns."""
    busy = [(client, decision) for client, decision in decided if decision.fits.way is not Way.NOTHING]
    heavy = _heavy([client for client, _ in busy])
    return [
        Work(
            id=client.id,
            owner=client.owner or owner,
            site=client.site,
            way=decision.fits.way,
            risk=decision.risk,
            points=POINTS[decision.fits.effort],
            load=_load(client),
            tier=_tier(client, decision, heavy),
        )
        for client, decision in busy
    ]


def pilot(work: Sequence[Work], most: int) -> frozenset[str]:
    """The clients of the first wave: of each way in turn the one with the least to lose."""
    groups: dict[Way, list[Work]] = {}
    for one in sorted(work, key=lambda one: (_RISKS.index(one.risk), one.points, max(one.load, 0.0), one.id)):
        if one.tier is Tier.THEN and one.way not in (Way.ASK, Way.RETIRE):
            groups.setdefault(one.way, []).append(one)
    rows = zip_longest(*(groups[way] for way in sorted(groups)))
    alternating = [one.id for one in chain.from_iterable(rows) if one is not None]
    return frozenset(alternating[: min(most, len(work) // _PILOT_PART)])


def in_turn(work: Iterable[Work]) -> list[Work]:
    """The order of doing it: by tier, within it site by site, within a site the heaviest first."""
    every = list(work)
    peaks: dict[tuple[Tier, str], float] = {}
    for one in every:
        key = one.tier, one.site
        peaks[key] = max(peaks.get(key, -1.0), one.load)
    return sorted(every, key=lambda one: (one.tier, -peaks[one.tier, one.site], one.site, -one.load, one.id))


def _heavy(clients: Sequence[Client]) -> frozenset[str]:
    loads = sorted(((-_load(client), client.id) for client in clients if client.volume.at_most), key=lambda pair: pair)
    goal, carried, heavy = -sum(load for load, _ in loads) * _HEAVY_SHARE, 0.0, set()
    for load, identity in loads:
        if carried >= goal:
            break
        carried -= load
        heavy.add(identity)
    return frozenset(heavy)


def _load(client: Client) -> float:
    volume = client.volume
    if volume.at_most is None:
        return -1.0
    return volume.at_most / max(volume.window_days or _WINDOW, 1.0)


def _tier(client: Client, decision: Decision, heavy: frozenset[str]) -> Tier:
    if client.fate is Fate.BROKEN and client.volume.messages:
        return Tier.URGENT
    if decision.fits.way is Way.RETIRE:
        return Tier.THEN
    uncertain = decision.risk is Risk.HIGH or decision.fits.way is Way.ASK
    return Tier.FIRST if uncertain or client.id in heavy else Tier.THEN
