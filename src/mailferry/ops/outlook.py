"""How the clients stand, as far as inventory and plan of a state directory tell: who breaks, how far the plan is.

Leaves to others: inventory and plan themselves, and showing it (console, cli). Invariant: what nobody counted is None;
what cannot be read is told as a trouble and hides nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mailferry.clock import Clock, utc
from mailferry.inventory.errors import InventoryError
from mailferry.inventory.records import Client, Fate
from mailferry.ops.in_force import ACCEPTED, ChangesError, in_force
from mailferry.planner.progress import FILE as PROGRESS
from mailferry.planner.progress import Snapshot, progress, recall
from mailferry.planner.store import FILE as PLAN
from mailferry.planner.store import NoPlanError, StoreError, load
from mailferry.planner.values import Plan

INVENTORY = "inventory.duckdb"


@dataclass(frozen=True, slots=True)
class Breaking:
    """Clients that stop sending (or have stopped) at the cut-off, and the mailboxes they send from."""

    clients: int
    mailboxes: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """`clients` counts all that are known; `snapshot` is how far the plan is, `history` how far it was before."""

    clients: int | None = None
    breaking: Breaking | None = None
    plan: Plan | None = None
    snapshot: Snapshot | None = None
    history: tuple[Snapshot, ...] = ()
    troubles: tuple[str, ...] = ()


def breaking(clients: Iterable[Client]) -> Breaking:
    """How many of them break."""
    found = [client for client in clients if client.fate in (Fate.BREAKS, Fate.BROKEN)]
    return Breaking(len(found), len({client.sender for client in found if client.sender}))


def state_of_files(state: Path) -> tuple[tuple[int, int], ...]:
    """Changes whenever what `look` reads was written again."""
    return tuple(_written(state / name) for name in (INVENTORY, PLAN, PROGRESS, ACCEPTED))


def look(state: Path, clock: Clock) -> Outlook:
    """What there is in the state directory. Blocks: an inventory of many clients takes seconds."""
    troubles: list[str] = []
    today = utc(clock.time()).date()
    clients = _clients(state, clock, troubles)
    plan, history = _plan(state, troubles)
    known = clients if clients is not None else tuple(item.client for item in plan.items) if plan is not None else None
    return Outlook(
        clients=len(known) if known is not None else None,
        breaking=breaking(known) if known is not None else None,
        plan=plan,
        snapshot=_snapshot(plan, clients, history, today),
        history=history,
        troubles=tuple(troubles),
    )


def _snapshot(
    plan: Plan | None, clients: tuple[Client, ...] | None, history: tuple[Snapshot, ...], today: date
) -> Snapshot | None:
    """Counted in the inventory, else as it was seen last."""
    if plan is None:
        return None
    if clients is not None:
        return progress(plan, clients, today).snapshot
    return history[-1] if history else None


def _clients(state: Path, clock: Clock, troubles: list[str]) -> tuple[Client, ...] | None:
    if not (state / INVENTORY).is_file():
        return None
    try:
        from mailferry.inventory.store import Inventory

        ends = _ends(state, troubles)
        with Inventory(state, clock, read_only=True) as inventory:
            return inventory.clients(ends=ends)
    except ModuleNotFoundError as error:
        troubles.append(f"{error.name} is not installed: pip install 'mailferry[analysis]'")
    except InventoryError as error:
        troubles.append(f"{error}; {error.cure}" if error.cure else str(error))
    return None


def _ends(state: Path, troubles: list[str]) -> date | None:
    """The day on which clients break, by what was accepted; None: as announced."""
    try:
        return in_force(state).ends
    except ChangesError as error:
        troubles.append(str(error))
    return None


def _plan(state: Path, troubles: list[str]) -> tuple[Plan | None, tuple[Snapshot, ...]]:
    try:
        return load(state), recall(state)
    except NoPlanError:
        pass
    except StoreError as error:
        troubles.append(str(error))
    return None, ()


def _written(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
