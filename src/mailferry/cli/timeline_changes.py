"""What a person accepted from announcements, marked in the timeline beside the schedule that Mailferry ships.

Leaves to others: keeping changes (bulletin.changes). Invariant: an accepted change is always shown with its source, the
page's own sentence and who accepted it; it never passes for Mailferry's own data.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailferry.cli.language import Prose
from mailferry.cli.output import Exit, fail
from mailferry.cli.state import state_directory

if TYPE_CHECKING:
    from rich.console import Console

    from mailferry.bulletin.changes import Change

_WORDS = {
    "en": {
        "title": "Changed by an accepted announcement",
        "by": "{publisher}, {published}; accepted by {by} on {day}",
        "undated": "no date",
    },
    "ja": {
        "title": "承認済みの発表による変更",
        "by": "{publisher}（{published}）。{day} に {by} が承認",
        "undated": "日付なし",
    },
}


def accepted_changes(config: Path) -> tuple[Change, ...]:
    """The changes in force, by their date."""
    from mailferry.bulletin.changes import Changes, ChangesError

    try:
        return tuple(sorted(Changes(state_directory(config)).accepted(), key=lambda change: change.first))
    except ChangesError as error:
        fail(str(error), code=Exit.UNAVAILABLE)


def document(change: Change) -> dict[str, Any]:
    from mailferry.bulletin.changes import document as as_json

    return as_json(change)


def show_changes(console: Console, changes: tuple[Change, ...], language: str) -> None:
    from rich.table import Table
    from rich.text import Text

    if not changes:
        return
    words = _WORDS[language]
    console.print()
    console.print(f"[bold yellow]✎ {words['title']}[/]")
    for change in changes:
        row = Table.grid(padding=(0, 2), pad_edge=True)
        row.add_column(no_wrap=True, width=1)
        row.add_column()
        told = words["by"].format(
            publisher=change.publisher or change.title,
            published=change.published.isoformat() if change.published else words["undated"],
            by=change.accepted_by,
            day=change.accepted.isoformat() if change.accepted else "",
        )
        row.add_row(Text("✎", "bold yellow"), Prose(change.sentence, "bold"))
        row.add_row("", Prose(told, "dim"))
        if "://" in change.address:
            row.add_row("", Text(change.address, "dim", overflow="fold"))
        console.print(row, soft_wrap=False)
