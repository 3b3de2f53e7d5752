"""Every alarm that stands: of the gateway, kept in the spool, and of the watch over announcements, kept in the state.

Leaves to others: raising and ending them (delivery.alarms, bulletin.watch) and showing them (console).
Invariant: nothing here changes an alarm.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mailferry.alarms.api import Alarm, Severity
from mailferry.bulletin import watch
from mailferry.delivery import alarms
from mailferry.spool import api as spool


@dataclass(frozen=True, slots=True)
class Standing:
    """An alarm, and since when it stands (seconds since the epoch)."""

    alarm: Alarm
    since: float


def of_gateway(kept: Iterable[spool.Alarm]) -> list[Standing]:
    """The alarms of the spool, the worst first."""
    return _worst_first(Standing(alarms.stored(alarm), alarm.since) for alarm in kept)


def of_watch(state: Path) -> list[Standing]:
    """The alarms of the watch over announcements whose changes wait for a person. Raises ChangesError."""
    return _worst_first(Standing(alarm, since) for alarm, since in watch.standing(state))


def _worst_first(found: Iterable[Standing]) -> list[Standing]:
    worst = len(Severity)
    return sorted(found, key=lambda one: (worst - one.alarm.severity.rank, one.since))
