"""The whole loop on a made-up organisation: exports, inventory, plan, rehearsal before and after the change.

Leaves to others: every step (sample, inventory, planner, run) and how it is shown (cli.demo_loop). Invariant: all of it
is what an administrator runs, on files in a temporary directory; it holds only where what breaks by the organisation's
own truth is what was refused after the change, and nothing else.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from mailferry.clock import SystemClock, utc
from mailferry.inventory.records import Client
from mailferry.inventory.store import Inventory
from mailferry.planner.knowledge import products
from mailferry.planner.make import make
from mailferry.planner.settings import PlanSettings
from mailferry.planner.store import dump
from mailferry.planner.values import Plan
from mailferry.rehearsal.run import rehearse
from mailferry.rehearsal.values import Rehearsal
from mailferry.sample import truth
from mailferry.sample.run import Request, write

_SIZE, _SEED = 50, 1
#: The day on which the organisation plans: a working day after its exports end.
TODAY = date(2026, 11, 24)
#: What the truth calls the fates of clients that are refused after the change.
_REFUSED = ("breaks", "broken")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Loop:
    """What each step gave. `files` were imported; by the truth `doomed` clients are refused after the change."""

    files: int
    clients: tuple[Client, ...]
    plan: Plan
    rehearsal: Rehearsal
    doomed: int

    @property
    def found(self) -> int:
        """How many the last date refuses as they are."""
        return self.rehearsal.days[-1].broken

    @property
    def holds(self) -> bool:
        return self.rehearsal.holds and self.found == self.doomed


def play(dates: Sequence[date], language: str, say: Say = lambda step: None) -> Loop:
    """Play it. `say` hears the step that begins: sample, inventory, plan, rehearsal."""
    with tempfile.TemporaryDirectory(prefix="mailferry-loop-") as directory:
        place = Path(directory)
        say("sample")
        write(place / "organisation", Request(_SIZE, _SEED, language, variants=False))
        say("inventory")
        with Inventory(place / "state", SystemClock()) as inventory:
            sources = inventory.import_paths([place / "organisation" / "exports"])
            clients, domains = inventory.clients(), tuple(sorted(inventory.domains()))
        say("plan")
        plan = make(clients, products(), PlanSettings(domains=domains, owner="it@example.com"), TODAY)
        say("rehearsal")
        now, digest = utc(SystemClock().time()), hashlib.sha256(dump(plan)).hexdigest()
        rehearsal = rehearse(plan, domains, dates, now, digest)
        known = truth.read(place / "organisation" / "truth.json")
    doomed = sum(client["fate"] in _REFUSED for client in known["clients"])
    return Loop(len(sources), clients, plan, rehearsal, doomed)


def document(loop: Loop) -> dict[str, Any]:
    """For programs."""
    return {
        "files": loop.files,
        "clients": len(loop.clients),
        "refused_by_truth": loop.doomed,
        "refused": loop.found,
        "holds": loop.holds,
        "days": [
            {
                "date": day.at.isoformat(),
                "breaks_as_is": day.broken,
                "delivers_as_planned": day.delivering,
                "verdicts": {verdict.value: count for verdict, count in sorted(day.counts.items())},
                "account_holds": day.account.holds,
            }
            for day in loop.rehearsal.days
        ],
    }
