"""The figures of a notice: from a file, or counted in the inventory and the plan of a state directory.

Leaves to others: inventory and plan themselves. Invariant: nothing is counted unless it was asked for, because a notice
may be read outside; what neither knows stays unsaid.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from mailferry.cli.output import Exit, fail

if TYPE_CHECKING:
    from mailferry.bulletin.facts import Announcement
    from mailferry.bulletin.figures import Figures


def figures(file: Path | None, state: Path | None, found: Announcement, today: date) -> Figures:
    """The figures asked for; the days that are left are counted where the file does not say."""
    from mailferry.bulletin.compose import deadline
    from mailferry.bulletin.figures import Figures

    if file is None and state is None:
        return Figures()
    given = _written(file) if file is not None else _counted(state, today) if state is not None else Figures()
    until = deadline(found)
    if given.days_left is None and until is not None:
        return replace(given, days_left=(until - today).days)
    return given


def _written(file: Path) -> Figures:
    from mailferry.bulletin.figures import from_json

    try:
        return from_json(file.read_bytes())
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}", "name a JSON file that holds the figures", Exit.USAGE)
    except ValueError as error:
        hint = 'figures are written {"breaking": 12, "mailboxes": 9, "done": 3, "total": 15}'
        fail(f"{file}: {error}", hint, Exit.USAGE)


def _counted(state: Path, today: date) -> Figures:
    from mailferry.bulletin.figures import Figures
    from mailferry.cli.plan_input import clients
    from mailferry.ops.outlook import breaking
    from mailferry.planner.progress import progress
    from mailferry.planner.store import NoPlanError, StoreError, load

    known, _ = clients(state, None)
    counts = breaking(known)
    counted = Figures(breaking=counts.clients, mailboxes=counts.mailboxes)
    try:
        snapshot = progress(load(state), known, today).snapshot
    except NoPlanError:
        return counted
    except StoreError as error:
        fail(str(error), code=Exit.NO)
    return replace(counted, done=snapshot.moved, total=snapshot.planned)
