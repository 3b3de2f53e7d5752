"""The last rehearsal, for the plan's report.

Leaves to others: rehearsing (rehearsal) and the report (planner.papers). Invariant: only the rehearsal of this very
plan is handed on; one of an earlier plan is named and left out.
"""

from __future__ import annotations

from pathlib import Path

from mailferry.cli.output import talk
from mailferry.planner.papers.rehearsed import Failure, Rehearsed, RehearsedDay
from mailferry.rehearsal.store import NoRehearsalError, StoreError, digest, load
from mailferry.rehearsal.values import FAILING, Day, Rehearsal, Row

_OLDER = "The rehearsal is of an earlier plan and is left out; `mailferry rehearse` makes a new one."


def rehearsed(place: Path) -> Rehearsed | None:
    """The rehearsal of the plan in `place`, if there is one."""
    try:
        found = load(place)
        fits = found.plan == digest(place)
    except NoRehearsalError:
        return None
    except StoreError as error:
        talk().print(f"The rehearsal is left out: {error}", markup=False, soft_wrap=True)
        return None
    if not fits:
        talk().print(_OLDER, markup=False, soft_wrap=True)
        return None
    return told(found)


def told(found: Rehearsal) -> Rehearsed:
    """A rehearsal as the report takes it."""
    failures = tuple(
        Failure(day.at, row.name, _reply(row)) for day in found.days for row in day.rows if row.verdict in FAILING
    )
    return Rehearsed(found.made, tuple(_day(day) for day in found.days), failures)


def _day(day: Day) -> RehearsedDay:
    failing = sum(row.verdict in FAILING for row in day.rows)
    return RehearsedDay(day.at, len(day.rows), day.broken, day.delivering, failing, day.account.holds)


def _reply(row: Row) -> str:
    leg = row.planned or row.today
    return leg.reply if leg is not None else ""
