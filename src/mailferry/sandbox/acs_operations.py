"""The send operations of one Communication Services resource.

Leaves to others: what makes one (acs_rest). Invariant: an operation goes forward only, and ends once.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Operation:
    """`looks`: status requests that still find it running; `error`: code and message where it fails in the end."""

    id: str
    looks: int
    error: tuple[str, str] | None = None

    def look(self) -> str:
        """Its status, as one status request finds it."""
        if self.looks > 0:
            self.looks -= 1
            return "Running"
        return "Failed" if self.error else "Succeeded"


class Operations:
    """By id, in small letters."""

    def __init__(self) -> None:
        self._known: dict[str, Operation] = {}

    def __len__(self) -> int:
        return len(self._known)

    def get(self, id: str) -> Operation | None:
        return self._known.get(id.lower())

    def add(self, operation: Operation) -> None:
        self._known[operation.id.lower()] = operation

    def clear(self) -> None:
        self._known.clear()
