"""A file as a relation of DuckDB with our column names: the same for separated values, JSON, logs and lists.

Leaves to others: what a row means (readers' SQL) and encodings (text). Invariant: every column is trimmed text and
never NULL, a row that the parser refuses is kept in `rejects`, and no name of a file reaches SQL or a glob.

Where columns differ in every row (a reader's `own`), the rest of a row is one text, `said`, with SEPARATOR between the
columns as they stand in the file: a million rows say a few ten thousand things, and each is taken apart once.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mailferry.inventory.errors import InventoryError
from mailferry.inventory.names import Field, places, plain_name
from mailferry.inventory.sample import Sample, Shape, records

_VALUE = re.compile(rb'^(?:\xef\xbb\xbf)?\s*\{(?:[^\[{]*,)?\s*"value"\s*:\s*(?=\[)')
_TAIL = re.compile(rb'\]\s*(?:,\s*"[^"]*"\s*:\s*(?:"[^"]*"|\d+|null|true|false)\s*)*\}\s*$')
_WINDOW = 1 << 16
#: Not in any export; a value that has it would be taken for several, and is refused.
SEPARATOR = "chr(31)"
#: "in7" is the eighth file; the name is the same in a whole vector, so that this costs nothing.
_FILE = r"CAST(regexp_extract(filename, '(\d+)$', 1) AS INTEGER) AS file"


@dataclass(frozen=True, slots=True)
class Source:
    """One of the files of a table, what messages call it, and its text as it is read."""

    name: str
    file: Path


@dataclass(frozen=True, slots=True)
class Table:
    """Files of one form, ready to be read. `relation`: a SELECT of `file` (their place from 0) and the wanted columns;
    of those of a reader with columns of its own, these and `said`. `parts`: SELECTs those others FROM a relation
    {said}, and `width` is how many columns of the file they are made of."""

    sources: tuple[Source, ...]
    sample: Sample
    relation: str
    parts: str = ""
    width: int = 0


def table(
    sources: Sequence[Source], sample: Sample, wanted: Sequence[Field], own: Sequence[str], scratch: Path
) -> Table:
    """The relation of `wanted` in files of the form that `sample` shows; `scratch` is empty."""
    made = tuple(
        Source(each.name, _prepared(each, sample.shape, scratch / f"made{place}")) for place, each in enumerate(sources)
    )
    links = ", ".join(f"'{_linked(each.file, scratch / f'in{place}')}'" for place, each in enumerate(made))
    file = _FILE if len(made) > 1 else "0 AS file"
    if sample.shape is Shape.LINES:
        return Table(made, sample, f"SELECT {file}, c0 AS line FROM {_read_csv(links, 1, chr(1), 0, quote='')}")  # noqa: S608
    if sample.shape in (Shape.CSV, Shape.FIELDS):
        at = places(sample.header, wanted)
        found: Mapping[str, Sequence[str]] = {name: [f"c{each}" for each in at[name]] for name in at}
        source = _separated(links, sample)
    else:
        found, source = _objects(links, sample, wanted)
    if not own:
        columns = (f"{_filled(found[field.name])} AS {field.name}" for field in wanted)
        return Table(made, sample, f"SELECT {', '.join((file, *columns))} FROM {source}")  # noqa: S608
    return _packed(Table(made, sample, source), found, own, file)


def _packed(made: Table, found: Mapping[str, Sequence[str]], own: Sequence[str], file: str) -> Table:
    said = [(name, column) for name, columns in found.items() if name not in own for column in columns]
    text = f", {SEPARATOR}, ".join(column for _, column in said) or "''"
    mine = ", ".join(f"{_filled(found[name])} AS {name}" for name in own)
    parts = {
        name: _filled([f"v[{place}]" for place, (each, _) in enumerate(said, 1) if each == name])
        for name in found
        if name not in own
    }
    columns = ", ".join(f"{value} AS {name}" for name, value in parts.items())
    return replace(
        made,
        relation=f"SELECT {file}, {mine}, concat({text}) AS said FROM {made.relation}",  # noqa: S608
        parts=f"SELECT said, {columns} FROM (SELECT said, string_split(said, {SEPARATOR}) AS v FROM {{said}})",  # noqa: S608
        width=max(1, len(said)),
    )


def _prepared(source: Source, shape: Shape, target: Path) -> Path:
    if shape is Shape.LIST:
        return _listed(source.file, target)
    return _unwrapped(source.name, source.file, target) if shape is Shape.JSON else source.file


def _separated(links: str, sample: Sample) -> str:
    logged = sample.shape is Shape.FIELDS
    source = _read_csv(links, len(sample.header), sample.delimiter, 0 if logged else sample.skip)
    # A restarted server writes its head again, in the middle of the file too.
    return source + (" WHERE c0 NOT LIKE '#%'" if logged else "")


def _filled(columns: Sequence[str]) -> str:
    """The first column that holds something: exports have columns of one name twice."""
    if not columns:
        return "''"
    if len(columns) == 1:
        return f"coalesce(bare({columns[0]}), '')"
    return "coalesce(" + ", ".join(f"nullif(bare({column}), '')" for column in columns) + ", '')"


def _read_csv(links: str, columns: int, delimiter: str, skip: int, quote: str = '"') -> str:
    names = ", ".join(f"'c{number}': 'VARCHAR'" for number in range(columns))
    return (
        f"read_csv([{links}], filename=true, auto_detect=false, header=false, skip={skip}, delim='{delimiter}', "
        f"quote='{quote}', escape='{quote}', columns={{{names}}}, store_rejects=true, rejects_table='rejects', "
        "rejects_scan='rejects_scan')"
    )


def _objects(links: str, sample: Sample, wanted: Sequence[Field]) -> tuple[Mapping[str, Sequence[str]], str]:
    """One parse of each object for all columns: where each field is found, and the source that has it there."""
    paths: list[str] = []
    found: dict[str, tuple[str, ...]] = {}
    for field in wanted:
        spelled = [path for spelling in field.spellings for path in sample.header if plain_name(path) == spelling]
        chosen = tuple(dict.fromkeys(spelled))
        found[field.name] = tuple(f"v[{len(paths) + place}]" for place in range(1, len(chosen) + 1))
        paths.extend(chosen)
    quoted = ", ".join("'$" + "".join(f'."{_safe(part)}"' for part in path.split(".")) + "'" for path in paths)
    kind = {Shape.NDJSON: "newline_delimited", Shape.LIST: "newline_delimited"}.get(sample.shape, "auto")
    ignore = ", ignore_errors=true" if kind == "newline_delimited" else ""
    values = f"json_extract_string(json, [{quoted}]::VARCHAR[])" if paths else "[]::VARCHAR[]"
    source = f"read_json_objects([{links}], filename=true, format='{kind}'{ignore}, maximum_object_size=33554432)"
    return found, f"(SELECT {values} AS v, filename FROM {source})"  # noqa: S608


def _safe(part: str) -> str:
    return part.replace("'", "''").replace('"', '\\"')


def _linked(file: Path, link: Path) -> str:
    """A name of ours for the file: user's names may hold quotes, and stars that DuckDB would expand."""
    link.symlink_to(file.resolve())
    return str(link).replace("'", "''")


def _unwrapped(name: str, file: Path, target: Path) -> Path:
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
        stream.seek(opening.end())
        with target.open("wb") as out:
            left = end - opening.end()
            while left > 0 and (piece := stream.read(min(1 << 20, left))):
                out.write(piece)
                left -= len(piece)
    return target


def _listed(file: Path, target: Path) -> Path:
    """Format-List's records as objects. They are settings of mailboxes and policies: thousands, never millions."""
    with file.open(encoding="utf-8-sig") as lines, target.open("w", encoding="utf-8") as out:
        for record in records(lines):
            out.write(json.dumps(record, ensure_ascii=False) + "\n")
    return target
