"""What was counted of the files of a batch.

Leaves to others: counting (merge.sql) and lines (rejects). Invariant: every row of a file is in exactly one count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

#: Rows taken, the digest of their keys, the first and the last moment.
Taken = tuple[int, str, datetime | None, datetime | None]


class Tally:
    """Rows of (file, reason for a skip or None, count, first, last, digest)."""

    def __init__(self, rows: Iterable[tuple[int, str | None, int, datetime | None, datetime | None, str]]) -> None:
        self._rows: dict[int, int] = {}
        self._taken: dict[int, Taken] = {}
        self._skips: dict[int, dict[str, int]] = {}
        for file, skip, count, first, last, digest in rows:
            self._rows[file] = self._rows.get(file, 0) + count
            if skip is None:
                self._taken[file] = (count, digest, first, last)
            else:
                self._skips.setdefault(file, {})[skip] = count

    def rows(self, file: int) -> int:
        return self._rows.get(file, 0)

    def taken(self, file: int) -> Taken:
        return self._taken.get(file, (0, "0", None, None))

    @property
    def skips(self) -> Mapping[int, Mapping[str, int]]:
        """By file and reason."""
        return self._skips
