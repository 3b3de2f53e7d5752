"""A plan for 50,000 clients, and 2,000 clients rehearsed on three dates: `python -m bench --only planning`.

The rehearsal is timed as the command that an administrator gives, from the start of its process to its end; the made-up
organisation is written and imported once, outside of that. What was done is looked at: a plan that lacks clients is no
plan.
"""

from __future__ import annotations

import atexit
import json
import shutil
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

from bench.cells import Cell

#: The day on which the plan is made, the first on which Basic is disabled, and one that is far beyond.
TODAY, DATES = "2026-11-24", ("2026-11-24", "2027-01-01", "2027-07-01")
PLANNED, REHEARSED = 50_000, 2_000


class Mailferry:
    """It has no peer at this."""

    name = "mailferry"


def command(*words: str) -> Any:
    """What `mailferry WORDS --json` prints; RuntimeError where it gave no answer."""
    program = [sys.executable, "-c", "from mailferry.cli import main; main()", *words, "--json"]
    done = subprocess.run(program, capture_output=True, text=True)
    try:
        return json.loads(done.stdout)  # not everything need be well: that is an answer too
    except ValueError:
        raise RuntimeError(f"mailferry {' '.join(words)}: {done.stdout[:200]}{done.stderr.strip()}") from None


@cache
def imported(size: int) -> Path:
    """The state directory of an organisation that was written and imported, made once a run."""
    from mailferry.clock import SystemClock
    from mailferry.inventory.store import Inventory
    from mailferry.sample.run import Request, write

    folder = Path(tempfile.mkdtemp(prefix="mailferry-bench-", dir="/var/tmp"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    write(folder / "organisation", Request(size, 1, variants=False))
    with Inventory(folder / "state", SystemClock()) as inventory:
        inventory.import_paths([folder / "organisation" / "exports"])
    shutil.rmtree(folder / "organisation")
    return folder / "state"


_PLAN = """
import sys, time
from datetime import date
from pathlib import Path
from mailferry.cli import collector
from mailferry.clock import SystemClock
from mailferry.inventory.store import Inventory
from mailferry.planner.knowledge import products
from mailferry.planner.make import make
from mailferry.planner.settings import PlanSettings
from mailferry.planner.store import save
place, today = Path(sys.argv[1]), date.fromisoformat(sys.argv[2])
with collector.seldom():
    with Inventory(place, SystemClock(), read_only=True) as inventory:
        clients, domains = inventory.clients(), tuple(sorted(inventory.domains()))
    started = time.perf_counter()
    plan = make(clients, products(), PlanSettings(domains=domains), today)
    save(plan, place)
    print(len(plan.items), time.perf_counter() - started)
"""


def plan(kind: type[Mailferry], seconds: float) -> float:
    """Seconds from the joined inventory to the kept plan, as `mailferry plan make` goes; the join is a figure of the
    inventory."""
    program = [sys.executable, "-c", _PLAN, str(imported(PLANNED)), TODAY]
    clients, took = subprocess.run(program, capture_output=True, text=True, check=True).stdout.split()
    _all_of(int(clients), PLANNED)
    return float(took)


@cache
def planned(size: int) -> Path:
    state = imported(size)
    command("plan", "make", "--state", str(state), "--at", TODAY)
    return state


def rehearse(kind: type[Mailferry], seconds: float) -> float:
    """Seconds of `mailferry rehearse` on three dates."""
    state = planned(REHEARSED)
    dates = [word for day in DATES for word in ("--at", day)]
    started = time.perf_counter()
    found = command("rehearse", "--state", str(state), *dates)
    took = time.perf_counter() - started
    if [day["date"] for day in found["days"]] != list(DATES):
        raise RuntimeError(f"rehearsed were {[day['date'] for day in found['days']]}")
    for day in found["days"]:
        _all_of(len(day["clients"]), REHEARSED)
    return took


def _all_of(clients: int, size: int) -> None:
    """Devices behind one mailbox and one address are one client, and what never sent is none: a twentieth at most."""
    if clients < size * 0.95:
        raise RuntimeError(f"{clients:,} clients of {size:,}")


def planning_cells() -> list[Cell]:
    """What a plan and a rehearsal may take."""
    alone: Any = [Mailferry]
    return [
        Cell("planning, plan 50,000", plan, alone, {"s at most": 10}, {"s at most": 5}, "s", better="less"),
        Cell("planning, rehearse 2,000", rehearse, alone, {"s at most": 60}, {"s at most": 30}, "s", better="less"),
    ]
