"""Files of the state directory: written whole or not at all.

Leaves to others: what is in them (store, progress). Invariant: whoever reads sees the old file or the new one.
"""

from __future__ import annotations

import os
from pathlib import Path


class StoreError(Exception):
    """A file of the plan cannot be read or written: what, where, and what to do."""


def write_whole(file: Path, data: bytes) -> None:
    """Replace `file` in one step; its directory is made when it is missing. Raises StoreError."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            temporary.replace(file)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror}") from error
