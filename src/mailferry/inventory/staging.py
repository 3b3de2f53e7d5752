"""Files into the scratch database, those of one form in one go: made readable, staged, counted.

Leaves to others: which files (files), opening them (opening), the inventory itself (merging) and what rows mean
(readers). Invariant: the inventory is not touched; what a file can do wrong is an InventoryError or a counted skip, and
the numbers of each file add up: rows are those taken and those skipped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mailferry.inventory.database import statements
from mailferry.inventory.errors import InventoryError, NotAnExportError
from mailferry.inventory.files import Found
from mailferry.inventory.opening import Opened, batches, common, opened
from mailferry.inventory.readers.base import Reader, Target
from mailferry.inventory.rejects import Skip, parser_rejects, sample_lines
from mailferry.inventory.sample import Shape
from mailferry.inventory.tables import Source, Table, table
from mailferry.inventory.tally import Tally

if TYPE_CHECKING:
    import duckdb

#: Told of each file: its place from 1, how many there are, its name.
Progress = Callable[[int, int, str], None]

_DIMS = ("account", "sender", "address", "name", "host", "authentication", "mechanism", "tls", "agent", "error", "via")
#: What a reader need not make, and what stands for it.
_ABSENT = dict.fromkeys((*_DIMS, "message_id", "subject"), "''") | {
    "message": "NULL::UUID",
    "domain": "NULL::VARCHAR",
    "recipients": "NULL::INTEGER",
    "size": "NULL::BIGINT",
}
_EVENTS = ("place", "arrived", "sign")
#: DuckDB says where in a JSON file, with its own name for the file before it.
_PLACE = re.compile(r'(?:in file|file) "?[^"\n]*"?,? ?')


@dataclass(frozen=True, slots=True)
class Staged:
    """What one file gave. Its batch's tables in the scratch database end in `number`, its rows there are those of
    `part`. Times are UTC without a zone."""

    number: int
    part: int
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
    """Stages files on a connection whose default is the scratch database."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, scratch: Path, now: datetime) -> None:
        self._db = connection
        self._scratch = scratch
        self._count = 0
        self._folders = 0
        connection.execute("SET VARIABLE now = CAST(? AS TIMESTAMP)", [now.replace(tzinfo=None)])
        connection.execute("SET VARIABLE year = CAST(? AS INTEGER)", [now.year])

    def stage(self, found: Sequence[Found], progress: Progress | None = None) -> list[Staged]:
        """All of `found`, in their order."""
        staged: dict[int, Staged] = {}
        files: list[tuple[int, Opened]] = []
        for place, each in enumerate(found):
            file = self._opened(each)
            if isinstance(file, Opened):
                files.append((place, file))
            else:
                staged[place] = file
        for batch in batches(files):
            if progress is not None:
                progress(min(len(staged) + len(batch), len(found)), len(found), batch[0][1].found.name)
            made = self._read([file for _, file in batch])
            staged |= dict(zip((place for place, _ in batch), made, strict=True))
        return [staged[place] for place in range(len(found))]

    def _opened(self, found: Found, *, careful: bool = False) -> Opened | Staged:
        """The file; what is no export, only where nobody named it, and what says nothing are done with."""
        try:
            file = opened(found, self._folder(), careful=careful)
        except OSError as error:
            raise InventoryError(
                found.name,
                f"it cannot be read any more: {error.strerror}",
                cure="import again when nothing writes there",
            ) from error
        except NotAnExportError as error:
            if found.named:
                raise
            return Staged(0, 0, "unknown", None, found.name, found.modified, note=error.reason)
        if file is None:
            note = "details of sign-ins that another file has"
            return Staged(0, 0, "companion", None, found.name, found.modified, note=note)
        return file

    def _read(self, batch: list[Opened]) -> list[Staged]:
        """The quick way, where that fails file by file, and at last carefully."""
        import duckdb

        of_data = (duckdb.InvalidInputException, duckdb.DataError, duckdb.OperationalError)
        try:
            staged = self._attempt(batch, careful=False)
            if staged is not None:
                return staged
        except of_data:
            pass
        self._clear()
        if len(batch) > 1:
            return [staged for each in batch for staged in self._read([each])]
        found = batch[0].found
        file = self._opened(found, careful=True)
        if isinstance(file, Staged):
            return [file]
        try:
            staged = self._attempt([file], careful=True)
        except of_data as error:
            raise InventoryError(found.name, f"it cannot be read: {_told(error)}") from error
        if staged is None:
            raise InventoryError(found.name, "it holds no row", cure="export it again")
        return staged

    def _attempt(self, batch: list[Opened], *, careful: bool) -> list[Staged] | None:
        """None where the quick way may have missed something."""
        reader = batch[0].reader
        self._count += 1
        sources = [Source(each.found.name, each.file) for each in batch]
        made = table(sources, common(batch), reader.fields, reader.own, self._folder())
        self._settle(made, reader, iso=batch[0].iso)
        skips = self._run(made, reader)
        refused = parser_rejects(self._db, made)
        if not batch[0].numbered:
            self._execute("number-twins")
        tally = Tally(self._db.execute(statements("merge.sql")["tally"]).fetchall())
        for part, each in enumerate(batch):
            lost = refused.get(part, ())
            if not careful and (tally.rows(part) == 0 or any(skip.reason == "bad-letters" for skip in lost)):
                return None
            if tally.rows(part) == 0 and lost:
                raise InventoryError(each.found.name, "none of its rows can be read", lost[0].line)
        lines = sample_lines(self._db, made, skips, tally.skips) if tally.skips else {}
        self._keep(reader)
        note = "" if batch[0].iso else self._note()
        return [
            Staged(
                self._count, part, reader.kind, reader.target, each.found.name, each.found.modified,
                tally.rows(part) + sum(skip.count for skip in refused.get(part, ())), *tally.taken(part),
                (*refused.get(part, ()), *lines.get(part, ())), note, each.numbered,
            )
            for part, each in enumerate(batch)
        ]  # fmt: skip

    def _settle(self, made: Table, reader: Reader, *, iso: bool) -> None:
        """The variables that SQL reads: how this file writes dates, and whether it has the switch at all."""
        self._db.execute("SET VARIABLE day_first = ?", [not iso and self._day_first(made, reader)])
        self._forget_rejects()
        if reader.target is Target.MAILBOXES:
            self._db.execute("SET VARIABLE has_switch = ?", [reader.has(made.sample, "disabled")])

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

    def _forget_rejects(self) -> None:
        for name in ("rejects", "rejects_scan"):
            self._db.execute(f"DROP TABLE IF EXISTS {name}")

    def _run(self, made: Table, reader: Reader) -> str:
        """`staged` and, of a reader with columns of its own, `judged`. Returns SQL of (file, record, skip) from a
        relation `source`, to look for lines by."""
        texts, merge = statements(f"readers/{reader.kind}.sql"), statements("merge.sql")
        ordered = made.sample.shape is Shape.LINES
        record = "row_number() OVER ()" if ordered else "NULL::BIGINT"
        source = f"source AS NOT MATERIALIZED (SELECT *, {record} AS record FROM ({made.relation}))"  # noqa: S608
        if not reader.own:
            stage = texts["stage"] if reader.batched else f"SELECT 0 AS file, * FROM ({texts['stage']})"  # noqa: S608
            self._db.execute(f"SET preserve_insertion_order = {str(ordered).lower()}")
            self._db.execute(f"CREATE TABLE staged AS WITH {source} SELECT * FROM ({stage})")  # noqa: S608
            self._db.execute("SET preserve_insertion_order = false")
            return stage
        self._db.execute(f"CREATE TABLE packed AS WITH {source} SELECT * FROM ({texts['pack']})")  # noqa: S608
        parts = made.parts.replace("{said}", "(SELECT DISTINCT said FROM packed)")
        forged = merge["judged"].replace("{width}", str(made.width)).replace("{stage}", texts["stage"])
        self._db.execute(forged.replace("{parts}", parts))
        self._places("judged")
        self._db.execute(merge["unpacked"].replace("{given}", ", ".join(self._given("judged"))))
        self._db.execute("DROP TABLE packed")
        return merge["unpacked-skips"].replace("{pack}", texts["pack"])

    def _given(self, name: str) -> tuple[str, ...]:
        there = self._columns(name)
        return tuple(dim for dim in _DIMS if dim in there)

    def _columns(self, name: str) -> frozenset[str]:
        rows = self._db.execute(statements("merge.sql")["columns"], [name]).fetchall()
        return frozenset(column for (column,) in rows)

    def _places(self, name: str) -> None:
        there = self._columns(name)
        absent = "".join(f", {value} AS {column}" for column, value in _ABSENT.items() if column not in there)
        self._execute("whole", absent=absent, relation=name)
        self._execute("places")

    def _keep(self, reader: Reader) -> None:
        """Events shrink to what the inventory keeps of them; settings stay as they are."""
        if reader.target is not Target.EVENTS:
            self._db.execute(f"ALTER TABLE staged RENAME TO staged{self._count}")
            return
        if reader.own:
            for name in ("arrivals-unpacked", "no-signs"):
                self._execute(name)
        else:
            self._places("staged")
            for name in ("arrivals", "signs"):
                self._execute(name, given=", ".join(self._given("staged")))
        self._db.execute("DROP TABLE staged")
        self._db.execute("DROP TABLE IF EXISTS judged")
        for name in _EVENTS:
            self._db.execute(f"ALTER TABLE {name} RENAME TO {name}{self._count}")

    def _note(self) -> str:
        first = self._db.execute("SELECT getvariable('day_first')").fetchone() == (True,)
        return "dates read as day, month, year" if first else "dates read as month, day, year"

    def _clear(self) -> None:
        for name in ("staged", "packed", "judged", *_EVENTS):
            self._db.execute(f"DROP TABLE IF EXISTS {name}")

    def _folder(self) -> Path:
        self._folders += 1
        folder = self._scratch / str(self._folders)
        folder.mkdir()
        return folder

    def _execute(self, name: str, **parts: str) -> None:
        text = statements("merge.sql")[name]
        for part, value in parts.items():
            text = text.replace(f"{{{part}}}", value)
        self._db.execute(text)


def _told(error: Exception) -> str:
    """DuckDB's first sentence without its class and without the scratch file's name."""
    sentence = str(error).splitlines()[0].split(": ", 1)[-1]
    return _PLACE.sub("", sentence).strip()
