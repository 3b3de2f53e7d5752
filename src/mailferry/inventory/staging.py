"""One file into the scratch database: made readable, recognised, staged, counted.

Leaves to others: which files (files), the inventory itself (merging) and what rows mean (readers). Invariant: the
inventory is not touched; what a file can do wrong is an InventoryError or a counted skip, and the numbers add up: rows
are those taken and those skipped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailferry.inventory import text
from mailferry.inventory.database import statements
from mailferry.inventory.errors import InventoryError, NotAnExportError
from mailferry.inventory.files import Found
from mailferry.inventory.readers import gateway
from mailferry.inventory.readers.base import Reader, Target
from mailferry.inventory.recognise import recognise
from mailferry.inventory.rejects import Skip, parser_rejects, sample_lines
from mailferry.inventory.sample import Sample, Shape, take
from mailferry.inventory.tables import Table, table

if TYPE_CHECKING:
    import duckdb

_ISO = re.compile(r"\d{4}[-/.年]|\d{8}T|$")
_EVENTS = ("places", "arrivals", "signs")
_DIMS = ("account", "sender", "address", "name", "host", "authentication", "mechanism", "tls", "agent", "error", "via")
#: What a reader need not make, and what stands for it.
_ABSENT = dict.fromkeys((*_DIMS, "message_id", "subject"), "''") | {
    "message": "NULL::UUID",
    "domain": "NULL::VARCHAR",
    "recipients": "NULL::INTEGER",
    "size": "NULL::BIGINT",
}
#: DuckDB says where in a JSON file, with its own name for the file before it.
_PLACE = re.compile(r'(?:in file|file) "?[^"\n]*"?,? ?')


@dataclass(frozen=True, slots=True)
class Staged:
    """What one file gave; its tables in the scratch database end in `number`. Times are UTC without a zone."""

    number: int
    kind: str
    target: Target | None  # None: a companion file that says nothing
    name: str
    modified: int
    rows: int = 0
    taken: int = 0
    digest: str = ""
    first: datetime | None = None
    last: datetime | None = None
    skipped: tuple[Skip, ...] = ()
    note: str = ""
    numbered: bool = True  # its records have ids of their own

    @property
    def dims_kind(self) -> str:
        """Records without ids are kept apart: they cannot be told from those of another export that has ids."""
        return self.kind if self.numbered else f"{self.kind}-unnumbered"


class Stager:
    """Stages files one after the other on a connection whose default is the scratch database."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, scratch: Path, now: datetime) -> None:
        self._db = connection
        self._scratch = scratch
        self._count = 0
        connection.execute("SET VARIABLE now = CAST(? AS TIMESTAMP)", [now.replace(tzinfo=None)])
        connection.execute("SET VARIABLE year = CAST(? AS INTEGER)", [now.year])

    def stage(self, found: Found) -> Staged:
        """Read `found`, carefully where the quick way fails; what is no export only where nobody named it."""
        self._count += 1
        try:
            return self._read(found)
        except NotAnExportError as error:
            if found.named:
                raise
            return Staged(self._count, "unknown", None, found.name, found.modified, note=error.reason)

    def _read(self, found: Found) -> Staged:
        import duckdb

        of_data = (duckdb.InvalidInputException, duckdb.DataError, duckdb.OperationalError)
        try:
            staged = self._attempt(found, careful=False)
            if staged is not None:
                return staged
        except of_data:
            self._clear()
        try:
            staged = self._attempt(found, careful=True)
        except of_data as error:
            raise InventoryError(found.name, f"it cannot be read: {_told(error)}") from error
        if staged is None:
            raise InventoryError(found.name, "it holds no row", cure="export it again")
        return staged

    def _attempt(self, found: Found, *, careful: bool) -> Staged | None:
        """None where the quick way may have missed something."""
        file, sample, reader = self._open(found, careful=careful)
        if reader is None:
            note = "details of sign-ins that another file has"
            return Staged(self._count, "companion", None, found.name, found.modified, note=note)
        made = table(found.name, file, sample, reader.fields, self._scratch)
        iso = not reader.dated or self._all_iso(made, reader)
        self._settle(made, reader, iso=iso)
        stage = statements(f"readers/{reader.kind}.sql")["stage"]
        self._run(made, stage, ordered=sample.shape is Shape.LINES)
        refused = parser_rejects(self._db, made)
        numbered = not reader.numbered or reader.has(sample, reader.numbered)
        if not numbered:
            self._execute("number-twins")
        rows, taken, first, last, digest = self._one("tally")
        if not careful and (rows == 0 or any(skip.reason == "bad-letters" for skip in refused)):
            self._clear()
            return None
        if rows == 0 and refused:
            raise InventoryError(found.name, "none of its rows can be read", refused[0].line)
        counts = self._db.execute(statements("merge.sql")["skips"]).fetchall()
        skipped = (*refused, *(sample_lines(self._db, made, stage, counts) if counts else ()))
        self._keep(reader)
        lost = sum(skip.count for skip in refused)
        return Staged(
            self._count, reader.kind, reader.target, found.name, found.modified, rows + lost, taken, digest, first,
            last, skipped, self._note(iso=iso), numbered,
        )  # fmt: skip

    def _open(self, found: Found, *, careful: bool) -> tuple[Path, Sample, Reader | None]:
        with found.path.open("rb") as stream:
            database = stream.read(len(gateway.MAGIC)) == gateway.MAGIC
        if database:
            file = self._scratch / f"history{self._count}{careful}.ndjson"
            gateway.unload(found.path, found.name, file)
            return file, take(file), gateway.READER
        file = text.plain(found.path, found.name, self._scratch, careful=careful)
        sample = take(file)
        if not any(line.strip() for line in sample.lines):
            raise NotAnExportError(found.name, "it is empty", cure="export it again")
        reader = recognise(found.name, sample)
        if reader is not None and reader.fits is not None:  # a log's lines may look like columns or properties
            sample = replace(sample, shape=Shape.LINES)
        return (file if sample.shape is Shape.CSV else text.unmarked(file, self._scratch)), sample, reader

    def _settle(self, made: Table, reader: Reader, *, iso: bool) -> None:
        """The variables that SQL reads: how this file writes dates, and whether it has the switch at all."""
        self._db.execute("SET VARIABLE day_first = ?", [not iso and self._day_first(made, reader)])
        self._forget_rejects()
        switch = reader.target is Target.MAILBOXES and reader.has(made.sample, "disabled")
        self._db.execute("SET VARIABLE has_switch = ?", [switch])

    def _day_first(self, made: Table, reader: Reader) -> bool:
        """Whether "03/04/2026" is the third of April here: a number above 12 tells; else semicolons do, which are
        the list separator where the day comes first, or dots."""
        first, second, dots = self._db.execute(
            "SELECT coalesce(max(TRY_CAST(d.a AS INTEGER)), 0), coalesce(max(TRY_CAST(d.b AS INTEGER)), 0), "  # noqa: S608
            "coalesce(bool_or(d.s = '.'), false) FROM (SELECT "
            f"regexp_extract({reader.dated}, '^(\\d{{1,2}})([./-])(\\d{{1,2}})[./-]\\d{{4}}', ['a', 's', 'b']) AS d "
            f"FROM ({made.relation}))"
        ).fetchone() or (0, 0, False)
        return bool(first > 12 or (second <= 12 and (dots or made.sample.delimiter == ";")))

    def _all_iso(self, made: Table, reader: Reader) -> bool:
        rows = self._db.execute(f"SELECT {reader.dated} FROM ({made.relation}) LIMIT 100").fetchall()  # noqa: S608
        return all(_ISO.match(value) for (value,) in rows)

    def _forget_rejects(self) -> None:
        for name in ("rejects", "rejects_scan"):
            self._db.execute(f"DROP TABLE IF EXISTS {name}")

    def _run(self, made: Table, stage: str, *, ordered: bool) -> None:
        self._db.execute(f"SET preserve_insertion_order = {str(ordered).lower()}")
        record = "row_number() OVER ()" if ordered else "NULL::BIGINT"
        self._db.execute(f"CREATE OR REPLACE TEMP VIEW source AS SELECT *, {record} AS record FROM ({made.relation})")  # noqa: S608
        self._db.execute(f"CREATE TABLE staged AS {stage}")
        self._db.execute("SET preserve_insertion_order = false")

    def _keep(self, reader: Reader) -> None:
        """Events shrink to what the inventory keeps of them; settings stay as they are."""
        if reader.target is not Target.EVENTS:
            self._db.execute(f"ALTER TABLE staged RENAME TO staged{self._count}")
            return
        there = {name for (name,) in self._db.execute(statements("merge.sql")["columns"]).fetchall()}
        absent = "".join(f", {value} AS {name}" for name, value in _ABSENT.items() if name not in there)
        given = ", ".join(name for name in _DIMS if name in there)
        for name in ("whole", *_EVENTS):
            self._db.execute(statements("merge.sql")[name].replace("{absent}", absent).replace("{given}", given))
        self._db.execute("DROP TABLE staged")
        for name in ("place", "arrived", "sign"):
            self._db.execute(f"ALTER TABLE {name} RENAME TO {name}{self._count}")

    def _note(self, *, iso: bool) -> str:
        if iso:
            return ""
        first = self._db.execute("SELECT getvariable('day_first')").fetchone() == (True,)
        return "dates read as day, month, year" if first else "dates read as month, day, year"

    def _clear(self) -> None:
        for name in ("staged", "place", "arrived", "sign"):
            self._db.execute(f"DROP TABLE IF EXISTS {name}")

    def _execute(self, name: str) -> None:
        self._db.execute(statements("merge.sql")[name])

    def _one(self, name: str) -> tuple[Any, ...]:
        return self._db.execute(statements("merge.sql")[name]).fetchone() or ()


def _told(error: Exception) -> str:
    """DuckDB's first sentence without its class and without the scratch file's name."""
    sentence = str(error).splitlines()[0].split(": ", 1)[-1]
    return _PLACE.sub("", sentence).strip()
