"""A file as a relation of DuckDB with our column names: the same for separated values, JSON, logs and lists.

Leaves to others: what a row means (readers' SQL) and encodings (text). Invariant: every column is trimmed text and
never NULL, a row that the parser refuses is kept in `rejects`, and no name of a file reaches SQL or a glob.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailferry.inventory.errors import InventoryError
from mailferry.inventory.names import Field, places, plain_name
from mailferry.inventory.sample import Sample, Shape, properties

_VALUE = re.compile(rb'^(?:\xef\xbb\xbf)?\s*\{(?:[^\[{]*,)?\s*"value"\s*:\s*(?=\[)')
_TAIL = re.compile(rb'\]\s*(?:,\s*"[^"]*"\s*:\s*(?:"[^"]*"|\d+|null|true|false)\s*)*\}\s*$')
_WINDOW = 1 << 16


@dataclass(frozen=True, slots=True)
class Table:
    """A file ready to be read: `relation` is a SELECT of the wanted columns, `header` what the file calls its own."""

    name: str
    file: Path
    sample: Sample
    relation: str


def table(name: str, file: Path, sample: Sample, wanted: Sequence[Field], scratch: Path) -> Table:
    """The relation of `wanted` in `file`."""
    if sample.shape is Shape.LIST:
        file = _listed(file, scratch)
    elif sample.shape is Shape.JSON:
        file = _unwrapped(name, file, scratch)
    plain = _linked(file, scratch)
    if sample.shape in (Shape.CSV, Shape.FIELDS):
        relation = _separated(plain, sample, wanted)
    elif sample.shape is Shape.LINES:
        relation = f"SELECT c0 AS line FROM {_read_csv(plain, 1, chr(1), 0, quote='')}"  # noqa: S608
    else:
        relation = _objects(plain, sample, wanted)
    return Table(name, file, sample, relation)


def _separated(file: str, sample: Sample, wanted: Sequence[Field]) -> str:
    found = places(sample.header, wanted)
    columns = ", ".join(f"{_filled([f'c{place}' for place in found[field.name]])} AS {field.name}" for field in wanted)
    logged = sample.shape is Shape.FIELDS
    source = _read_csv(file, len(sample.header), sample.delimiter, 0 if logged else sample.skip)
    # A restarted server writes its head again, in the middle of the file too.
    return f"SELECT {columns} FROM {source}" + (" WHERE c0 NOT LIKE '#%'" if logged else "")  # noqa: S608


def _filled(columns: list[str]) -> str:
    """The first column that holds something: exports have columns of one name twice."""
    if not columns:
        return "''"
    if len(columns) == 1:
        return f"coalesce(bare({columns[0]}), '')"
    return "coalesce(" + ", ".join(f"nullif(bare({column}), '')" for column in columns) + ", '')"


def _read_csv(file: str, columns: int, delimiter: str, skip: int, quote: str = '"') -> str:
    names = ", ".join(f"'c{number}': 'VARCHAR'" for number in range(columns))
    return (
        f"read_csv('{file}', auto_detect=false, header=false, skip={skip}, delim='{delimiter}', quote='{quote}', "
        f"escape='{quote}', columns={{{names}}}, store_rejects=true, rejects_table='rejects', "
        "rejects_scan='rejects_scan')"
    )


def _objects(file: str, sample: Sample, wanted: Sequence[Field]) -> str:
    """One parse of each object for all columns."""
    paths: list[str] = []
    columns = []
    for field in wanted:
        spelled = [path for spelling in field.spellings for path in sample.header if plain_name(path) == spelling]
        numbers = []
        for path in dict.fromkeys(spelled):
            paths.append(path)
            numbers.append(f"v[{len(paths)}]")
        columns.append(f"{_filled(numbers)} AS {field.name}")
    quoted = ", ".join("'$" + "".join(f'."{_safe(part)}"' for part in path.split(".")) + "'" for path in paths)
    kind = {Shape.NDJSON: "newline_delimited", Shape.LIST: "newline_delimited"}.get(sample.shape, "auto")
    ignore = ", ignore_errors=true" if kind == "newline_delimited" else ""
    values = f"json_extract_string(json, [{quoted}]::VARCHAR[])" if paths else "[]::VARCHAR[]"
    source = f"read_json_objects('{file}', format='{kind}'{ignore}, maximum_object_size=33554432)"
    return f"SELECT {', '.join(columns)} FROM (SELECT {values} AS v FROM {source})"  # noqa: S608


def _safe(part: str) -> str:
    return part.replace("'", "''").replace('"', '\\"')


def _linked(file: Path, scratch: Path) -> str:
    """A name of ours for the file: user's names may hold quotes, and stars that DuckDB would expand."""
    for number in itertools.count():
        link = scratch / f"in{number}"
        try:
            link.symlink_to(file.resolve())
        except FileExistsError:
            continue
        return str(link).replace("'", "''")
    raise AssertionError


def _unwrapped(name: str, file: Path, scratch: Path) -> Path:
    """The list inside `{"value": […]}`, streamed: such a file may be larger than memory."""
    with file.open("rb") as stream:
        head = stream.read(_WINDOW)
        opening = _VALUE.match(head)
        if opening is None:
            return file
        size = stream.seek(0, os.SEEK_END)
        start = max(opening.end(), size - _WINDOW)
        stream.seek(start)
        closing = _TAIL.search(stream.read())
        if closing is None:
            raise InventoryError(name, 'the list "value" is not closed: the file is cut off', cure="export it again")
        end = start + closing.start() + 1
        target = scratch / f"{file.name}.list"
        stream.seek(opening.end())
        with target.open("wb") as out:
            left = end - opening.end()
            while left > 0 and (piece := stream.read(min(1 << 20, left))):
                out.write(piece)
                left -= len(piece)
    return target


def _listed(file: Path, scratch: Path) -> Path:
    """Format-List's records as objects. They are settings of mailboxes and policies: thousands, never millions."""
    target = scratch / f"{file.name}.objects"
    with file.open(encoding="utf-8-sig") as lines, target.open("w", encoding="utf-8") as out:
        for record in _records(lines):
            out.write(json.dumps(record, ensure_ascii=False) + "\n")
    return target


def _records(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    record: dict[str, str] = {}
    for name, value in properties(lines):
        if (not name or name in record) and record:
            yield record
            record = {}
        if name:
            record[name] = value
    if record:
        yield record
