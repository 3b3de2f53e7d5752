"""A change to the schedule that a person accepted, in a state directory."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from mailferry.bulletin.changes import Change, Changes
from mailferry.bulletin.facts import Audience, Bound, Effect, Precision

TODAY = date(2026, 11, 24)
MARCH, REMOVAL = date(2027, 3, 31), date(2028, 9, 30)


def accept(state: Path, day: date = MARCH, effect: Effect = Effect.DISABLED_BY_DEFAULT) -> str:
    """Its id; there is one for each effect."""
    made = Change(
        effect.value, effect, Audience.EXISTING, day, day, Precision.DAY, Bound.IN, "then", "It ends then.",
        "from the end of December 2026", "News", "Example", "https://example.com", None, TODAY,
    )  # fmt: skip
    changes = Changes(state)
    changes.propose([made])
    changes.accept(made.id, "tanaka", TODAY)
    return made.id
