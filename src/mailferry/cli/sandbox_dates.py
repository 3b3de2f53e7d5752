"""The days of the schedule in the box: as named by options, else as kept with the tenant, else as accepted.

Leaves to others: which days were accepted (ops.in_force) and what follows from a day (sandbox.decide). Invariant: what
was only accepted never passes into a kept tenant, so that revoking it undoes it there too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailferry.cli.in_force import dates_in_force, tell
from mailferry.cli.state import state_directory

if TYPE_CHECKING:
    from mailferry.ops.in_force import InForce
    from mailferry.sandbox.settings import Behaviour
    from mailferry.sandbox.world import State

_DAY = ["%Y-%m-%d"]
Disabled = Annotated[
    datetime | None,
    typer.Option(
        "--basic-disabled",
        formats=_DAY,
        metavar="DATE",
        help="Day from which Basic is disabled by default; as announced or accepted.",
        show_default=False,
    ),
]
Removed = Annotated[
    datetime | None,
    typer.Option(
        "--basic-removed",
        formats=_DAY,
        metavar="DATE",
        help="Day from which Basic is removed; never, or as accepted.",
        show_default=False,
    ),
]
Config = Annotated[
    Path,
    typer.Option("--config", "-c", help="Names the state, where accepted changes are.", envvar="MAILFERRY_CONFIG"),
]


@dataclass(frozen=True, slots=True)
class Days:
    """`named` by options and `accepted` in a state directory, each by the setting of the behaviour."""

    named: dict[str, date]
    accepted: dict[str, date]

    def put(self, state: State) -> State:
        """The state to begin with."""
        return _with(state, {**self._missing(state.behaviour), **self.named})

    def taken_out(self, state: State, before: Behaviour) -> State:
        """The state to keep: without the accepted days that `before` did not have, where they still stand."""
        put = self._missing(before)
        return _with(state, dict.fromkeys(name for name, day in put.items() if getattr(state.behaviour, name) == day))

    def _missing(self, behaviour: Behaviour) -> dict[str, date]:
        """Neither named nor the tenant's own."""
        return {
            name: day
            for name, day in self.accepted.items()
            if name not in self.named and getattr(behaviour, name) is None
        }


def days(disabled: datetime | None, removed: datetime | None, config: Path, inventory: Path | None) -> Days:
    """Of the options, and of the state directory: the inventory's, else the configuration's."""
    options = (("basic_disabled", disabled), ("basic_removed", removed))
    named = {name: moment.date() for name, moment in options if moment is not None}
    found = dates_in_force(inventory or state_directory(config))
    tell(found, "en")
    return Days(named, _of(found))


def _of(found: InForce) -> dict[str, date]:
    given = (("basic_disabled", found.disabled), ("basic_removed", found.removed))
    return {name: day for name, day in given if day is not None}


def _with(state: State, days: dict[str, date] | dict[str, None]) -> State:
    return state.model_copy(update={"behaviour": state.behaviour.model_copy(update=dict(days))})
