"""An announcement against the schedule: what agrees, what contradicts it, what is new, what is the plan of before.

Leaves to others: the schedule (m365.schedule), keeping proposals and accepting them (changes).
Invariant: pure; the schedule is never changed here, and a page older than the schedule's revision contradicts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from mailferry.bulletin.facts import Announcement, Audience, Bound, Effect, Phase, Precision
from mailferry.bulletin.span import Piece, month
from mailferry.m365.facts import Text
from mailferry.m365.schedule import BasicAuthPhase, Revision, Schedule, schedule
from mailferry.m365.schedule import Precision as Exactness


class Verdict(StrEnum):
    AGREES = "agrees"
    CONTRADICTS = "contradicts"
    ADDS = "adds"
    EARLIER = "earlier"  # a plan that is no longer in force

    def label(self, language: str) -> str:
        return _LABELS[self].of(language)


_LABELS = {
    Verdict.AGREES: Text("agrees", "一致"),
    Verdict.CONTRADICTS: Text("contradicts", "不一致"),
    Verdict.ADDS: Text("adds", "追加情報"),
    Verdict.EARLIER: Text("earlier plan", "過去の計画"),
}


@dataclass(frozen=True, slots=True)
class Point:
    """One phase of the page, judged. `against` is what the schedule says, as loosely as Microsoft put it. `changes`:
    the schedule would have to change."""

    phase: Phase
    verdict: Verdict
    against: Text
    changes: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every phase of an announcement, judged against one revision of the schedule."""

    announcement: Announcement
    revision: Revision
    points: tuple[Point, ...]

    def of(self, verdict: Verdict) -> tuple[Point, ...]:
        return tuple(point for point in self.points if point.verdict is verdict)

    @property
    def contradicts(self) -> bool:
        return bool(self.of(Verdict.CONTRADICTS))


@dataclass(frozen=True, slots=True)
class _Window:
    """When the schedule lets an effect begin (for UNCHANGED: end), and in whose words."""

    first: date
    last: date
    exact: bool
    words: Text


_STATES = {
    Effect.DISABLED_BY_DEFAULT: BasicAuthPhase.DISABLED_BY_DEFAULT,
    Effect.UNAVAILABLE: BasicAuthPhase.UNAVAILABLE,
    Effect.REMOVED: BasicAuthPhase.REMOVED,
}
_NOT_KNOWN = Text("nothing", "記載なし")
_UNDATED = Text("no date published", "日程は未公表")
#: New tenants are without it from the day after the others lose it by default; pages name either.
_NEW_TENANTS = timedelta(days=31)


def compare(announcement: Announcement, known: Schedule | None = None) -> Comparison:
    """Judge every phase of `announcement` against the schedule in force."""
    known = known or schedule()
    revision = known.revisions[-1]
    old = announcement.published is not None and announcement.published < revision.published
    points = tuple(_judge(phase, known, revision, old) for phase in announcement.phases)
    return Comparison(announcement, revision, points)


def _judge(phase: Phase, known: Schedule, revision: Revision, old: bool) -> Point:
    if phase.effect in (Effect.OTHER, Effect.REPORTING):
        return _beside(phase, known)
    window = _window(phase, revision)
    if phase.superseded:
        return Point(phase, Verdict.EARLIER, window.words if window else _NOT_KNOWN)
    if window is not None and _fits(phase, window):
        finer = phase.effect in _STATES and _finer(phase, window)
        return Point(phase, Verdict.ADDS if finer else Verdict.AGREES, window.words, changes=finer and not old)
    words = window.words if window else _UNDATED if phase.effect is Effect.REMOVED else _NOT_KNOWN
    if old or _once(phase, known):
        return Point(phase, Verdict.EARLIER, words)
    if window is None and not _too_early(phase, revision):
        return Point(phase, Verdict.ADDS, words, changes=phase.effect in _STATES or phase.effect is Effect.PARTIAL)
    return Point(phase, Verdict.CONTRADICTS, words, changes=True)


def _beside(phase: Phase, known: Schedule) -> Point:
    """What is no phase of the schedule: known where an event of the same month stands there."""
    for event in known.events:
        if len(event.when) >= 7 and event.when[:7] == phase.period.first.isoformat()[:7]:
            return Point(phase, Verdict.AGREES, event.text)
    return Point(phase, Verdict.ADDS, _NOT_KNOWN)


def _window(phase: Phase, revision: Revision) -> _Window | None:
    """The days on which the schedule has the effect begin; None where it gives none."""
    if phase.effect is Effect.UNCHANGED:
        allowed = revision.first(BasicAuthPhase.ALLOWED)
        return _around(allowed.end, allowed.precision, allowed.when) if allowed and allowed.end else None
    if phase.effect is Effect.ANNOUNCEMENT:
        found = next((each for each in revision.phases if each.precision is Exactness.HALF_YEAR), None)
        if found is None or found.start is None or found.end is None:
            return None
        return _Window(found.start, found.end, exact=False, words=found.when)
    state = _STATES.get(phase.effect)
    new = phase.audience is Audience.NEW or phase.effect is Effect.UNAVAILABLE
    states = ((each.new_tenants if new else each.existing_tenants, each) for each in revision.phases)
    found = next((each for at, each in states if at is state), None)
    if found is None or found.start is None:
        return None
    window = _around(found.start, found.precision, found.when)
    if phase.effect is Effect.UNAVAILABLE:
        if phase.audience in (Audience.EXISTING, Audience.ALL):
            return None
        return _Window(window.first.replace(day=1), window.last + _NEW_TENANTS, exact=True, words=window.words)
    return window


def _around(when: date, precision: Exactness, words: Text) -> _Window:
    if precision is Exactness.DAY:
        return _Window(when, when, exact=True, words=words)
    end = month(when.year, when.month, Piece.END)
    whole = month(when.year, when.month)
    span = end if end is not None and when == end.last else whole
    return _Window(span.first, span.last, False, words) if span else _Window(when, when, True, words)


def _begins(phase: Phase) -> tuple[date, date]:
    """The days on which the page lets the phase begin (or what is unchanged end)."""
    period = phase.period
    if phase.effect is Effect.UNCHANGED:
        return (period.last, period.last) if phase.bound is not Bound.IN else (period.first, period.last)
    if phase.bound is Bound.AFTER:
        following = period.last + timedelta(days=1)
        return following, following
    return period.first, period.last


def _fits(phase: Phase, window: _Window) -> bool:
    first, last = _begins(phase)
    if phase.bound is Bound.AFTER and phase.effect is not Effect.UNCHANGED:
        return window.first <= first <= window.last + timedelta(days=1)
    return first <= window.last and last >= window.first


def _finer(phase: Phase, window: _Window) -> bool:
    """Whether the page names a day where the schedule has none."""
    return not window.exact and phase.period.precision is Precision.DAY and phase.bound in (Bound.IN, Bound.FROM)


def _once(phase: Phase, known: Schedule) -> bool:
    """Whether an earlier revision said so."""
    for revision in known.revisions[:-1]:
        if phase.effect is Effect.PARTIAL:
            spans = [(each.start, each.end) for each in revision.phases if each.name.startswith("partial")]
            if any(start and end and start <= phase.period.last and phase.period.first <= end for start, end in spans):
                return True
        window = _window(phase, revision)
        if window is not None and _fits(phase, window):
            return True
    return False


def _too_early(phase: Phase, revision: Revision) -> bool:
    """Whether the page takes away what the schedule still promises then."""
    if phase.effect is Effect.REMOVED:
        announced = next((each for each in revision.phases if each.precision is Exactness.HALF_YEAR), None)
        return announced is not None and announced.start is not None and phase.period.last < announced.start
    allowed = revision.first(BasicAuthPhase.ALLOWED)
    return allowed is not None and allowed.end is not None and phase.period.last < allowed.end
