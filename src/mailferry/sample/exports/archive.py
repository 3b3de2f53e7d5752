"""Some of the exports in a zip, as they are sent around by mail.

Leaves to others: the files. Invariant: the same files give the same bytes; the originals are gone afterwards, so that
a folder never holds anything twice.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

_STAMP = (2026, 1, 1, 0, 0, 0)


def pack(target: Path, files: Sequence[Path]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for file in sorted(files):
            entry = zipfile.ZipInfo(file.name, _STAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with file.open("rb") as source, archive.open(entry, "w", force_zip64=True) as sink:
                while block := source.read(1 << 20):
                    sink.write(block)
    for file in files:
        file.unlink()
