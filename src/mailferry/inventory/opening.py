"""A file made readable and recognised: its form, its reader, how it writes dates, and which files have the same form.

Leaves to others: reading it (tables, staging). Invariant: the file itself is not changed, its name decides nothing, and
of its text only the beginning is held.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mailferry.inventory import text
from mailferry.inventory.errors import InventoryError, NotAnExportError
from mailferry.inventory.files import Found
from mailferry.inventory.names import places
from mailferry.inventory.readers import gateway
from mailferry.inventory.readers.base import Reader
from mailferry.inventory.recognise import recognise
from mailferry.inventory.rejects import line_at
from mailferry.inventory.sample import Sample, Shape, take

_ISO = re.compile(r"\d{4}[-/.年]|\d{8}T|$")
#: Files above this gain nothing by company, and what goes wrong with one of a batch is read again file by file.
_SMALL = 16 << 20
_BATCH = 64 << 20
_MOST = 256


@dataclass(frozen=True, slots=True)
class Opened:
    """`file` is UTF-8 text; `iso`: the order of its dates is unmistakable."""

    found: Found
    file: Path
    sample: Sample
    reader: Reader
    iso: bool
    size: int

    @property
    def numbered(self) -> bool:
        """Whether its records have ids of their own."""
        return not self.reader.numbered or self.reader.has(self.sample, self.reader.numbered)

    @property
    def form(self) -> tuple[object, ...] | None:
        """What files must have in common to be read in one go; None where it must be read alone."""
        if not self.reader.batched or not self.iso or self.size > _SMALL:
            return None
        sample = self.sample
        header = sample.header if sample.shape in (Shape.CSV, Shape.FIELDS) else ()
        return self.reader.kind, sample.shape, header, sample.delimiter, sample.skip, self.numbered


def opened(found: Found, scratch: Path, *, careful: bool = False) -> Opened | None:
    """`found`, with what had to be made of it in the empty folder `scratch`; None for a companion that says nothing of
    mail. Raises NotAnExportError."""
    with found.path.open("rb") as stream:
        database = stream.read(len(gateway.MAGIC)) == gateway.MAGIC
    if database:
        file = scratch / "history.ndjson"
        gateway.unload(found.path, found.name, file)
        return _kept(found, file, take(file), gateway.READER)
    file = text.plain(found.path, found.name, scratch, careful=careful)
    sample = take(file)
    if not any(line.strip() for line in sample.lines):
        raise NotAnExportError(found.name, "it is empty", cure="export it again")
    reader = recognise(found.name, sample)
    if reader is None:
        return None
    if reader.fits is not None:  # a log's lines may look like columns or properties
        sample = replace(sample, shape=Shape.LINES)
    if sample.shape in (Shape.CSV, Shape.FIELDS, Shape.LINES) and (start := text.endless(file)) is not None:
        longest = f"this line is longer than {text.LONGEST >> 20} MB; no export has such a line"
        raise InventoryError(
            found.name, longest, line_at(file, start + 1), cure="export it again, or take the line out"
        )
    return _kept(found, file if sample.shape is Shape.CSV else text.unmarked(file, scratch), sample, reader)


def _kept(found: Found, file: Path, sample: Sample, reader: Reader) -> Opened:
    iso = not reader.dated or _all_iso(sample, reader)
    return Opened(found, file, replace(sample, lines=(), rows=()), reader, iso, file.stat().st_size)


def _all_iso(sample: Sample, reader: Reader) -> bool:
    """Whether each of the first dates begins with its year."""
    dated = places(sample.header, reader.fields)[reader.dated]
    for row in sample.rows:
        values = (row[place].strip() for place in dated if place < len(row))
        if not _ISO.match(next(filter(None, values), "")):
            return False
    return True


def batches(files: Iterable[tuple[int, Opened]]) -> Iterator[list[tuple[int, Opened]]]:
    """Files of one form together, with their places, in the order of the first of each."""
    open_: dict[tuple[object, ...], list[tuple[int, Opened]]] = {}
    for place, each in files:
        form = each.form
        if form is None:
            yield [(place, each)]
            continue
        batch = open_.setdefault(form, [])
        batch.append((place, each))
        if len(batch) == _MOST or sum(other.size for _, other in batch) > _BATCH:
            yield open_.pop(form)
    yield from open_.values()


def common(batch: list[Opened]) -> Sample:
    """The sample that stands for all: of objects, the names that any of them has."""
    first = batch[0].sample
    if first.shape in (Shape.CSV, Shape.FIELDS):
        return first
    return replace(first, header=tuple(dict.fromkeys(name for each in batch for name in each.sample.header)))
