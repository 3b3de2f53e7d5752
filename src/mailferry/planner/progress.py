"""How far the plan is carried out, seen in a later inventory.

A client has moved when it was seen to sign in by OAuth, or came through the gateway, and nothing since then shows Basic
at Microsoft; one to be retired, when SMTP AUTH of its mailbox is off or the inventory has it no more.
Leaves to others: the later inventory. Invariants: what nobody saw has not moved; a snapshot is counted from planned
clients only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mailferry.inventory.records import Authentication, Client, Fate
from mailferry.planner.case import newest_day
from mailferry.planner.keep import StoreError, write_whole
from mailferry.planner.values import Item, Plan, Way

FILE = "progress.json"
_GATEWAY = "gateway"
#: The inventory's codes for a client that still signs in to Microsoft with its password.
_STILL_BASIC = frozenset({"not-yet-through-us", "still-both"})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How many of the planned clients had moved on a day, and how many should have by the plan."""

    day: date
    planned: int
    moved: int
    due: int


@dataclass(frozen=True, slots=True)
class Progress:
    snapshot: Snapshot
    moved: tuple[Item, ...]
    overdue: tuple[Item, ...]  # the exports reach beyond their day, and they have not moved
    new: tuple[str, ...]  # clients of the inventory that the plan does not know and that break
    until: date  # the last day that the exports tell of


def progress(plan: Plan, clients: Iterable[Client], today: date) -> Progress:
    """The planned clients against what is seen now."""
    now = {client.id: client for client in clients}
    mailboxes: dict[str, list[Client]] = {}
    for client in now.values():
        mailboxes.setdefault(client.sender, []).append(client)
    planned = [item for item in plan.items if item.wave]
    moved = tuple(item for item in planned if _moved(item, now, mailboxes))
    done = {item.client.id for item in moved}
    due = [item for item in planned if item.day is not None and item.day <= today]
    known = {item.client.id for item in plan.items}
    fresh = sorted(client.id for client in now.values() if client.id not in known and client.fate is not Fate.CONTINUES)
    until = newest_day(now.values(), today)
    overdue = tuple(item for item in due if item.client.id not in done and item.day is not None and item.day < until)
    snapshot = Snapshot(today, len(planned), len(moved), len(due))
    return Progress(snapshot, moved, overdue, tuple(fresh), until)


def _moved(item: Item, now: Mapping[str, Client], mailboxes: Mapping[str, list[Client]]) -> bool:
    """Whether `item` was carried out. A mailbox behind which more clients were found since has them under new ids."""
    client = now.get(item.client.id)
    others = mailboxes.get(item.client.sender, []) if client is None and item.client.sender else []
    seen = [client] if client is not None else others
    if item.way is Way.RETIRE:
        return all(one.switches.disabled is True for one in seen)
    return bool(seen) and all(has_moved(item.client, one) for one in seen)


def has_moved(before: Client, now: Client) -> bool:
    """Whether the client signs in by OAuth now, or came through the gateway since and nowhere else."""
    if now.fate is Fate.CONTINUES or now.authentication is Authentication.OAUTH:
        return True
    through = _GATEWAY in now.sources and _GATEWAY not in before.sources
    return through and not any(finding.code in _STILL_BASIC for finding in now.findings)


def remember(snapshot: Snapshot, directory: Path) -> tuple[Snapshot, ...]:
    """Add today's snapshot to those before; a second one on a day replaces the first."""
    kept = [one for one in recall(directory) if one.day != snapshot.day]
    every = tuple(sorted([*kept, snapshot], key=lambda one: one.day))
    write_whole(directory / FILE, _adapter().dump_json(every))
    return every


def recall(directory: Path) -> tuple[Snapshot, ...]:
    """The snapshots so far, oldest first."""
    file = directory / FILE
    try:
        return _adapter().validate_json(file.read_bytes())
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror}") from error
    except ValidationError:
        raise StoreError(f"{file} is damaged; remove it, and the progress is counted from today") from None


def _adapter() -> TypeAdapter[tuple[Snapshot, ...]]:
    return TypeAdapter(tuple[Snapshot, ...])
