"""`mailferry inventory`: exports in, clients out.

Leaves to others: reading and joining (mailferry.inventory), tables (inventory_view), what is fetched (inventory_live).
Invariant: what was asked stands first on standard output, everything else goes to standard error.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailferry.cli import collector
from mailferry.cli.in_force import dates_in_force, tell
from mailferry.cli.inventory_words import WORDS
from mailferry.cli.language import Language, chosen
from mailferry.cli.output import Exit, fail, out, print_json, talk
from mailferry.cli.state import state_directory

if TYPE_CHECKING:
    from mailferry.inventory.records import Client
    from mailferry.inventory.store import Inventory

inventory = typer.Typer(
    help="Find out who breaks: read what Microsoft, the logs and the gateway know, and join it.", no_args_is_help=True
)

Config = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.", envvar="MAILFERRY_CONFIG")]
State = Annotated[
    Path | None,
    typer.Option(
        help="Directory of the inventory; default \\[gateway] state, without a configuration ./mailferry-state."
    ),
]
Lang = Annotated[Language | None, typer.Option("--lang", help="Language; default from LANG.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
At = Annotated[
    datetime | None,
    typer.Option(
        "--at", formats=["%Y-%m-%d"], metavar="DATE", help="Judge for this date; default the announced or accepted one."
    ),
]

DEFAULT_CONFIG = Path("mailferry.toml")


@contextmanager
def opened(state: Path, words: dict[str, str], *, read_only: bool = True) -> Iterator[Inventory]:
    """The inventory; what it cannot do ends the command with a sentence."""
    from mailferry.clock import SystemClock
    from mailferry.inventory.errors import InventoryError
    from mailferry.inventory.store import Inventory

    try:
        with collector.seldom(), Inventory(state, SystemClock(), read_only=read_only) as found:
            yield found
    except InventoryError as error:
        fail(str(error), error.cure)
    except ModuleNotFoundError as error:
        if error.name != "duckdb":
            raise
        fail(words["no_library"], words["install"], Exit.UNAVAILABLE)
    except OSError as error:
        fail(words["cannot_write"].format(file=error.filename or state, reason=error.strerror), code=Exit.UNAVAILABLE)


@inventory.command("import")
def import_(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Exports: files, folders, .zip, .gz.", show_default=False)
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Sign-ins from Microsoft Graph, as a \\[\\[tenant]] application.")
    ] = False,
    traces: Annotated[bool, typer.Option("--traces", help="Message traces from Microsoft Graph, likewise.")] = False,
    tenant: Annotated[str, typer.Option(help="Of these two, the \\[\\[tenant]], where there are several.")] = "",
    days: Annotated[int, typer.Option(min=1, max=90, help="Of these two, how far back.")] = 30,
    gateway: Annotated[bool, typer.Option("--gateway", help="The gateway's own history, read beside it.")] = False,
    config: Config = DEFAULT_CONFIG,
    state: State = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Read exports into the inventory. Their names do not matter, and reading one again changes nothing.

    Either all of them are taken or none. Example: mailferry inventory import ~/exports "SMTP AUTH report.csv"
    """
    from mailferry.cli.inventory_live import download, spool_file
    from mailferry.cli.inventory_view import imported, imported_document

    words = WORDS[chosen(lang)]
    if not (files or live or traces or gateway):
        fail(words["no_files"], words["files_hint"], Exit.USAGE)
    place = state_directory(config, state)
    with (
        opened(place, words, read_only=False) as found,
        download(config, tenant, days, words, live=live, traces=traces) as fetched,
    ):
        paths = [*(files or ()), *fetched, *([spool_file(config, words)] if gateway else ())]
        sources = _import(found, paths, words)
    if json:
        print_json(imported_document(sources))
    else:
        imported(sources, chosen(lang))


def _import(found: Inventory, paths: list[Path], words: dict[str, str]) -> Any:
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=talk(), transient=True) as progress:
        task = progress.add_task(words["reading"], total=None)

        def show(number: int, total: int, name: str) -> None:
            progress.update(
                task, completed=number - 1, total=total, description=escape(f"{words['reading']} {_short(name)}")
            )

        return found.import_paths(paths, show)


def _short(name: str) -> str:
    last = name.rsplit(os.sep, 1)[-1]
    return last if len(last) <= 30 else f"{last[:14]}…{last[-15:]}"


@inventory.command()
def show(
    sender: Annotated[str, typer.Option(help="Only this mailbox; * is a wildcard.")] = "",
    fate: Annotated[str, typer.Option(help="Only breaks, broken, uncertain or continues.")] = "",
    finding: Annotated[str, typer.Option(help="Only clients with this finding, for example old-tls.")] = "",
    owner: Annotated[str, typer.Option(help="Only of this owner; * is a wildcard.")] = "",
    site: Annotated[str, typer.Option(help="Only at this site; * is a wildcard.")] = "",
    at: At = None,
    details: Annotated[bool, typer.Option("--details", help="Below each client, why.")] = False,
    limit: Annotated[int, typer.Option(min=0, help="At most so many lines; 0 is all.")] = 40,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write CSV.")] = None,
    parquet: Annotated[Path | None, typer.Option("--parquet", metavar="FILE", help="Write Parquet.")] = None,
    config: Config = DEFAULT_CONFIG,
    state: State = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Say who breaks on the date, who is refused already, and why.

    Example: mailferry inventory show --finding old-tls --details
    """
    from mailferry.cli.inventory_view import Shown, clients

    words, language, place = WORDS[chosen(lang)], chosen(lang), state_directory(config, state)
    _known(fate, finding)
    dates = dates_in_force(place)
    day = at.date() if at is not None else dates.ends
    with opened(place, words) as found:
        every = found.clients(day, dates.ends)
    tell(dates, language)
    picked = [each for each in every if _matches(each, sender, fate, finding, owner, site)]
    if csv is not None or parquet is not None:
        _write(picked, csv, parquet, language)
    if json:
        from mailferry.inventory.export import document

        print_json({"at": day.isoformat(), "clients": [document(each, language) for each in picked]})
    elif csv is None and parquet is None:
        clients(Shown(every, picked, day, details, limit), language)
    if not picked:
        raise typer.Exit(int(Exit.NO))


def _known(fate: str, finding: str) -> None:
    from mailferry.inventory.join.findings import CODES
    from mailferry.inventory.records import Fate

    if fate and fate not in list(Fate):
        fail(f"{fate!r} is no fate", f"there are {', '.join(Fate)}", Exit.USAGE)
    if finding and finding not in CODES:
        fail(f"{finding!r} is no finding", f"there are {', '.join(CODES)}", Exit.USAGE)


def _matches(client: Client, sender: str, fate: str, finding: str, owner: str, site: str) -> bool:
    return (
        (not sender or fnmatch(client.sender, sender.lower()))
        and (not fate or client.fate.value == fate)
        and (not finding or any(each.code == finding for each in client.findings))
        and (not owner or fnmatch(client.owner.casefold(), owner.casefold()))
        and (not site or fnmatch(client.site.casefold(), site.casefold()))
    )


def _write(picked: list[Client], csv: Path | None, parquet: Path | None, language: str) -> None:
    from mailferry.inventory.export import write_csv, write_parquet

    for target, write in ((csv, write_csv), (parquet, write_parquet)):
        if target is None:
            continue
        try:
            write(picked, target, language)
        except OSError as error:
            fail(
                WORDS[language]["cannot_write"].format(file=target, reason=error.strerror or error),
                code=Exit.UNAVAILABLE,
            )
        talk().print(WORDS[language]["written"].format(count=len(picked), file=target), markup=False, soft_wrap=True)


@inventory.command("sources")
def sources_(config: Config = DEFAULT_CONFIG, state: State = None, lang: Lang = None, json: Json = False) -> None:
    """Show what was imported, and which rows were not taken and why.

    Example: mailferry inventory sources --json
    """
    from mailferry.cli.inventory_view import imported_document, listed

    with opened(state_directory(config, state), WORDS[chosen(lang)]) as found:
        sources = found.sources()
    if json:
        print_json(imported_document(sources))
    else:
        out().print(listed(sources, chosen(lang)))
