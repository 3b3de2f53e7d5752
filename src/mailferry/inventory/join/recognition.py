"""Which product a client is, by the signs that the exports hold of it.

Leaves to others: the knowledge (clients). Invariant: it is asked once for each distinct set of signs, however many
records show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Recognised:
    """A product by its id in the knowledge base, "" where nothing names one."""

    id: str = ""
    confidence: float = 0.0
    evidence: tuple[str, ...] = ()


def recognise(connection: duckdb.DuckDBPyConnection) -> Mapping[str, Recognised]:
    return {}
