"""`mailferry account list`, `approve`, `revoke`: the accounts that enrolled by themselves.

Leaves to others: enrolling (listener.enrolment). Invariant: a running gateway is not asked; it sees the change within
seconds, and ends open sessions of a revoked account at their next message.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailferry.cli.output import Exit, fail, out, print_json, talk

if TYPE_CHECKING:
    from mailferry.clients.enrolled import Enrolled, Register

Config = Annotated[Path, typer.Option("--config", "-c", help="The main configuration file.", envvar="MAILFERRY_CONFIG")]
Accounts = Annotated[list[str], typer.Argument(help="Accounts, as `mailferry account list` shows them.")]


def list_(
    config: Config = Path("mailferry.toml"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the accounts that enrolled by an [[enrolment]] window, with what was proved and where from.

    Example: mailferry account list --json
    """
    register = _register(config)
    try:
        records, broken = register.all(), register.broken()
    except OSError as error:
        fail(f"the accounts cannot be read: {error.strerror}", code=Exit.UNAVAILABLE)
    if as_json:
        print_json([_plain(one) for one in records])
    elif records:
        _table(records)
    else:
        talk().print("No account has enrolled. Clients of the configuration are shown by `mailferry check`.")
    for name in broken:
        talk().print(f"{name} is no record of an account and is passed over.", markup=False, style="yellow")


def approve(accounts: Accounts, config: Config = Path("mailferry.toml")) -> None:
    """Let accounts send that enrolled and wait for approval, or were revoked.

    Example: mailferry account approve scanner@example.com
    """
    from mailferry.clients.enrolled import Status

    _change(config, accounts, Status.ACTIVE, "may send now")


def revoke(accounts: Accounts, config: Config = Path("mailferry.toml")) -> None:
    """Take enrolled accounts away. They stay on record, so that they do not enrol again.

    Example: mailferry account revoke scanner@example.com
    """
    from mailferry.clients.enrolled import Status

    _change(config, accounts, Status.REVOKED, "may send no more")


def _change(config: Path, accounts: list[str], status: str, words: str) -> None:
    from mailferry.clients.enrolled import Status

    register = _register(config)
    unknown = [account for account in accounts if register.get(account) is None]
    if unknown:
        fail(f"{unknown[0]} has not enrolled; nothing was changed", "`mailferry account list` shows who has", Exit.NO)
    for account in accounts:
        try:
            register.change(account, Status(status))
        except OSError as error:
            fail(f"{account} cannot be changed: {error.strerror}", "run it as the gateway's user", Exit.UNAVAILABLE)
        talk().print(f"{account} {words}.", markup=False)


def _register(config: Path) -> Register:
    from mailferry.app.enrolment import enrolled_directory
    from mailferry.clients.enrolled import Register
    from mailferry.config.load import ConfigurationError, load_config

    try:
        return Register(enrolled_directory(load_config(config)))
    except ConfigurationError as error:
        fail(str(error), f"`mailferry check {config}` shows every problem with its line", Exit.CONFIGURATION)


def _plain(one: Enrolled) -> dict[str, str]:
    from mailferry.clock import utc

    return {
        "account": one.account,
        "status": one.status.value,
        "proof": one.proof,
        "window": one.window,
        "address": one.address,
        "at": utc(one.at).isoformat(timespec="seconds"),
    }


def _table(records: list[Enrolled]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    colours = {"active": "green", "pending": "yellow", "revoked": "red"}
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    longest = max(len(one.account) for one in records)
    table.add_column("account", overflow="fold", min_width=min(longest, 36))  # an address is copied whole
    for column in ("status", "proof", "window", "from", "since"):
        table.add_column(column, overflow="fold")
    for one in records:
        row = _plain(one)
        since = row["at"][:16].replace("T", " ")
        cells = (row["account"], Text(row["status"], colours[row["status"]]), row["proof"], row["window"])
        table.add_row(Text(cells[0]), cells[1], *map(Text, cells[2:]), Text(row["address"]), Text(since))
    out().print(table)
