"""How verdicts on announcements and changes to the schedule look, as tables and for programs.

Leaves to others: judging and keeping (bulletin), the commands (bulletin_watch). Invariant: pure output; every change is
shown with its sentence.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mailferry.cli.language import Prose
from mailferry.cli.output import out, print_json, talk

if TYPE_CHECKING:
    from rich.console import Console

    from mailferry.bulletin.changes import Change, Changes
    from mailferry.bulletin.compare import Comparison

WORDS = {
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


def points(found: Comparison, language: str) -> list[dict[str, Any]]:
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


def show(console: Console, found: Comparison, language: str) -> None:
    from rich import box
    from rich.table import Table

    words = WORDS[language]
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


def show_changes(console: Console, title: str, changes: Iterable[Change], language: str) -> None:
    from rich.padding import Padding
    from rich.text import Text

    words = WORDS[language]
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


def show_all(changes: Changes, language: str, json: bool) -> None:
    from mailferry.bulletin.changes import document

    words = WORDS[language]
    lists = {"proposed": changes.proposed(), "accepted": changes.accepted()}
    if json:
        print_json({name: [document(change) for change in found] for name, found in lists.items()})
        return
    for name, found in lists.items():
        if found:
            show_changes(out(), words[name], found, language)
    if not any(lists.values()):
        talk().print(words["nothing"])
