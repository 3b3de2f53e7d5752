"""Rows that are not taken: how many for which reason, and the line of the first of each.

Leaves to others: the reasons of one kind of export (readers). Invariant: a row is counted once; a line is counted as an
editor counts it, line breaks inside quotes among them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from mailferry.inventory.database import statements
from mailferry.inventory.errors import InventoryError
from mailferry.inventory.sample import Shape
from mailferry.inventory.tables import Table
from mailferry.m365.facts import Text

if TYPE_CHECKING:
    import duckdb

#: What the parser of separated values calls it, and our reason.
_PARSER = {
    "MISSING COLUMNS": "too-few",
    "TOO MANY COLUMNS": "too-many",
    "UNQUOTED VALUE": "bad-quotes",
    "LINE SIZE OVER MAXIMUM": "too-long",
    "INVALID ENCODING": "bad-letters",
    "INVALID UNICODE": "bad-letters",
}
REASONS: Mapping[str, Text] = {
    "too-few": Text("fewer columns than the header: cut off or damaged", "列数がヘッダーより少ない (途切れや破損)"),
    "too-many": Text("more columns than the header", "列数がヘッダーより多い"),
    "bad-quotes": Text("quotation marks that do not match", "引用符が対応していない"),
    "too-long": Text("line longer than 2 MB", "2 MB を超える行"),
    "bad-letters": Text("octets that are no UTF-8", "UTF-8 として読めない文字"),
    "damaged": Text("row that cannot be parsed", "解析できない行"),
    "no-object": Text("no JSON object", "JSON オブジェクトではない"),
}
_FIRST = (5_000, 200_000)


@dataclass(frozen=True, slots=True)
class Skip:
    """`count` rows were not taken for `reason`; `line` is where the first stands, of JSON lists its number, or None."""

    reason: str
    count: int
    line: int | None


def parser_rejects(connection: duckdb.DuckDBPyConnection, table: Table) -> tuple[Skip, ...]:
    """What the parser refused of the file that was read last."""
    if table.sample.shape not in (Shape.CSV, Shape.FIELDS, Shape.LINES):
        return ()
    rows = connection.execute(statements("merge.sql")["rejects"]).fetchall()
    for error, _, place, breaks in rows:
        if error == "UNQUOTED VALUE" and breaks > 0:
            raise InventoryError(
                table.name,
                "a quotation mark opens here and is not closed, so that the rows after it cannot be told apart",
                _line_at(table.file, place),
                cure="export it again, or mend this line",
            )
    merged: dict[str, Skip] = {}
    for error, count, place, _ in rows:
        reason, line = _PARSER.get(error, "damaged"), _line_at(table.file, place)
        before = merged.get(reason)
        merged[reason] = Skip(
            reason, count + (before.count if before else 0), min(line, before.line or line) if before else line
        )
    return tuple(merged.values())


def _line_at(file: Path, place: int) -> int:
    """The line of the octet `place`, both counted from 1; it may be the line's own end."""
    line, left = 1, place - 1
    with file.open("rb") as stream:
        while left > 0 and (block := stream.read(min(left, 1 << 20))):
            line += block.count(b"\n")
            left -= len(block)
    return line


def sample_lines(
    connection: duckdb.DuckDBPyConnection, table: Table, stage: str, counts: Iterable[tuple[str, int]]
) -> tuple[Skip, ...]:
    """The reader's own skips with a line each: a second look, at the first rows and at all only where it must be."""
    wanted = dict(counts)
    found: dict[str, int] = {}
    for limit in (*(f"LIMIT {rows}" for rows in _FIRST), ""):
        if not wanted.keys() - found.keys():
            break
        connection.execute("SET preserve_insertion_order = true")
        connection.execute(
            "CREATE OR REPLACE TEMP VIEW source AS SELECT *, row_number() OVER () AS record "  # noqa: S608
            f"FROM (SELECT * FROM ({table.relation}) {limit})"
        )
        rows = connection.execute(
            f"SELECT skip, min(record) FROM ({stage}) WHERE skip IS NOT NULL GROUP BY skip"  # noqa: S608
        ).fetchall()
        connection.execute("SET preserve_insertion_order = false")
        found |= {reason: record for reason, record in rows if record is not None and reason not in found}
    lines = _lines(connection, table, sorted(set(found.values())))
    return tuple(Skip(reason, count, lines.get(found.get(reason, 0))) for reason, count in wanted.items())


def _lines(connection: duckdb.DuckDBPyConnection, table: Table, records: list[int]) -> dict[int, int]:
    """Where those records begin."""
    shape = table.sample.shape
    if shape not in (Shape.CSV, Shape.FIELDS, Shape.LINES):
        return {record: record for record in records}
    refused = {
        _line_at(table.file, place)
        for (place,) in connection.execute(
            "SELECT min(byte_position) FROM rejects GROUP BY line LIMIT 10000"
        ).fetchall()
    }
    with table.file.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        if shape is Shape.LINES:
            return {record: record for record in records}
        reader = csv.reader(stream, delimiter=table.sample.delimiter)
        for _ in islice(stream, 0 if shape is Shape.FIELDS else table.sample.skip):
            pass
        before = 0 if shape is Shape.FIELDS else table.sample.skip
        return _walk(reader, before, refused, records)


def _walk(reader: csv._reader, before: int, refused: set[int], records: list[int]) -> dict[int, int]:  # type: ignore[name-defined]
    found: dict[int, int] = {}
    number, left, line = 0, list(records), before + 1
    try:
        for row in reader:
            start, line = line, before + reader.line_num + 1
            if not row or row[0].startswith("#") or start in refused:
                continue
            number += 1
            if left and number == left[0]:
                found[number] = start
                left.pop(0)
            if not left:
                break
    except csv.Error:
        return found
    return found
