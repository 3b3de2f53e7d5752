"""`mailferry timeline`: how long Basic authentication still works, and what happens then.

Leaves to others: the dates and their sources (m365.schedule). Invariant: what Microsoft gave loosely is shown loosely,
and what it has not said is listed as not said.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailferry.cli.language import Language, Prose, chosen
from mailferry.cli.output import out, print_json
from mailferry.cli.timeline_changes import accepted_changes, document, show_changes
from mailferry.clock import SystemClock, utc

if TYPE_CHECKING:
    from rich.console import Console

    from mailferry.m365.schedule import Phase, Revision

_TITLE = {
    "en": "Basic authentication for SMTP AUTH client submission in Exchange Online",
    "ja": "Exchange Online の SMTP AUTH クライアント送信における基本認証",
}
_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "left": "{days} days left",
        "day_left": "1 day left",
        "today": "Today is the day",
        "over": "{days} days ago",
        "until": "until the end of December 2026",
        "since": "the end of December 2026 has passed",
        "now": "On {day}",
        "then": "Then",
        "since_then": "Since then",
        "existing": "Existing tenants",
        "new": "Tenants created after December 2026",
        "when": "When",
        "what": "What happens",
        "current": "The schedule in force",
        "assumed": "Microsoft names no day; this count assumes {day}.",
        "unpublished": "Not yet published by Microsoft",
        "beside": "Related",
        "earlier": "Earlier announcements, no longer in force",
        "source": "Source",
    },
    "ja": {
        "left": "あと {days} 日",
        "day_left": "あと 1 日",
        "today": "本日です",
        "over": "{days} 日経過",
        "until": "2026 年 12 月末まで",
        "since": "2026 年 12 月末を過ぎています",
        "now": "{day} 時点",
        "then": "その後",
        "since_then": "現在",
        "existing": "既存のテナント",
        "new": "2026 年 12 月より後に作成されたテナント",
        "when": "時期",
        "what": "内容",
        "current": "現在のスケジュール",
        "assumed": "正確な日付は公表されていないため、{day} と仮定して計算しています。",
        "unpublished": "Microsoft からまだ公表されていない事項",
        "beside": "関連する発表",
        "earlier": "過去の発表（現在は無効）",
        "source": "出典",
    },
}


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
    day = at.date() if at is not None else utc(SystemClock().time()).date()
    language, accepted = chosen(lang), accepted_changes(config)
    if as_json:
        print_json({**_document(day, language), "accepted": [document(change) for change in accepted]})
        return
    console = out()
    _head(console, day, language)
    _current(console, day, language)
    show_changes(console, accepted, language)
    _lists(console, language)
    _earlier(console, language)


def _head(console: Console, day: date, language: str) -> None:
    from rich.table import Table

    from mailferry.m365.schedule import NEW_TENANT_FROM, BasicAuthPhase, current, disabled_from, phase_at

    words = _WORDS[language]
    days = (disabled_from() - day).days
    count, rest, style = _count(days, words)
    console.print()
    console.print(Prose(_TITLE[language], "bold"), soft_wrap=False)
    console.print()
    parts = [f"[{style}]{count}[/]", rest]
    console.print("  " + "  ".join(reversed(parts) if language == "ja" else parts))
    console.print()
    facts = Table.grid(padding=(0, 2), pad_edge=True)
    facts.add_column(style="cyan", no_wrap=True)
    facts.add_column()
    now = f"{words['existing']}: {phase_at(day).label(language)}"
    if day >= NEW_TENANT_FROM:
        now += f"\n{words['new']}: {phase_at(day, tenant_created=NEW_TENANT_FROM).label(language)}"
    facts.add_row(words["now"].format(day=day.isoformat()), now)
    phase = current().first(BasicAuthPhase.DISABLED_BY_DEFAULT)
    if phase is not None:
        facts.add_row(words["then" if days > 0 else "since_then"], Prose(phase.text.of(language)))
    facts.add_row("", Prose(words["assumed"].format(day=disabled_from().isoformat()), "dim"))
    console.print(facts, soft_wrap=False)


def _count(days: int, words: dict[str, str]) -> tuple[str, str, str]:
    """The count, what it counts to, and its colour."""
    if days > 1:
        return words["left"].format(days=days), words["until"], "bold red" if days < 100 else "bold yellow"
    if days == 1:
        return words["day_left"], words["until"], "bold red"
    if days == 0:
        return words["today"], words["until"], "bold red"
    return words["over"].format(days=-days), words["since"], "bold red"


def _current(console: Console, day: date, language: str) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from mailferry.m365.schedule import current

    words, revision = _WORDS[language], current()
    console.print()
    _heading(console, words["current"])
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=console.width < 110)
    table.add_column("", width=1)
    table.add_column(words["when"], width=19 if console.width < 110 else None)
    table.add_column(words["existing"], width=14 if console.width < 110 else None)
    table.add_column(words["what"], ratio=1, max_width=80)
    for phase in revision.phases:
        present = phase.covers(day)
        past = phase.end is not None and phase.end <= day
        style = "bold" if present else "dim" if past else ""
        table.add_row(
            Text("▶" if present else "", "bold green"),
            Prose(phase.when.of(language), style),
            Prose(phase.existing_tenants.label(language), style or _COLOURS[phase.existing_tenants.value]),
            Prose(phase.text.of(language), style),
        )
    console.print(table, soft_wrap=False)
    _source(console, revision, language)


_COLOURS = {"allowed": "green", "disabled-by-default": "yellow", "unavailable": "red", "removed": "red"}


def _lists(console: Console, language: str) -> None:
    from mailferry.m365.schedule import schedule

    words = _WORDS[language]
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

    console.print()
    _heading(console, _WORDS[language]["earlier"])
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
    words = _WORDS[language]
    text = f"{words['source']}: {revision.source.of(language)} [{revision.mark.label(language)}]"
    console.print(Prose(text, "dim"), soft_wrap=False)
    console.print(revision.source.url, style="dim", soft_wrap=True)


def _document(day: date, language: str) -> dict[str, Any]:
    from mailferry.m365.schedule import NEW_TENANT_FROM, current, disabled_from, phase_at, schedule

    return {
        "at": day.isoformat(),
        "days_left": (disabled_from() - day).days,
        "disabled_from": disabled_from().isoformat(),
        "disabled_from_precision": "month",
        "existing_tenants": phase_at(day).value,
        "new_tenants": phase_at(day, tenant_created=max(day, NEW_TENANT_FROM)).value,
        "current": _revision(current(), language),
        "earlier": [_revision(revision, language) for revision in schedule().revisions[:-1]],
        "events": [
            {"when": event.when, "text": event.text.of(language), "source": str(event.source), "mark": event.mark.value}
            for event in schedule().events
        ],
        "unpublished": [text.of(language) for text in schedule().unpublished],
    }


def _revision(revision: Revision, language: str) -> dict[str, Any]:
    return {
        "id": revision.id,
        "published": revision.published.isoformat(),
        "title": revision.title.of(language),
        "source": {"title": revision.source.title, "url": revision.source.url},
        "mark": revision.mark.value,
        "phases": [_phase(phase, language) for phase in revision.phases],
    }


def _phase(phase: Phase, language: str) -> dict[str, Any]:
    return {
        "name": phase.name,
        "when": phase.when.of(language),
        "start": phase.start.isoformat() if phase.start else None,
        "end": phase.end.isoformat() if phase.end else None,
        "precision": phase.precision.value,
        "existing_tenants": phase.existing_tenants.value,
        "new_tenants": phase.new_tenants.value,
        "text": phase.text.of(language),
    }
