"""`mailferry bulletin compare`, `watch`, `accept`: an announcement against the schedule, and who may change that.

Leaves to others: judging (bulletin.compare), looking (bulletin.watch), keeping changes (bulletin.changes).
Invariant: only `accept` puts a change in force, and it says whose change it was.
"""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailferry.cli.language import Language, Prose, chosen
from mailferry.cli.output import Exit, fail, out, print_json, talk
from mailferry.clock import SystemClock, utc

if TYPE_CHECKING:
    from rich.console import Console

    from mailferry.bulletin.changes import Change
    from mailferry.bulletin.compare import Comparison
    from mailferry.bulletin.settings import BulletinSettings
    from mailferry.bulletin.watch import Look

_WORDS = {
    "en": {
        "when": "The page says",
        "verdict": "Verdict",
        "schedule": "The schedule has",
        "sentence": "Sentence on the page",
        "none": "The page names no dated phase.",
        "proposed": "Proposed changes",
        "accepted": "Accepted changes",
        "nothing": "No change is proposed or accepted.",
        "hint": "in force after: mailferry bulletin accept {id}",
        "dropped": "{id} is discarded.",
        "by": "accepted by {by} on {day}",
    },
    "ja": {
        "when": "ページの記載",
        "verdict": "判定",
        "schedule": "スケジュール",
        "sentence": "ページの原文",
        "none": "日付のある段階は記載されていません。",
        "proposed": "提案中の変更",
        "accepted": "承認済みの変更",
        "nothing": "提案中または承認済みの変更はありません。",
        "hint": "承認するには: mailferry bulletin accept {id}",
        "dropped": "{id} を破棄しました。",
        "by": "{day} に {by} が承認",
    },
}
_COLOURS = {"agrees": "green", "contradicts": "bold red", "adds": "yellow", "earlier": "dim"}

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
        Changes(_state(config)).propose(changes)
    if json:
        print_json({"points": _points(found, language), "changes": [document(change) for change in changes]})
    else:
        _show(out(), found, language)
        if changes:
            _list(out(), _WORDS[language]["proposed"], changes, language)
    if found.contradicts:
        raise typer.Exit(int(Exit.NO))


def watch(
    addresses: Annotated[
        list[str] | None, typer.Argument(help="Pages to watch; default: [bulletin] addresses.", show_default=False)
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Look once at what is due and end (for cron).")] = False,
    config: Config = Path("mailferry.toml"),
    lang: Lang = None,
    json: Json = False,
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
    from mailferry.bulletin.changes import document

    if look.outcome == "failed":
        talk().print(f"[yellow]warning:[/] {look.cause}", soft_wrap=True)
    elif look.outcome != "unchanged" and json:
        points = _points(look.comparison, language) if look.comparison else []
        changes = [document(change) for change in look.fresh]
        print_json({"address": look.address, "outcome": look.outcome.value, "points": points, "changes": changes})
    elif look.outcome != "unchanged" and look.comparison:
        out().print(f"[bold]{look.address}[/]", soft_wrap=True)
        _show(out(), look.comparison, language)
        if look.fresh:
            _list(out(), _WORDS[language]["proposed"], look.fresh, language)


def accept(
    id: Annotated[str | None, typer.Argument(help="The proposed change; without: list them.")] = None,
    drop: Annotated[bool, typer.Option("--drop", help="Discard it instead, proposed or accepted.")] = False,
    by: Annotated[str, typer.Option("--by", help="Who accepts it; default: the user.")] = "",
    config: Config = Path("mailferry.toml"),
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Put a proposed change to the schedule in force; `mailferry timeline` then shows it with its source.

    Without an id, list what is proposed and what was accepted. --drop takes a change out again.

    Example: mailferry bulletin accept 2027-03-disabled-by-default-1a2b3c
    """
    from mailferry.bulletin.changes import Changes, ChangesError, document

    language, words = chosen(lang), _WORDS[chosen(lang)]
    changes = Changes(_state(config))
    try:
        if id is None:
            lists = {"proposed": changes.proposed(), "accepted": changes.accepted()}
            if json:
                print_json({name: [document(change) for change in found] for name, found in lists.items()})
                return
            for name, found in lists.items():
                if found:
                    _list(out(), words[name], found, language)
            if not any(lists.values()):
                talk().print(words["nothing"])
            return
        change = (changes.withdraw(id) or changes.revoke(id)) if drop else changes.accept(id, by or _user(), _today())
    except ChangesError as error:
        fail(str(error), code=Exit.UNAVAILABLE)
    except OSError as error:
        fail(f"{error.filename} cannot be written: {error.strerror}", code=Exit.UNAVAILABLE)
    if change is None:
        fail(f"there is no proposed change {id}", "`mailferry bulletin accept` lists them")
    if json:
        print_json(document(change))
    elif drop:
        talk().print(words["dropped"].format(id=change.id))
    else:
        _list(out(), words["accepted"], [change], language)


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


def _points(found: Comparison, language: str) -> list[dict[str, Any]]:
    return [
        {
            "first": point.phase.period.first.isoformat(),
            "last": point.phase.period.last.isoformat(),
            "precision": point.phase.period.precision.value,
            "bound": point.phase.bound.value,
            "effect": point.phase.effect.value,
            "audience": point.phase.audience.value,
            "verdict": point.verdict.value,
            "schedule": point.against.of(language),
            "sentence": point.phase.sentence,
        }
        for point in found.points
    ]


def _show(console: Console, found: Comparison, language: str) -> None:
    from rich import box
    from rich.table import Table

    words = _WORDS[language]
    if not found.points:
        console.print(words["none"])
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=console.width < 110)
    table.add_column(words["verdict"], width=12)
    table.add_column(words["when"], width=18)
    table.add_column(words["schedule"], width=16)
    table.add_column(words["sentence"], ratio=1, max_width=80)
    for point in found.points:
        style = _COLOURS[point.verdict.value]
        table.add_row(
            Prose(point.verdict.label(language), style),
            Prose(point.phase.period.text),
            Prose(point.against.of(language)),
            Prose(point.phase.sentence, "dim"),
        )
    console.print(table, soft_wrap=False)


def _list(console: Console, title: str, changes: Iterable[Change], language: str) -> None:
    from rich.padding import Padding
    from rich.text import Text

    words = _WORDS[language]
    console.print(f"[bold]{title}[/]")
    for change in changes:
        console.print(Text.assemble("  ", (change.id, "cyan"), f"  {change.wording}"), soft_wrap=True)
        console.print(Padding(Prose(change.sentence), (0, 0, 0, 4)), soft_wrap=False)
        if change.accepted:
            told = words["by"].format(by=change.accepted_by, day=change.accepted.isoformat())
        else:
            told = words["hint"].format(id=change.id)
        console.print(Text(f"    {told}", "dim"), soft_wrap=True)
    console.print()
