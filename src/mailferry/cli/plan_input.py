"""What the commands of `mailferry plan` are given: settings, state directory, inventory, the plan made before.

Leaves to others: what is done with it (plan). Invariant: every way in ends in a value or in an error that says what to
do.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailferry.cli.language import Language
from mailferry.cli.output import Exit, fail, talk
from mailferry.clock import SystemClock, utc

if TYPE_CHECKING:
    from mailferry.inventory.records import Client
    from mailferry.planner.settings import PlanSettings
    from mailferry.planner.values import Plan

DEFAULT_CONFIG = Path("mailferry.toml")
EXTRA = ("duckdb", "holidays", "icalendar", "jinja2", "vl_convert", "xlsxwriter")

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="A configuration file with \\[plan]; by default mailferry.toml where there is one.",
        envvar="MAILFERRY_CONFIG",
        show_default=False,
    ),
]
State = Annotated[
    Path | None,
    typer.Option(
        "--state",
        help="Directory of inventory and plan; default \\[gateway] state, without a configuration ./mailferry-state.",
        envvar="MAILFERRY_STATE",
        show_default=False,
    ),
]
At = Annotated[
    datetime | None,
    typer.Option("--at", formats=["%Y-%m-%d"], metavar="DATE", help="Stand on this date instead of today."),
]
Lang = Annotated[Language | None, typer.Option("--lang", help="Language; default from LANG.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="One JSON document for programs.")]


def day(at: datetime | None) -> date:
    return at.date() if at is not None else utc(SystemClock().time()).date()


def settings(config: Path | None, given: Mapping[str, Any]) -> PlanSettings:
    """[plan] of the configuration, with the options that were given over it."""
    from pydantic import ValidationError

    from mailferry.planner.settings import PlanSettings

    base = _cloud(config) | _section(config).model_dump(exclude_unset=True)
    values = base | {name: value for name, value in given.items() if value not in (None, "", [])}
    try:
        return PlanSettings.model_validate(values)
    except ValidationError as error:
        from mailferry.config.explain import explain
        from mailferry.config.lines import dotted

        path, what, cure = next(explain(error, PlanSettings, values))
        fail(f"{dotted(path)}: {what}" if path else what, cure, Exit.USAGE)


def _section(config: Path | None) -> PlanSettings:
    from mailferry.config.problem import ConfigurationError
    from mailferry.config.section import load_section
    from mailferry.planner.settings import PlanSettings

    path = config or DEFAULT_CONFIG
    if not path.exists():
        if config is None:
            return PlanSettings()
        fail(f"there is no {path}", "name another one with --config", Exit.CONFIGURATION)
    try:
        return load_section(path, PlanSettings)
    except ConfigurationError as error:
        for problem in error.problems:
            talk().print(str(problem), markup=False, soft_wrap=True)
        fail(f"[plan] in {path} has errors", f"`mailferry check {path}` shows what to do", Exit.CONFIGURATION)


def _cloud(config: Path | None) -> dict[str, Any]:
    """The cloud of the configured tenants, where they are in one."""
    from mailferry.config.problem import ConfigurationError
    from mailferry.config.schema import TenantSettings
    from mailferry.config.section import load_entries

    path = config or DEFAULT_CONFIG
    if not path.exists():
        return {}
    try:
        names = {tenant.cloud for tenant in load_entries(path, TenantSettings)}
    except ConfigurationError:
        return {}  # a plan needs no gateway; `mailferry check` is there to say what is wrong with it
    return {"cloud": names.pop()} if len(names) == 1 else {}


def directory(state: Path | None, config: Path | None) -> Path:
    """Where the inventory lies."""
    from mailferry.cli.state import state_directory

    return state_directory(config or DEFAULT_CONFIG, state)


def clients(place: Path, cutoff: date | None) -> tuple[tuple[Client, ...], frozenset[str]]:
    """The inventory, as it stands on the day of the cut-off (None: as announced), and the tenant's own domains."""
    needs_extra()
    from mailferry.inventory.errors import InventoryError
    from mailferry.inventory.store import Inventory

    try:
        with Inventory(place, SystemClock(), read_only=True) as inventory:
            return inventory.clients(ends=cutoff), inventory.domains()
    except InventoryError as error:
        fail(str(error), error.cure or "import the exports first: mailferry inventory import FILE…", Exit.UNAVAILABLE)


def plan(place: Path) -> Plan:
    """The plan that was made."""
    from mailferry.planner.store import NoPlanError, StoreError, load

    try:
        return load(place)
    except NoPlanError as error:
        fail(str(error), code=Exit.UNAVAILABLE)
    except StoreError as error:
        fail(str(error), code=Exit.NO)


def needs_extra() -> None:
    """Planning needs what a gateway node does without."""
    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        fail(f"{missing[0]} is not installed", "pip install 'mailferry[analysis]'", Exit.UNAVAILABLE)
