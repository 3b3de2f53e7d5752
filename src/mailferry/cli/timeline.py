"""`mailferry timeline`: how long Basic authentication still works, and what happens then.

Leaves to others: the dates and their sources (m365.schedule), the words (ops.timeline). Invariant: what Microsoft gave
loosely is shown loosely, and what it has not said is listed as not said.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailferry.cli.in_force import dates_in_force
from mailferry.cli.language import Language, Prose, chosen
from mailferry.cli.output import out, print_json
from mailferry.cli.state import state_directory
from mailferry.cli.timeline_changes import kept_changes, listed, show_changes
from mailferry.clock import SystemClock, utc

if TYPE_CHECKING:
    from rich.console import Console

    from mailferry.m365.schedule import Revision
    from mailferry.ops.in_force import InForce
    from mailferry.ops.timeline import Count


def timeline(
    at: Annotated[
        datetime | None,
        typer.Option("--at", formats=["%Y-%m-%d"], metavar="DATE", help="Stand on this date instead of today."),
    ] = None,
    config: Annotated[
        Path,
        typer.Option("--config", "-c", help="Names the state, where accepted changes are.", envvar="MAILFERRY_CONFIG"),
    ] = Path("mailferry.toml"),
    lang: Annotated[Language | None, typer.Option("--lang", help="Language; default from LANG.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document for programs.")] = False,
) -> None:
    """Show how long Basic authentication still works, what happens then, and what is not yet published.

    Example: mailferry timeline --at 2027-01-15 --lang ja
    """
    from mailferry.ops.timeline import document

    day = at.date() if at is not None else utc(SystemClock().time()).date()
    language, place = chosen(lang), state_directory(config)
    kept, found = kept_changes(place), dates_in_force(place)
    if as_json:
        print_json({**document(day, language, found), **listed(kept)})
        return
    console = out()
    _head(console, day, language, found)
    _current(console, day, language, found)
    show_changes(console, kept, language)
    _lists(console, language)
    _earlier(console, language)


def _head(console: Console, day: date, language: str, found: InForce) -> None:
    from rich.table import Table

    from mailferry.ops.timeline import TITLE, WORDS, assumed, count, present, then

    words, left = WORDS[language], count(day, language, found)
    console.print()
    console.print(Prose(TITLE[language], "bold"), soft_wrap=False)
    console.print()
    parts = [f"[{_style(left)}]{left.text}[/]", left.rest]
    console.print("  " + "  ".join(reversed(parts) if language == "ja" else parts))
    console.print()
    facts = Table.grid(padding=(0, 2), pad_edge=True)
    facts.add_column(style="cyan", no_wrap=True)
    facts.add_column()
    now = "\n".join(f"{tenants}: {state}" for tenants, state in present(day, language, found))
    facts.add_row(words["now"].format(day=day.isoformat()), now)
    what = then(day, language, found)
    if what is not None:
        facts.add_row(what[0], Prose(what[1]))
    for sentence in assumed(language, found).splitlines():
        facts.add_row("", Prose(sentence, "dim"))
    console.print(facts, soft_wrap=False)


def _style(left: Count) -> str:
    return "bold red" if left.near else "bold yellow"


def _current(console: Console, day: date, language: str, found: InForce) -> None:
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from mailferry.m365.schedule import current
    from mailferry.ops.in_force import moved, phases
    from mailferry.ops.marks import ACCEPTED
    from mailferry.ops.timeline import WORDS

    words, revision = WORDS[language], current()
    console.print()
    _heading(console, words["current"])
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=console.width < 110)
    table.add_column("", width=1)
    table.add_column(words["when"], width=19 if console.width < 110 else None)
    table.add_column(words["existing"], width=14 if console.width < 110 else None)
    table.add_column(words["what"], ratio=1, max_width=80)
    for phase in phases(found):
        present = phase.covers(day)
        past = phase.end is not None and phase.end <= day
        style = "bold" if present else "dim" if past else ""
        day_moved = moved(phase, found)
        when: list[Prose | Text] = [Prose(phase.when.of(language), style)]
        if day_moved is not None:
            when.append(Text(f"{ACCEPTED} {day_moved.isoformat()}", style or "bold yellow"))
        table.add_row(
            Text("▶" if present else "", "bold green"),
            Group(*when),
            Prose(phase.existing_tenants.label(language), style or _COLOURS[phase.existing_tenants.value]),
            Prose(phase.text.of(language), style),
        )
    console.print(table, soft_wrap=False)
    _source(console, revision, language)


_COLOURS = {"allowed": "green", "disabled-by-default": "yellow", "unavailable": "red", "removed": "red"}


def _lists(console: Console, language: str) -> None:
    from mailferry.m365.schedule import schedule
    from mailferry.ops.timeline import WORDS

    words = WORDS[language]
    console.print()
    _heading(console, words["unpublished"])
    for text in schedule().unpublished:
        _item(console, "?", text.of(language), "yellow")
    console.print()
    _heading(console, words["beside"])
    for event in schedule().events:
        _item(console, event.when, f"{event.text.of(language)} [{event.mark.label(language)}]", "cyan")


def _earlier(console: Console, language: str) -> None:
    from mailferry.m365.schedule import schedule
    from mailferry.ops.timeline import WORDS

    console.print()
    _heading(console, WORDS[language]["earlier"])
    for revision in schedule().revisions[:-1]:
        _item(console, revision.published.isoformat(), revision.title.of(language), "dim")
    console.print()


def _heading(console: Console, text: str) -> None:
    console.print(f"[bold]{text}[/]")


def _item(console: Console, mark: str, text: str, style: str) -> None:
    from rich.table import Table
    from rich.text import Text

    row = Table.grid(padding=(0, 2), pad_edge=True)
    row.add_column(no_wrap=True, min_width=12 if len(mark) > 1 else 1)
    row.add_column()
    row.add_row(Text(mark, style), Prose(text))
    console.print(row, soft_wrap=False)


def _source(console: Console, revision: Revision, language: str) -> None:
    from mailferry.ops.timeline import WORDS

    words = WORDS[language]
    text = f"{words['source']}: {revision.source.of(language)} [{revision.mark.label(language)}]"
    console.print(Prose(text, "dim"), soft_wrap=False)
    console.print(revision.source.url, style="dim", soft_wrap=True)
