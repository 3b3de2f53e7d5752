"""Changes to the schedule that announcements propose and a person accepts, kept in two files of the state directory.

Leaves to others: what contradicts the schedule (compare), the schedule as it is shipped (m365.schedule), and which days
count once a change is accepted (in_force). Invariant: a change is in force only after a person accepted it; each
carries source, date and sentence, and the files are written whole or not at all.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from mailferry.bulletin.compare import Comparison
from mailferry.bulletin.facts import Audience, Bound, Effect, Period, Phase, Precision


class ChangesError(ValueError):
    """A file of changes cannot be used; the text says which and what to do."""


@dataclass(frozen=True, slots=True)
class Change:
    """One date of the schedule as an announcement has it. `schedule` is what stands there now; `accepted_by` is empty
    until a person accepts it."""

    id: str
    effect: Effect
    audience: Audience
    first: date
    last: date
    precision: Precision
    bound: Bound
    wording: str
    sentence: str
    schedule: str
    title: str
    publisher: str
    address: str
    published: date | None
    read: date
    accepted_by: str = ""
    accepted: date | None = None

    @property
    def phase(self) -> Phase:
        period = Period(self.first, self.last, self.precision, self.wording)
        return Phase(period, self.effect, self.audience, self.sentence, self.bound)


def proposals(comparison: Comparison, today: date) -> tuple[Change, ...]:
    """What the schedule would have to say, were the announcement right."""
    page = comparison.announcement
    return tuple(
        Change(
            id=_id(point.phase, page.address or page.title),
            effect=point.phase.effect,
            audience=point.phase.audience,
            first=point.phase.period.first,
            last=point.phase.period.last,
            precision=point.phase.period.precision,
            bound=point.phase.bound,
            wording=point.phase.period.text,
            sentence=point.phase.sentence,
            schedule=point.against.en,
            title=page.title,
            publisher=page.publisher,
            address=page.address,
            published=page.published,
            read=today,
        )
        for point in comparison.points
        if point.changes
    )


def _id(phase: Phase, place: str) -> str:
    """The same for the same statement of the same page, so that a second reading proposes nothing new."""
    facts = f"{phase.effect} {phase.audience} {phase.period.first} {phase.period.last} {phase.bound} {place}"
    return f"{phase.period.first:%Y-%m}-{phase.effect}-{hashlib.sha256(facts.encode()).hexdigest()[:6]}"


class Changes:
    """The two files under `directory` (the gateway's state directory)."""

    def __init__(self, directory: Path) -> None:
        self._lock = directory / "bulletin" / ".lock"
        self._proposed = directory / "bulletin" / "proposed.json"
        self._accepted = directory / "bulletin" / "accepted.json"

    def proposed(self) -> tuple[Change, ...]:
        return _read(self._proposed)

    def accepted(self) -> tuple[Change, ...]:
        return _read(self._accepted)

    def propose(self, found: Iterable[Change]) -> tuple[Change, ...]:
        """Keep those that are neither waiting nor accepted yet; they are returned."""
        found = tuple(found)
        if not found:
            return ()
        with self._alone():
            waiting = self.proposed()
            known = {change.id for change in (*waiting, *self.accepted())}
            fresh = tuple(change for change in found if change.id not in known)
            if fresh:
                _write(self._proposed, (*waiting, *fresh))
        return fresh

    def accept(self, id: str, by: str, today: date) -> Change | None:
        """Put a proposed change in force; what it replaces (the same effect for the same tenants) goes. None when
        there is no such proposal. It leaves the proposals last, so that a crash between loses nothing."""
        with self._alone():
            chosen = next((change for change in self.proposed() if change.id == id), None)
            if chosen is None:
                return None
            chosen = replace(chosen, accepted_by=by, accepted=today)
            same = (chosen.effect, chosen.audience)
            kept = [change for change in self.accepted() if (change.effect, change.audience) != same]
            _write(self._accepted, (*kept, chosen))
            _write(self._proposed, [change for change in self.proposed() if change.id != id])
        return chosen

    def withdraw(self, id: str) -> Change | None:
        """Drop a proposal."""
        return self._without(self._proposed, id)

    def revoke(self, id: str) -> Change | None:
        """Take an accepted change out of force; the schedule stands again."""
        return self._without(self._accepted, id)

    def _without(self, path: Path, id: str) -> Change | None:
        with self._alone():
            kept = _read(path)
            chosen = next((change for change in kept if change.id == id), None)
            if chosen is not None:
                _write(path, [change for change in kept if change.id != id])
        return chosen

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else changes the files meanwhile: the watch and a person may do so at the same time."""
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("a", encoding="utf-8") as file:
            _give_to_owner(self._lock)
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _read(path: Path) -> tuple[Change, ...]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ChangesError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return tuple(_change(entry) for entry in json.loads(text)["changes"])
    except (ValueError, KeyError, TypeError) as error:
        raise ChangesError(f"{path} is damaged ({error}); move it away, then run `mailferry bulletin watch`") from error


def _change(entry: dict[str, Any]) -> Change:
    made = dict(entry)
    made.update(effect=Effect(made["effect"]), audience=Audience(made["audience"]), bound=Bound(made["bound"]),
                precision=Precision(made["precision"]))  # fmt: skip
    for key in ("first", "last", "published", "read", "accepted"):
        made[key] = date.fromisoformat(made[key]) if made.get(key) else None
    return Change(**made)


def document(change: Change) -> dict[str, Any]:
    """A change as JSON has it."""
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in asdict(change).items()}


def _write(path: Path, changes: Iterable[Change]) -> None:
    write_json(path, {"version": 1, "changes": [document(change) for change in changes]})


def write_json(path: Path, value: Any) -> None:
    """Write `path` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    _give_to_owner(temporary)
    temporary.replace(path)


def _give_to_owner(path: Path) -> None:
    """What root makes there, the user of the state directory must be able to change."""
    if os.geteuid() == 0:
        owner = path.parent.parent.stat()
        for made in (path.parent, path):
            os.chown(made, owner.st_uid, owner.st_gid)
