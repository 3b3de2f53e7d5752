"""`mailferry account list`, `approve`, `revoke`, `forget`: the accounts that enrolled by themselves.

Leaves to others: enrolling (listener.enrolment), texts (account_words). Invariant: a running gateway is not asked; it
sees the change within seconds, and ends open sessions of a revoked account at their next message.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailferry.cli.account_words import HEADS, STATUSES, WORDS
from mailferry.cli.language import Language, Prose, chosen
from mailferry.cli.output import Exit, fail, out, print_json, talk

if TYPE_CHECKING:
    from mailferry.clients.enrolled import Enrolled, Register

#: Columns of a terminal in which the window stands too, and which of HEADS it is.
_WIDE, _WINDOW = 110, 3
Config = Annotated[Path, typer.Option("--config", "-c", help="The main configuration file.", envvar="MAILFERRY_CONFIG")]
Accounts = Annotated[list[str], typer.Argument(help="Accounts, as `mailferry account list` shows them.")]
Lang = Annotated[Language | None, typer.Option(help="Language of what is said.")]


def list_(
    config: Config = Path("mailferry.toml"),
    lang: Lang = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the accounts that enrolled by themselves, with what was proved and where from.

    Example: mailferry account list --json
    """
    language = chosen(lang)
    register, windows = _register(config)
    try:
        look = register.look()
    except OSError as error:
        fail(WORDS[language]["unreadable"].format(why=error.strerror), WORDS[language]["user"], Exit.UNAVAILABLE)
    records, broken = (look.records, look.broken) if look else ((), ())
    if as_json:
        print_json([{**_plain(one), "usable": one.window in windows} for one in records])
    elif records:
        _table(records, language)
    elif not broken:
        talk().print(Prose(WORDS[language]["none"]))
    for name in broken:
        talk().print(Prose(WORDS[language]["broken"].format(name=name), "yellow"))
    for window in dict.fromkeys(one.window for one in records if one.window not in windows):
        talk().print(Prose(WORDS[language]["orphans"].format(window=window), "yellow"))


def approve(accounts: Accounts, config: Config = Path("mailferry.toml"), lang: Lang = None) -> None:
    """Let accounts send that enrolled and wait for approval, or were revoked.

    Example: mailferry account approve scanner@example.com
    """
    from mailferry.clients.enrolled import Status

    _change(config, accounts, chosen(lang), "approved", lambda register, one: register.change(one, Status.ACTIVE))


def revoke(accounts: Accounts, config: Config = Path("mailferry.toml"), lang: Lang = None) -> None:
    """Take enrolled accounts away. They stay on record, so that they do not enrol again.

    Example: mailferry account revoke scanner@example.com
    """
    from mailferry.clients.enrolled import Status

    _change(config, accounts, chosen(lang), "revoked", lambda register, one: register.change(one, Status.REVOKED))


def forget(accounts: Accounts, config: Config = Path("mailferry.toml"), lang: Lang = None) -> None:
    """Take accounts off the record: in an open window they may enrol again, for example with a new password.

    Example: mailferry account forget scanner@example.com
    """
    _change(config, accounts, chosen(lang), "forgotten", lambda register, one: register.forget(one))


def _change(
    config: Path, accounts: list[str], language: str, done: str, act: Callable[[Register, str], object]
) -> None:
    words = WORDS[language]
    register, _ = _register(config)
    look = register.look()
    known = {register.file_of(one.account) for one in look.records} if look else set()
    if done == "forgotten" and look:
        known |= set(look.broken)
    for account in accounts:
        if register.file_of(account) not in known:
            fail(words["unknown"].format(account=account), words["who"], Exit.NO)
    for account in accounts:
        try:
            act(register, account)
        except OSError as error:
            cannot = words["cannot"].format(account=account, why=error.strerror)
            fail(cannot, words["user"], Exit.UNAVAILABLE)
        talk().print(words[done].format(account=account), markup=False, soft_wrap=True)


def _register(config: Path) -> tuple[Register, frozenset[str]]:
    """The accounts, and the names of the windows that are configured."""
    from mailferry.app.enrolment import enrolled_directory
    from mailferry.clients.enrolled import Register
    from mailferry.config.load import ConfigurationError, load_config

    try:
        loaded = load_config(config)
    except ConfigurationError as error:
        fail(str(error), f"`mailferry check {config}` shows every problem with its line", Exit.CONFIGURATION)
    return Register(enrolled_directory(loaded)), frozenset(one.name for one in loaded.enrolments)


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


def _table(records: tuple[Enrolled, ...], language: str) -> None:
    from rich.table import Table
    from rich.text import Text

    colours = {"active": "green", "pending": "yellow", "revoked": "red"}
    words = STATUSES[language]
    console, table = out(), Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    wide = console.width >= _WIDE  # else the window is left to --json: an address is copied whole
    for number, column in enumerate(HEADS[language]):
        if wide or number != _WINDOW:
            table.add_column(column, overflow="fold", no_wrap=number == 0)
    for one in records:
        row = _plain(one)
        since = row["at"][:16].replace("T", " ") if wide else row["at"][:10]
        status = Text(words.get(row["status"], row["status"]), colours[row["status"]])
        table.add_row(
            Text(row["account"]), status, words.get(row["proof"], row["proof"]),
            *map(Text, (*((row["window"],) if wide else ()), row["address"], since)),
        )  # fmt: skip
    console.print(table)
