"""What announcements change, marked in the timeline beside the schedule that Mailferry ships.

Leaves to others: keeping changes (bulletin.changes), their words (ops.marks). Invariant: a change is always shown with
its source, the page's own sentence and who accepted it; it never passes for Mailferry's own data.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailferry.cli.language import Prose
from mailferry.cli.output import Exit, fail

if TYPE_CHECKING:
    from rich.console import Console

    from mailferry.ops.marks import Change, Marks


def kept_changes(state: Path) -> Marks:
    """The changes in force and those proposed, by their date."""
    from mailferry.ops.marks import ChangesError, marks

    try:
        return marks(state)
    except ChangesError as error:
        fail(str(error), code=Exit.UNAVAILABLE)


def listed(kept: Marks) -> dict[str, Any]:
    from mailferry.bulletin.changes import document

    return {
        "accepted": [document(change) for change in kept.accepted],
        "proposed": [document(change) for change in kept.proposed],
    }


def show_changes(console: Console, kept: Marks, language: str) -> None:
    from mailferry.ops.marks import ACCEPTED, PROPOSED, title

    for changes, mark, accepted in ((kept.accepted, ACCEPTED, True), (kept.proposed, PROPOSED, False)):
        if changes:
            console.print()
            console.print(f"[bold yellow]{mark} {title(language, accepted=accepted)}[/]")
        for change in changes:
            _show(console, change, mark, language)


def _show(console: Console, change: Change, mark: str, language: str) -> None:
    from rich.table import Table
    from rich.text import Text

    from mailferry.ops.marks import cure, told

    row = Table.grid(padding=(0, 2), pad_edge=True)
    row.add_column(no_wrap=True, width=1)
    row.add_column()
    row.add_row(Text(mark, "bold yellow"), Prose(change.sentence, "bold"))
    row.add_row("", Prose(told(change, language), "dim"))
    if "://" in change.address:
        row.add_row("", Text(change.address, "dim", overflow="fold"))
    if not change.accepted_by:
        row.add_row("", Prose(cure(change, language), "cyan"))
    console.print(row, soft_wrap=False)
