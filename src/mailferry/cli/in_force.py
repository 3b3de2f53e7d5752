"""The accepted changes of a state directory, for commands that act on the days they move.

Leaves to others: which days those are (ops.in_force). Invariant: a command that assumes another day than the schedule
that Mailferry ships says so, with the announcement; a damaged file is an error, never the shipped day in silence.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mailferry.cli.output import Exit, fail, talk

if TYPE_CHECKING:
    from mailferry.ops.in_force import InForce


def dates_in_force(place: Path) -> InForce:
    """What was accepted there."""
    from mailferry.ops.in_force import ChangesError, in_force

    try:
        return in_force(place)
    except ChangesError as error:
        fail(str(error), code=Exit.UNAVAILABLE)


def tell(found: InForce, language: str) -> None:
    """On standard error, where something was accepted."""
    from mailferry.ops.in_force import said
    from mailferry.ops.marks import ACCEPTED

    for sentence in said(found, language):
        talk().print(f"{ACCEPTED} {sentence}", markup=False, soft_wrap=True)
