"""The days of the schedule as they stand with what a person accepted, for everything that acts on them.

Leaves to others: which day a change means (bulletin.in_force), the words (timeline, marks). Invariant: a change moves
the days of a phase, never its words or its source: those are of the schedule that Mailferry ships.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from mailferry.bulletin.changes import Change, Changes, ChangesError
from mailferry.bulletin.in_force import InForce, day_of
from mailferry.bulletin.in_force import in_force as of_accepted
from mailferry.m365.schedule import BasicAuthPhase, Phase, Precision, current
from mailferry.ops import marks

__all__ = ["ACCEPTED", "AS_SHIPPED", "ChangesError", "InForce", "in_force", "moved", "phases", "said"]

#: Nothing is accepted.
AS_SHIPPED = InForce()
#: What is read, below the state directory.
ACCEPTED = Path("bulletin") / "accepted.json"

_WORDS = {
    "en": {
        BasicAuthPhase.DISABLED_BY_DEFAULT: "Basic authentication is disabled by default from {day}",
        BasicAuthPhase.REMOVED: "Basic authentication is removed from {day}",
        "why": '{what}, by an accepted announcement: "{wording}" ({told}).',
    },
    "ja": {
        BasicAuthPhase.DISABLED_BY_DEFAULT: "{day} から基本認証は既定で無効",
        BasicAuthPhase.REMOVED: "{day} に基本認証は削除",
        "why": "{what}（承認済みの発表「{wording}」による。{told}）。",
    },
}


def in_force(state: Path) -> InForce:
    """What was accepted in the state directory. Raises ChangesError."""
    return of_accepted(Changes(state).accepted())


def said(found: InForce, language: str) -> list[str]:
    """Each change in force in a sentence: from which day, by which announcement, and who accepted it."""
    states = (BasicAuthPhase.DISABLED_BY_DEFAULT, found.disabled_by), (BasicAuthPhase.REMOVED, found.removed_by)
    words = _WORDS[language]
    return [
        words["why"].format(
            what=words[state].format(day=day_of(change).isoformat()),
            wording=change.wording,
            told=marks.told(change, language),
        )
        for state, change in states
        if change is not None
    ]


def document(found: InForce) -> dict[str, Any]:
    """The same as JSON; null: as Mailferry ships it."""
    return {"disabled": _moved_by(found.disabled_by), "removed": _moved_by(found.removed_by)}


def _moved_by(change: Change | None) -> dict[str, Any] | None:
    if change is None:
        return None
    source = change.address or change.title
    return {"from": day_of(change).isoformat(), "change": change.id, "source": source, "by": change.accepted_by}


def phases(found: InForce) -> tuple[Phase, ...]:
    """The phases of the schedule, with the days that are assumed now; their words stay."""
    disabled = current().first(BasicAuthPhase.DISABLED_BY_DEFAULT)
    return tuple(_shifted(phase, found, first=phase is disabled) for phase in current().phases)


def _shifted(phase: Phase, found: InForce, *, first: bool) -> Phase:
    if found.ended_by is not None and phase.existing_tenants is BasicAuthPhase.ALLOWED:
        return replace(phase, end=found.ends)
    if phase.existing_tenants is BasicAuthPhase.DISABLED_BY_DEFAULT:
        if found.disabled is not None and phase.start is not None:
            phase = replace(phase, start=found.disabled if first else max(phase.start, found.disabled))
        if found.removed is not None:
            phase = replace(phase, end=min(phase.end or found.removed, found.removed))
    if found.removed is not None and phase.existing_tenants is BasicAuthPhase.REMOVED:
        return replace(phase, start=found.removed, precision=Precision.DAY)
    return phase


def moved(phase: Phase, found: InForce) -> date | None:
    """The day to show beside the words of a phase that `phases` gave; None: they hold as they are."""
    shipped = next(each for each in current().phases if each.name == phase.name)
    if phase.existing_tenants is BasicAuthPhase.ALLOWED:
        return phase.end if found.ended_by is not None and phase.end != shipped.end else None
    return phase.start if phase.start != shipped.start else None
