"""What a target is handed: the changes of alarms since its last report, and their form for programs.

Leaves to others: words for people (words) and the form of each medium (targets). Pure.
Invariant: the plain form says everything that a report holds, in one documented shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mailferry.alarms.api import Alarm, Code, Severity
from mailferry.clock import utc

#: (code, key): by this an alarm is the same one.
Name = tuple[Code, str]


class Change(StrEnum):
    """What happened to an alarm."""

    RAISED = "raised"
    REPEATED = "repeated"  # it still stands
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Notice:
    """One alarm and what became of it. `since` is when it was raised, `at` when the change came."""

    change: Change
    alarm: Alarm
    since: float
    at: float

    @property
    def name(self) -> Name:
        return self.alarm.code, self.alarm.key

    @property
    def bad(self) -> bool:
        return self.change is not Change.RESOLVED


@dataclass(frozen=True, slots=True)
class Report:
    """One delivery to a target: the worst first. `more` counts what did not fit into memory while nothing went out."""

    gateway: str
    at: float
    notices: tuple[Notice, ...]
    more: int = 0


def ordered(notices: Sequence[Notice]) -> tuple[Notice, ...]:
    """What stands before what is over, the worse before the better, the older before the newer."""
    return tuple(sorted(notices, key=lambda each: (not each.bad, -each.alarm.severity.rank, each.since, each.name)))


def worst(report: Report) -> Severity | None:
    """The worst severity of what stands, None when all of it is over."""
    return max((each.alarm.severity for each in report.notices if each.bad), key=lambda one: one.rank, default=None)


def plain(report: Report, language: str, summary: str) -> dict[str, Any]:
    """The JSON that webhooks and commands get; docs/guides/alarms.md describes it."""
    return {
        "gateway": report.gateway,
        "time": utc(report.at).isoformat(timespec="seconds"),
        "text": summary,
        "alarms": [_plain_notice(each, language) for each in report.notices],
        "more": report.more,
    }


def _plain_notice(notice: Notice, language: str) -> dict[str, Any]:
    alarm = notice.alarm
    return {
        "change": notice.change.value,
        "code": alarm.code.value,
        "key": alarm.key,
        "severity": alarm.severity.value,
        "since": utc(notice.since).isoformat(timespec="seconds"),
        "title": alarm.code.label(language),
        "text": alarm.text.of(language),
        "cure": alarm.cure.of(language),
        "fields": dict(alarm.fields),
    }
