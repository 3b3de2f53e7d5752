"""`mailferry bulletin compare`, `watch`, `accept`: an announcement against the schedule, and who may change that.

Leaves to others: judging (bulletin.compare), looking (bulletin.watch), keeping changes (bulletin.changes).
Invariant: only `accept` puts a change in force, and it says whose change it was.
"""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailferry.cli.bulletin_verdicts import WORDS, points, show, show_all, show_changes
from mailferry.cli.in_force import dates_in_force, tell
from mailferry.cli.language import Language, chosen
from mailferry.cli.output import Exit, fail, out, print_json, talk
from mailferry.clock import SystemClock, utc

if TYPE_CHECKING:
    from mailferry.bulletin.settings import BulletinSettings
    from mailferry.bulletin.watch import Look

Config = Annotated[
    Path, typer.Option("--config", "-c", help="The configuration file; it names the state.", envvar="MAILFERRY_CONFIG")
]
Lang = Annotated[Language | None, typer.Option("--lang", help="Language; default from LANG.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document for programs.")]


def compare(
    page: Annotated[str, typer.Argument(help="The announcement: a file, - for standard input, or an http(s) address.")],
    propose: Annotated[
        bool, typer.Option("--propose", help="Keep what differs as proposed changes, for `accept`.")
    ] = False,
    config: Config = Path("mailferry.toml"),
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Compare an announcement with the schedule: what agrees, what contradicts it, what is new.

    The exit code is 1 when the announcement contradicts the schedule.

    Example: mailferry bulletin compare page.html --propose
    """
    from mailferry.bulletin.changes import Changes, document, proposals
    from mailferry.bulletin.compare import compare as judge
    from mailferry.cli.bulletin_input import announcement

    language = chosen(lang)
    found = judge(announcement(page))
    changes = proposals(found, _today())
    if propose and changes:
        with _kept():
            Changes(_state(config)).propose(changes)
    if json:
        print_json({"points": points(found, language), "changes": [document(change) for change in changes]})
    else:
        show(out(), found, language)
        if changes:
            show_changes(out(), WORDS[language]["proposed"], changes, language)
    if found.contradicts:
        raise typer.Exit(int(Exit.NO))


def watch(
    addresses: Annotated[
        list[str] | None, typer.Argument(help="Pages to watch; default: \\[bulletin] addresses.", show_default=False)
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Look once at what is due and end (for cron).")] = False,
    config: Config = Path("mailferry.toml"),
    lang: Lang = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line for each page that changed.")] = False,
) -> None:
    """Look at the configured addresses again and again; say nothing until one changes what it says of the schedule.

    Asks with If-None-Match and If-Modified-Since, and ever more rarely where a page cannot be had. A page that
    contradicts the schedule raises an alarm and leaves a proposed change. With --once the exit code is 1 then.

    Example: mailferry bulletin watch --config /etc/mailferry/mailferry.toml
    """
    from mailferry.cli.bulletin_input import settings

    known = settings(config, needed="bulletin")
    places = tuple(addresses or known.addresses)
    if not places:
        fail("no address is configured", "set addresses under [bulletin], or name them", Exit.CONFIGURATION)
    try:
        with _kept():
            found = asyncio.run(_watch(places, known, config, once, chosen(lang), json))
    except KeyboardInterrupt:
        return
    if any(look.outcome == "contradicted" for look in found):
        raise typer.Exit(int(Exit.NO))


async def _watch(
    places: tuple[str, ...], known: BulletinSettings, config: Path, once: bool, language: str, json: bool
) -> list[Look]:
    import aiohttp

    from mailferry.bulletin.fetch import Fetcher
    from mailferry.bulletin.watch import Watch
    from mailferry.cli.bulletin_alarms import alarms

    async with aiohttp.ClientSession(trust_env=True) as session, alarms(config, language) as sink:
        watcher = Watch(places, known.interval, _state(config), Fetcher(session), sink, SystemClock())
        for alarm, since in watcher.standing():
            sink.recall(alarm, since)
        while True:
            looks = await watcher.round()
            for look in looks:
                _tell(look, language, json)
            if once:
                return looks
            await watcher.rest()


def _tell(look: Look, language: str, json: bool) -> None:
    """A line only where there is something to say."""
    from rich.markup import escape

    from mailferry.bulletin.changes import document

    if look.outcome == "failed":
        talk().print(f"[yellow]warning:[/] {escape(look.cause)}", soft_wrap=True)
    elif look.outcome != "unchanged" and json:
        verdicts = points(look.comparison, language) if look.comparison else []
        changes = [document(change) for change in look.fresh]
        told = {"address": look.address, "outcome": look.outcome.value, "points": verdicts, "changes": changes}
        typer.echo(dumps(told, ensure_ascii=False))
    elif look.outcome != "unchanged" and look.comparison:
        out().print(f"[bold]{escape(look.address)}[/]", soft_wrap=True)
        show(out(), look.comparison, language)
        if look.fresh:
            show_changes(out(), WORDS[language]["proposed"], look.fresh, language)


def accept(
    id: Annotated[str | None, typer.Argument(help="The proposed change; without: list them.")] = None,
    drop: Annotated[bool, typer.Option("--drop", help="Discard it instead, proposed or accepted.")] = False,
    by: Annotated[str, typer.Option("--by", help="Who accepts it; default: the user.")] = "",
    config: Config = Path("mailferry.toml"),
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Put a proposed change to the schedule in force; timeline, inventory, plan and sandbox then follow it.

    Without an id, list what is proposed and what was accepted. --drop takes a change out again.

    Example: mailferry bulletin accept 2027-03-disabled-by-default-1a2b3c
    """
    from mailferry.bulletin.changes import Changes, document

    language, words = chosen(lang), WORDS[chosen(lang)]
    changes = Changes(_state(config))
    with _kept():
        if id is None:
            show_all(changes, language, json)
            return
        change = (changes.withdraw(id) or changes.revoke(id)) if drop else changes.accept(id, by or _user(), _today())
    if change is None:
        fail(f"there is no proposed change {id}", "`mailferry bulletin accept` lists them")
    if json:
        print_json(document(change))
    elif drop:
        talk().print(words["dropped"].format(id=change.id))
    else:
        show_changes(out(), words["accepted"], [change], language)
        tell(dates_in_force(_state(config)), language)


@contextmanager
def _kept() -> Iterator[None]:
    """Files of the state directory that cannot be used end a command with what is wrong."""
    from mailferry.bulletin.changes import ChangesError

    try:
        yield
    except ChangesError as error:
        fail(str(error), code=Exit.UNAVAILABLE)
    except OSError as error:
        fail(
            f"{error.filename or 'the state directory'} cannot be used: {error.strerror or error}",
            code=Exit.UNAVAILABLE,
        )


def _state(config: Path) -> Path:
    from mailferry.cli.state import state_directory

    return state_directory(config)


def _today() -> Any:
    return utc(SystemClock().time()).date()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
