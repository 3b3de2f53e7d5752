"""The budgets of all lanes: one each, or one for lanes that lead to the same mailbox or subscription by several routes.

Leaves to others: what a budget allows (budget), which routes share (detour), who waits for one (scheduler).
Invariant: a lane sends nothing before what every lane on its budget has used before is counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mailferry.clock import Clock
from mailferry.delivery.budget import DAY, Budget
from mailferry.delivery.detour import Detour
from mailferry.delivery.lanes import Lane
from mailferry.obs.maillog import MailLog
from mailferry.routes.api import Limits, Transports, route_of
from mailferry.routes.faults import Fault
from mailferry.spool.api import Spool, UsedMinute


@dataclass(slots=True)
class Entry:
    """One budget and the lanes on it."""

    budget: Budget
    names: tuple[str, ...]
    lanes: list[Lane]
    known: bool = False
    learning: bool = False


class Budgets:
    """Budgets by the lanes that may use them."""

    def __init__(self, spool: Spool, detour: Detour, transports: Transports, clock: Clock, log: MailLog) -> None:
        self._spool = spool
        self._detour = detour
        self._transports = transports
        self._clock = clock
        self._log = log
        self._entries: dict[str, Entry] = {}

    def of(self, name: str) -> Budget:
        """The budget of the lane of that name."""
        return self._entry(name).budget

    def join(self, lane: Lane) -> None:
        """`lane` is there: it shares with those that were before."""
        entry = self._entry(lane.name)
        entry.lanes.append(lane)
        for each in entry.lanes:
            each.kin = tuple(other for other in entry.lanes if other is not each)
        now = self._clock.time()
        for other in lane.kin:
            if other.health.paused and other.health.reason == Fault.THROTTLE and not lane.health.paused:
                left = other.health.until(now) - now
                lane.health.fail(lane.health.generation, now, Fault.THROTTLE, max(left, 1.0))
                lane.trouble = other.trouble

    def leave(self, lane: Lane) -> None:
        """`lane` is no more. The budget goes with the last one; what was used is in the store."""
        entry = self._entry(lane.name)
        entry.lanes = [each for each in entry.lanes if each is not lane]
        for each in entry.lanes:
            each.kin = tuple(other for other in entry.lanes if other is not each)
        if not entry.lanes:
            self._entries.pop(entry.names[0], None)

    def learn(self, lane: Lane, then: Callable[[Lane, bool], None]) -> None:
        """Count what was used before; then(lane, True) for every lane on the budget, or then(lane, False) when the
        store does not say."""
        entry = self._entry(lane.name)
        if entry.known or not entry.budget.limited:
            then(lane, True)
        elif not entry.learning:
            entry.learning = True
            since = self._clock.time() - DAY - 60.0
            asked = asyncio.gather(*(self._spool.used(name, since) for name in entry.names), return_exceptions=True)
            asked.add_done_callback(lambda done: self._learned(entry, done.result(), then))

    def _learned(
        self, entry: Entry, answers: Sequence[list[UsedMinute] | BaseException], then: Callable[[Lane, bool], None]
    ) -> None:
        entry.learning = False
        errors = [answer for answer in answers if isinstance(answer, BaseException)]
        if errors:
            self._log.trouble("budget not known", lane=entry.names[0], cause=str(errors[0]) or "cancelled")
        else:
            used = [minute for answer in answers if isinstance(answer, list) for minute in answer]
            entry.budget.restore(sorted(used, key=lambda each: each.minute), self._clock.time())
            entry.known = True
        for lane in list(entry.lanes):
            then(lane, not errors)

    def _entry(self, name: str) -> Entry:
        names = tuple(self._detour.kin(name))
        entry = self._entries.get(names[0])
        if entry is None:
            limits = [self._transports[route_of(each)].limits for each in names if route_of(each) in self._transports]
            entry = self._entries[names[0]] = Entry(Budget(strictest(limits)), names, [])
        return entry


#: What is counted against a shared budget; connections and sizes are a route's own.
_COUNTED = ("messages_per_minute", "messages_per_hour", "recipients_per_day")


def strictest(limits: Sequence[Limits]) -> Limits:
    """The limits of a budget that routes of these limits share."""
    found = limits[0] if limits else Limits()
    for each in limits[1:]:
        lower = {name: _lower(getattr(found, name), getattr(each, name)) for name in _COUNTED}
        found = replace(found, whole=found.whole or each.whole, **lower)
    return found


def _lower(one: int, other: int) -> int:
    return min(one, other) if one and other else one or other
