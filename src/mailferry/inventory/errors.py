"""What an import cannot do, with the file, the line and the reason.

Leaves to others: showing it (cli). Invariant: every failure that a file can cause is an InventoryError, and nothing of
the import in which it is raised stays in the inventory.
"""

from __future__ import annotations


class InventoryError(Exception):
    """`file` as the user knows it (a member of an archive is `archive.zip/member.csv`), `line` from 1 or None."""

    def __init__(self, file: str, reason: str, line: int | None = None, cure: str = "") -> None:
        super().__init__(file, reason, line, cure)
        self.file = file
        self.reason = reason
        self.line = line
        self.cure = cure

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}" if self.line is not None else self.file
        return f"{place}: {self.reason}"


class NotAnExportError(InventoryError):
    """A file that is none of the exports: an error where it was named, something to pass over in a folder."""
