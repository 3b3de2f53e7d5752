"""When Basic authentication for SMTP AUTH ends: every announced revision, its phases, and what is not published.

Leaves to others: what day it is (the caller says) and what the service answers on that day (sandbox, errors).
Invariant: a date that Microsoft gave loosely carries its precision; what Microsoft has not said has no date here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from typing import Any

from mailferry.m365.facts import Mark, Source, Text, load, sources

#: Tenants created after December 2026 never get Basic authentication (announcement of January 2026).
NEW_TENANT_FROM = date(2027, 1, 1)


class BasicAuthPhase(StrEnum):
    """What Basic authentication for client submission is to a tenant."""

    ALLOWED = "allowed"
    DISABLED_BY_DEFAULT = "disabled-by-default"  # an administrator can enable it
    UNAVAILABLE = "unavailable"  # a new tenant: OAuth only
    REMOVED = "removed"

    def label(self, language: str) -> str:
        english, japanese = {
            BasicAuthPhase.ALLOWED: ("allowed", "利用可能"),
            BasicAuthPhase.DISABLED_BY_DEFAULT: ("disabled by default", "既定で無効"),
            BasicAuthPhase.UNAVAILABLE: ("unavailable", "利用不可"),
            BasicAuthPhase.REMOVED: ("removed", "削除"),
        }[self]
        return japanese if language == "ja" else english


class Precision(StrEnum):
    """How exactly a phase's dates were announced."""

    DAY = "day"
    MONTH = "month"
    HALF_YEAR = "half-year"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Phase:
    """A span of the schedule.

    `start` None: since ever, or, where precision is UNKNOWN, no date published. `end` is exclusive; None: open.
    """

    name: str
    when: Text  # as loosely as Microsoft put it
    start: date | None
    end: date | None
    precision: Precision
    existing_tenants: BasicAuthPhase
    new_tenants: BasicAuthPhase
    text: Text
    source: Source
    mark: Mark

    @property
    def approximate(self) -> bool:
        return self.precision is not Precision.DAY

    def covers(self, when: date) -> bool:
        if self.precision is Precision.UNKNOWN:
            return False
        return (self.start is None or self.start <= when) and (self.end is None or when < self.end)


@dataclass(frozen=True, slots=True)
class Revision:
    """One announcement; a later one replaces it whole."""

    id: str
    published: date
    title: Text
    source: Source
    mark: Mark
    phases: tuple[Phase, ...]

    def first(self, state: BasicAuthPhase) -> Phase | None:
        """The first phase in which existing tenants are in `state`."""
        return next((phase for phase in self.phases if phase.existing_tenants is state), None)


@dataclass(frozen=True, slots=True)
class Event:
    """Something announced beside the schedule. `when` is an ISO 8601 date or interval, as exact as it is known."""

    when: str
    text: Text
    source: Source
    mark: Mark


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything announced, oldest first, and what is still missing."""

    revisions: tuple[Revision, ...]
    events: tuple[Event, ...]
    unpublished: tuple[Text, ...]


def _text(entry: Mapping[str, Any], key: str = "text") -> Text:
    return Text(entry[f"{key}_en"], entry[f"{key}_ja"])


def _revision(entry: Mapping[str, Any]) -> Revision:
    source, mark = sources()[entry["source"]], Mark(entry["mark"])
    phases = tuple(
        Phase(
            name=phase["name"],
            when=_text(phase, "when"),
            start=phase.get("start"),
            end=phase.get("end"),
            precision=Precision(phase["precision"]),
            existing_tenants=BasicAuthPhase(phase["existing_tenants"]),
            new_tenants=BasicAuthPhase(phase["new_tenants"]),
            text=_text(phase),
            source=source,
            mark=mark,
        )
        for phase in entry["phase"]
    )
    return Revision(entry["id"], entry["published"], _text(entry, "title"), source, mark, phases)


@cache
def schedule() -> Schedule:
    """The whole schedule."""
    data = load("schedule.toml")
    return Schedule(
        revisions=tuple(_revision(entry) for entry in data["revision"]),
        events=tuple(
            Event(entry["when"], _text(entry), sources()[entry["source"]], Mark(entry["mark"]))
            for entry in data["event"]
        ),
        unpublished=tuple(_text(entry) for entry in data["unpublished"]),
    )


def current() -> Revision:
    """The announcement in force."""
    return schedule().revisions[-1]


def disabled_from() -> date:
    """The day a program has to assume for "the end of December 2026"."""
    phase = current().first(BasicAuthPhase.DISABLED_BY_DEFAULT)
    if phase is None or phase.start is None:
        raise LookupError("the current schedule has no date for the end of Basic authentication by default")
    return phase.start


def phase_at(
    when: date,
    *,
    tenant_created: date | None = None,
    disabled: date | None = None,
    removed: date | None = None,
) -> BasicAuthPhase:
    """What Basic authentication is on `when` for a tenant created on `tenant_created` (None: an existing one).

    `disabled` and `removed` are the days to assume where Microsoft was loose or silent; by default the last day of
    December 2026, and never.
    """
    if removed is not None and when >= removed:
        return BasicAuthPhase.REMOVED
    if when < (disabled or disabled_from()):
        return BasicAuthPhase.ALLOWED
    if tenant_created is not None and tenant_created >= NEW_TENANT_FROM:
        return BasicAuthPhase.UNAVAILABLE
    return BasicAuthPhase.DISABLED_BY_DEFAULT
