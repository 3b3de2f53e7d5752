"""The beginning of a file and what shape it shows: separated values, JSON, a log, a list of properties.

Leaves to others: which export it is (recognise) and reading it (tables). Invariant: only the beginning is looked at;
names of files mean nothing.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

from mailferry.inventory.names import plain_name

_HEAD = 1 << 18
_ROWS = 100
_DELIMITERS = ",;\t|"
_PROPERTY = re.compile(r"^([A-Za-z][A-Za-z0-9 _()-]*?)\s+: ?(.*)$")
_MOST_OBJECTS = 200


class Shape(StrEnum):
    CSV = "csv"
    JSON = "json"  # a list of objects, bare or as `value` of one object, or one object alone
    NDJSON = "ndjson"  # an object a line
    FIELDS = "fields"  # comma-separated with #Fields lines, as Exchange logs are
    LIST = "list"  # `Name : value` lines, as Format-List prints them
    LINES = "lines"


@dataclass(frozen=True, slots=True)
class Sample:
    """`header` holds the names of the columns as they stand; of JSON, dotted paths into the objects."""

    shape: Shape
    header: tuple[str, ...]
    lines: tuple[str, ...]
    delimiter: str = ","
    skip: int = 1  # lines before the first row
    rows: tuple[tuple[str, ...], ...] = ()  # the first records under `header`, where the shape has records

    @property
    def names(self) -> frozenset[str]:
        return frozenset(map(plain_name, self.header))


def take(file: Path) -> Sample:
    """Look at the beginning of a UTF-8 file."""
    with file.open("rb") as stream:
        text = stream.read(_HEAD).decode("utf-8-sig", "replace")
    every = text.splitlines()
    lines = tuple(every[: max(1, len(every) - 1)] if file.stat().st_size > _HEAD else every)[:500]  # the last is cut
    start = text.lstrip()[:1]
    if start in ("[", "{"):
        found = _json(text, lines)
        if found is not None:
            return found
    for line in lines[:20]:
        if line.startswith("#Fields:"):
            names = tuple(name.strip() for name in line.removeprefix("#Fields:").split(","))
            return Sample(Shape.FIELDS, names, lines, rows=_rows((each for each in lines if each[:1] != "#"), ","))
    if _is_list(lines):
        listed = tuple(islice(records(lines), _ROWS))
        header = tuple(dict.fromkeys(name for record in listed for name in record))
        return Sample(Shape.LIST, header, lines, rows=tuple(tuple(each.get(n, "") for n in header) for each in listed))
    return _csv(text, lines) or Sample(Shape.LINES, (), lines)


def _json(text: str, lines: tuple[str, ...]) -> Sample | None:
    objects = list(_objects(text))
    if not objects:
        return Sample(Shape.JSON, (), lines)
    header = tuple(dict.fromkeys(path for each in objects for path in _paths(each)))
    rows = tuple(tuple(_at(each, path) for path in header) for each in objects[:_ROWS])
    lined = len(lines) > 1 and all(line.startswith("{") and line.rstrip().endswith("}") for line in lines[:2])
    return Sample(Shape.NDJSON if lined else Shape.JSON, header, lines, rows=rows)


def _at(value: dict[str, Any], path: str) -> str:
    """What stands at a dotted path, as text; blank where nothing does."""
    found: Any = value
    if path not in value:
        outer, _, path = path.partition(".")
        found = value.get(outer)
    inner = found.get(path) if isinstance(found, dict) else None
    return str(inner).strip() if isinstance(inner, str | int) else ""


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The first objects of a list, of a `value`, or that follow each other; the rest of a cut one is left alone."""
    decoder = json.JSONDecoder()
    opening = re.match(r'\s*(?:\{(?:[^\[{]*,)?\s*"value"\s*:\s*)?\[', text)
    place, taken = (opening.end() if opening else 0), 0
    while taken < _MOST_OBJECTS:
        gap = re.compile(r"[\s,]*").match(text, place)
        place = gap.end() if gap else place
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            return
        if isinstance(value, dict):
            yield value
        taken += 1


def _paths(value: dict[str, Any]) -> Iterator[str]:
    for name, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield from (f"{name}.{each}" for each in inner)
        yield name


def _is_list(lines: tuple[str, ...]) -> bool:
    filled = [line for line in lines[:60] if line.strip()]
    return len(filled) >= 1 and sum(bool(_PROPERTY.match(line)) for line in filled) >= max(1, len(filled) * 0.6)


def properties(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(name, value) of each property line; ("", "") where a record ends. A line that is none belongs to the value
    before it: Format-List breaks long values."""
    name, value = "", ""
    for line in lines:
        match = _PROPERTY.match(line.rstrip("\r\n"))
        if match is None and line.strip() and name:
            value += line.strip()
            continue
        if name:
            yield name, value
        name, value = (match[1], match[2].strip()) if match else ("", "")
        if not line.strip():
            yield "", ""
    if name:
        yield name, value


def records(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Format-List's records: a blank line or a name that comes again begins the next."""
    record: dict[str, str] = {}
    for name, value in properties(lines):
        if (not name or name in record) and record:
            yield record
            record = {}
        if name:
            record[name] = value
    if record:
        yield record


def _rows(lines: Iterable[str], delimiter: str) -> tuple[tuple[str, ...], ...]:
    found: list[tuple[str, ...]] = []
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            if len(found) == _ROWS:
                break
            found.append(tuple(row))
    except csv.Error:
        pass
    return tuple(found)


def _csv(text: str, lines: tuple[str, ...]) -> Sample | None:
    skip, rows = 0, [line for line in lines if line.strip()]
    if not rows:
        return None
    given = re.fullmatch(r'"?sep=(.)"?', rows[0].strip(), re.IGNORECASE)
    if given or rows[0].startswith("#TYPE"):  # Excel's hint and Export-Csv's first line in Windows PowerShell
        skip, rows = 1, rows[1:]
    if not rows:
        return None
    delimiter = given[1] if given else max(_DELIMITERS, key=rows[0].count)
    try:
        parsed = list(csv.reader(rows[:2], delimiter=delimiter))
    except csv.Error:
        return None
    header = tuple(parsed[0])
    if len(header) < 2 and not (header and plain_name(header[0]) and len(rows) > 1 and "," not in rows[1]):
        return None
    start = skip + 1 + _blank(lines, skip)
    return Sample(Shape.CSV, header, lines, delimiter, start, _rows(lines[start:], delimiter))


def _blank(lines: tuple[str, ...], skip: int) -> int:
    count = 0
    for line in lines[skip:]:
        if line.strip():
            break
        count += 1
    return count
