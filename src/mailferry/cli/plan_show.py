"""How the plan looks on a terminal.

Leaves to others: what is in it (planner). Invariant: shows, changes nothing; 80 columns are enough.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailferry.cli.language import Prose

if TYPE_CHECKING:
    from rich.console import Console

    from mailferry.planner.papers.words import Words
    from mailferry.planner.progress import Progress
    from mailferry.planner.values import Item, Plan

_MOST_NAMED = 10
_LONG = 24
_WORDS = {
    "en": {
        "head": "{all} clients: {busy} to change, {fine} need nothing",
        "dates": "Basic authentication is disabled from {cutoff}: {left} days. Last day for changes: {deadline}.",
        "written": "{count} files in {directory}; open {report}",
        "next": "Next:",
        "show": "each client",
        "rehearse": "try the plan against the tenant on that day",
        "write": "report, letters, calendar, configuration",
        "moved": "{moved} of {planned} clients have moved; by the plan it would be {due} today.",
        "until": "The exports tell of it up to {day}; what was due later is not judged.",
        "overdue": "Overdue",
        "new": "New since the plan: {count} that may break; make the plan again.",
        "more": "and {count} more",
    },
    "ja": {
        "head": "クライアント {all} 件: 要対応 {busy} 件、対応不要 {fine} 件",
        "dates": "基本認証が無効になる日: {cutoff}（あと {left} 日）。変更期限: {deadline}。",
        "written": "{directory} に {count} 個のファイルを書き込みました。{report} を開いてください。",
        "next": "次の手順:",
        "show": "クライアントごとの計画",
        "rehearse": "当日のテナントを想定した予行演習",
        "write": "報告書、案内文、予定表、設定ファイルの出力",
        "moved": "{planned} 件中 {moved} 件が移行済みです（計画では本日までに {due} 件）。",
        "until": "エクスポートは {day} までのデータです。それ以降が期日のものは判定していません。",
        "overdue": "期限超過",
        "new": "計画後に見つかった、影響を受け得るクライアントが {count} 件あります。計画を作り直してください。",
        "more": "ほか {count} 件",
    },
}


def _words(language: str) -> Words:
    from mailferry.planner.papers.words import Words

    return Words(language)


def overview(console: Console, plan: Plan, language: str) -> None:
    """What the plan comes to: figures, ways, waves, warnings."""
    from mailferry.planner.papers.view import View

    view, own = View(plan, language), _WORDS[language]
    busy = len(view.busy)
    head = own["head"].format(all=f"{len(plan.items):,}", busy=f"{busy:,}", fine=f"{len(plan.items) - busy:,}")
    console.print()
    console.print(Prose(head, "bold"), soft_wrap=False)
    dates = own["dates"].format(cutoff=plan.cutoff, left=view.days_left, deadline=plan.deadline)
    console.print(Prose(dates), soft_wrap=False)
    console.print()
    console.print(ways(console, plan, language), soft_wrap=False)
    if plan.waves:
        console.print(_waves(console, plan, view.words), soft_wrap=False)
    for warning in plan.warnings:
        console.print(_bullet("!", warning.of(language)), soft_wrap=False)


def ways(console: Console, plan: Plan, language: str) -> Any:
    """How many clients go which way."""
    from mailferry.planner.papers.view import View

    view = View(plan, language)
    found = _table(console, (view.words["by_way"], ""), (view.words["clients"], "right"))
    for way, count in view.ways():
        found.add_row(Prose(way), f"{count:,}")
    return found


def _waves(console: Console, plan: Plan, words: Words) -> Any:
    waves = _table(
        console,
        (words["wave"], "right"),
        (words["first"], ""),
        (words["last"], ""),
        (words["clients"], "right"),
        (words["why"], "wide"),
    )
    for wave in plan.waves[:_MOST_NAMED]:
        reason = Prose(words.text(wave.reason))
        waves.add_row(str(wave.number), str(wave.first), str(wave.last), f"{len(wave.clients):,}", reason)
    if len(plan.waves) > _MOST_NAMED:
        last = plan.waves[-1]
        waves.add_row("…", "…", str(last.last), "", f"{len(plan.waves):,}")
    return waves


def next_steps(console: Console, language: str) -> None:
    own = _WORDS[language]
    console.print()
    console.print(own["next"])
    for command, what in (("plan show", "show"), ("rehearse", "rehearse"), ("plan write papers", "write")):
        console.print(f"  [cyan]{f'mailferry {command}':28}[/] {own[what]}")


def table(console: Console, items: Iterable[Item], language: str) -> None:
    """One line for each client."""
    from mailferry.planner.papers.words import label

    words = _words(language)
    found = _table(
        console,
        (words["client"], "client"),
        (words["way"], "wide"),
        (words["day"], ""),
        (words["owner"], "wide"),
        (words["risk"], ""),
    )
    for item in items:
        found.add_row(
            _address(label(item.client)),
            Prose(words.way(item.way)),
            str(item.day or ""),
            Prose(item.owner or words["nobody"]) if item.wave else "",
            f"[{_COLOURS[item.risk.value]}]{words.risk(item.risk)}[/]" if item.wave else "",
        )
    console.print(found, soft_wrap=False)


_COLOURS = {"low": "green", "medium": "yellow", "high": "red"}


def one(console: Console, item: Item, language: str) -> None:
    """All about one client."""
    from mailferry.planner.papers.words import label

    words = _words(language)
    day = f", {words['wave']} {item.wave}, {item.day}" if item.wave else ""
    console.print()
    console.print(Prose(label(item.client), "bold"), soft_wrap=False)
    console.print(Prose(f"{words.way(item.way)}{day}", "cyan"), soft_wrap=False)
    console.print(Prose(words.text(item.reason)), soft_wrap=False)
    sections = (
        ("steps", [words.text(step) for step in item.steps]),
        ("findings", words.findings(item.client)),
        ("evidence", [words.evidence(line) for line in item.evidence]),
        ("refused", [f"{words.way(other.way)}: {words.text(other.reason)}" for other in item.refused]),
        ("source", [item.source]),
    )
    for name, lines in sections:
        if lines:
            console.print()
            console.print(f"[bold]{words[name]}[/]")
        for number, line in enumerate(lines, 1):
            console.print(_bullet(str(number) if name == "steps" else "·", line), soft_wrap=False)


def progress(console: Console, plan: Plan, found: Progress, language: str) -> None:
    """How many have moved, as a bar, and who is overdue."""
    from rich.progress_bar import ProgressBar

    from mailferry.planner.papers.words import label

    own, shot = _WORDS[language], found.snapshot
    values = {"moved": f"{shot.moved:,}", "planned": f"{shot.planned:,}", "due": f"{shot.due:,}"}
    console.print()
    console.print(Prose(own["moved"].format(**values), "bold"), soft_wrap=False)
    console.print(ProgressBar(total=max(shot.planned, 1), completed=shot.moved, width=60), soft_wrap=False)
    if found.until < shot.day:
        console.print(Prose(own["until"].format(day=found.until), "dim"), soft_wrap=False)
    if found.overdue:
        console.print()
        console.print(f"[bold red]{own['overdue']}: {len(found.overdue):,}[/]")
    for item in found.overdue[:_MOST_NAMED]:
        console.print(_bullet(str(item.day), f"{label(item.client)}, {item.owner}".rstrip(", ")), soft_wrap=False)
    if len(found.overdue) > _MOST_NAMED:
        console.print(_bullet("…", own["more"].format(count=len(found.overdue) - _MOST_NAMED)), soft_wrap=False)
    if found.new:
        console.print()
        console.print(_bullet("!", own["new"].format(count=len(found.new))), soft_wrap=False)


def written(console: Console, directory: Path, files: Iterable[Path], language: str) -> None:
    every = sorted(files)
    report = next((file for file in every if file.name.endswith(".html")), directory)
    told = _WORDS[language]["written"].format(count=len(every), directory=directory, report=report)
    console.print(told, markup=False, soft_wrap=True)


def _address(text: str) -> Any:
    """A long address on two lines, broken before its @."""
    from rich.text import Text

    local, at, domain = text.rpartition("@")
    return Text(f"{local}\n{at}{domain}" if local and len(text) > _LONG else text, overflow="fold")


def _table(console: Console, *columns: tuple[str, str]) -> Any:
    from rich import box
    from rich.table import Table

    found = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    for name, kind in columns:
        found.add_column(
            name,
            justify="right" if kind == "right" else "left",
            no_wrap=kind in ("", "right"),
            overflow="fold",
            min_width=_LONG if kind == "client" else None,
        )
    return found


def _bullet(mark: str, text: str) -> Any:
    from rich.table import Table
    from rich.text import Text

    row = Table.grid(padding=(0, 1), pad_edge=True)
    row.add_column(no_wrap=True)
    row.add_column()
    row.add_row(Text(mark, "yellow" if mark == "!" else "cyan"), Prose(text))
    return row
