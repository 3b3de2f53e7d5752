"""Rows that are not taken: how many for which reason, and the line of the first of each.

Leaves to others: the reasons of one kind of export (readers). Invariant: a row is counted once; a line is counted as an
editor counts it, line breaks inside quotes among them.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Set
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
_PARSED = frozenset({Shape.CSV, Shape.FIELDS, Shape.LINES})


@dataclass(frozen=True, slots=True)
class Skip:
    """`count` rows were not taken for `reason`; `line` is where the first stands, of JSON lists its number, or None."""

    reason: str
    count: int
    line: int | None


def parser_rejects(connection: duckdb.DuckDBPyConnection, table: Table) -> Mapping[int, tuple[Skip, ...]]:
    """What the parser refused of the files that were read last, by their places in the table."""
    if table.sample.shape not in _PARSED:
        return {}
    found: dict[int, dict[str, Skip]] = {}
    for part, error, count, place, breaks in connection.execute(statements("merge.sql")["rejects"]).fetchall():
        source = table.sources[part]
        line = line_at(source.file, place)
        if error == "UNQUOTED VALUE" and breaks > 0:
            raise InventoryError(
                source.name,
                "a quotation mark opens here and is not closed, so that the rows after it cannot be told apart",
                line,
                cure="export it again, or mend this line",
            )
        merged, reason = found.setdefault(part, {}), _PARSER.get(error, "damaged")
        before = merged.get(reason, Skip(reason, 0, line))
        merged[reason] = Skip(reason, count + before.count, min(line, before.line or line))
    return {part: tuple(merged.values()) for part, merged in found.items()}


def line_at(file: Path, place: int) -> int:
    """The line of the octet `place`, both counted from 1; it may be the line's own end."""
    line, left = 1, place - 1
    with file.open("rb") as stream:
        while left > 0 and (block := stream.read(min(left, 1 << 20))):
            line += block.count(b"\n")
            left -= len(block)
    return line


def sample_lines(
    connection: duckdb.DuckDBPyConnection, table: Table, skips: str, counts: Mapping[int, Mapping[str, int]]
) -> Mapping[int, tuple[Skip, ...]]:
    """The reader's own skips with a line each: a second look, of a file by itself at the first rows and at all only
    where it must be. `skips` selects file, record and skip from `source`."""
    wanted = {(part, reason) for part, reasons in counts.items() for reason in reasons}
    found: dict[tuple[int, str], int] = {}
    for limit in (*(f"LIMIT {rows}" for rows in _FIRST), "") if len(table.sources) == 1 else ("",):
        if not wanted - found.keys():
            break
        found = _first_records(connection, table, skips, limit) | found
    refused = _refused(connection, table)
    lines = {
        part: _lines(
            table, part, refused.get(part, frozenset()), sorted({found.get((part, reason), 0) for reason in reasons})
        )
        for part, reasons in counts.items()
    }
    return {
        part: tuple(
            Skip(reason, count, lines[part].get(found.get((part, reason), 0)))
            for reason, count in sorted(reasons.items())
        )
        for part, reasons in counts.items()
    }


def _first_records(
    connection: duckdb.DuckDBPyConnection, table: Table, skips: str, limit: str
) -> dict[tuple[int, str], int]:
    """The first record of each file and reason, counted from 1 in its file."""
    connection.execute("SET preserve_insertion_order = true")
    rows = connection.execute(
        "WITH source AS NOT MATERIALIZED (SELECT *, row_number() OVER () AS record "  # noqa: S608
        f"FROM (SELECT * FROM ({table.relation}) {limit})) "
        f"SELECT file, skip, min(record) FROM ({skips}) GROUP BY file, skip"
    ).fetchall()
    connection.execute("SET preserve_insertion_order = false")
    begins = {0: 1}  # where each file's records begin
    for part, _, record in rows if len(table.sources) > 1 else ():
        begins[part] = min(record, begins.get(part, record))
    return {(part, skip): record - begins[part] + 1 for part, skip, record in rows if skip and record is not None}


def _refused(connection: duckdb.DuckDBPyConnection, table: Table) -> Mapping[int, frozenset[int]]:
    """By file the lines that the parser refused."""
    if table.sample.shape not in _PARSED:
        return {}
    found: dict[int, set[int]] = {}
    for part, place in connection.execute(statements("merge.sql")["refused"]).fetchall():
        found.setdefault(part, set()).add(line_at(table.sources[part].file, place))
    return {part: frozenset(lines) for part, lines in found.items()}


def _lines(table: Table, part: int, refused: Set[int], records: list[int]) -> Mapping[int, int]:
    """Where those records of a file begin."""
    shape, file = table.sample.shape, table.sources[part].file
    if shape not in (Shape.CSV, Shape.FIELDS):
        return {record: record for record in records if record > 0}
    before = 0 if shape is Shape.FIELDS else table.sample.skip
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        for _ in islice(stream, before):
            pass
        reader = csv.reader(stream, delimiter=table.sample.delimiter)
        return _walk(reader, before, refused, [record for record in records if record > 0])


def _walk(reader: csv._reader, before: int, refused: Set[int], records: list[int]) -> dict[int, int]:  # type: ignore[name-defined]
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
