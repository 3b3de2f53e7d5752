"""What was staged, into the inventory.

Leaves to others: the transaction (store) and the statements (merge.sql). Invariant: merging is a union of sets: it is
commutative, associative and idempotent, so that the order of imports and their repetition leave no trace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mailferry.inventory.database import statements
from mailferry.inventory.readers.base import Target
from mailferry.inventory.rejects import Skip
from mailferry.inventory.staging import Staged

if TYPE_CHECKING:
    import duckdb

_EVENTS = ("place", "arrived", "sign")


@dataclass(frozen=True, slots=True)
class Source:
    """One file that was imported. `rows` are those `taken` and those `skipped`; `fresh` were not known before."""

    kind: str
    name: str
    rows: int
    taken: int
    fresh: int
    first: datetime | None
    last: datetime | None
    imported: datetime
    skipped: tuple[Skip, ...] = ()
    note: str = ""


def merge(
    connection: duckdb.DuckDBPyConnection, scratch: str, staged: Sequence[Staged], now: datetime
) -> tuple[Source, ...]:
    """Take staged files into the open transaction; `scratch` is the name of the database they were staged in."""
    fresh: dict[tuple[int, int], int] = {}
    for each in {each.number: each for each in staged}.values():
        if each.target is None:
            continue
        merger = _Merger(connection, scratch, each)
        counts = merger.events() if each.target is Target.EVENTS else {0: merger.settings(each.target)}
        fresh |= {(each.number, part): count for part, count in counts.items()}
        merger.forget()
    return tuple(_source(connection, each, fresh.get((each.number, each.part), 0), now) for each in staged)


def _source(connection: duckdb.DuckDBPyConnection, staged: Staged, fresh: int, now: datetime) -> Source:
    source = Source(
        staged.kind, staged.name, staged.rows, staged.taken, fresh, staged.first, staged.last, now, staged.skipped,
        staged.note,
    )  # fmt: skip
    if staged.target is not None:
        _note_source(connection, source, staged.digest)
    return source


class _Merger:
    """The tables of one batch, by any of its files."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, scratch: str, staged: Staged) -> None:
        self._db = connection
        self._scratch = scratch
        self._staged = staged

    def events(self) -> Mapping[int, int]:
        """How many events of each file were not known."""
        for name in _EVENTS:
            self._see(name)
        for name in ("new-dims", "known"):
            self._db.execute(statements("merge.sql")[name], {"kind": self._staged.dims_kind})
        fresh: dict[int, int] = dict(self._db.execute(statements("merge.sql")["fresh"]).fetchall())
        for name in ("fuller", "new-events", "traits"):
            self._db.execute(statements("merge.sql")[name])
        return fresh

    def settings(self, target: Target) -> int:
        self._see("staged")
        text = statements("merge.sql")[target.value]
        row = self._db.execute(text, {"as_of": self._staged.modified} if "$as_of" in text else None).fetchone()
        return int(row[0]) if row else 0

    def forget(self) -> None:
        """Names of ours must not stand before the scratch database's when the next import is staged."""
        for name in (*_EVENTS, "staged"):
            self._db.execute(f"DROP VIEW IF EXISTS temp.{name}")

    def _see(self, name: str) -> None:
        self._db.execute(
            f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM {self._scratch}.{name}{self._staged.number}"  # noqa: S608
        )


def _note_source(connection: duckdb.DuckDBPyConnection, source: Source, digest: str) -> None:
    row = connection.execute(
        statements("merge.sql")["new-source"],
        {
            "kind": source.kind, "name": source.name, "rows": source.rows, "taken": source.taken, "fresh": source.fresh,
            "digest": digest, "first": source.first, "last": source.last, "now": source.imported.replace(tzinfo=None),
            "note": source.note,
        },
    ).fetchone()  # fmt: skip
    if row is None:
        return  # the same records as a source that is there already
    for skip in source.skipped:
        connection.execute(
            statements("merge.sql")["new-skip"],
            {"source": row[0], "reason": skip.reason, "count": skip.count, "line": skip.line},
        )
