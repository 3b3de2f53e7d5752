"""What a reader is: the columns of a kind of export, how to know it by them, and the SQL that gives its rows meaning.

Leaves to others: the shape of the file (sample, tables) and joining its facts to what is known (merge). Invariant: a
reader is data; its SQL reads the relation `source` and makes `staged`, where `skip` names why a row is not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mailferry.inventory.names import Field, places
from mailferry.inventory.sample import Sample, Shape
from mailferry.m365.facts import Text

TABLES = frozenset({Shape.CSV, Shape.JSON, Shape.NDJSON})
SETTINGS = TABLES | {Shape.LIST}


class Target(StrEnum):
    """Where the facts of an export belong; the statement of merge.sql that takes them there."""

    EVENTS = "events"
    REPORTS = "reports"
    MAILBOXES = "mailboxes"
    TENANTS = "tenants"
    ORGANIZATIONS = "organizations"
    POLICIES = "policies"
    OWNERS = "owners"


@dataclass(frozen=True, slots=True)
class Reader:
    """`known_by`: fields that must be there, any one of each group. `dated`: the field whose first value tells the
    order of day and month; `numbered`: the field that tells records apart, which not every export has."""

    kind: str
    label: Text
    target: Target
    fields: tuple[Field, ...]
    shapes: frozenset[Shape] = TABLES
    known_by: tuple[tuple[str, ...], ...] = ()
    unlike: tuple[str, ...] = ()  # fields that another kind has and this one has not
    dated: str = ""
    numbered: str = ""
    own: tuple[str, ...] = ()  # fields that differ in every row; what the others say is judged once for all rows
    batched: bool = False  # what a row means does not depend on the rows of other files: many are read in one go
    fits: Callable[[Sample], bool] | None = None
    reasons: Mapping[str, Text] = field(default_factory=dict)

    def knows(self, sample: Sample) -> bool:
        """Whether the file is of this kind, by its content."""
        if sample.shape not in self.shapes:
            return False
        if self.fits is not None:
            return self.fits(sample)
        found = places(sample.header, self.fields)
        return all(any(found[name] for name in group) for group in self.known_by) and not any(
            found[name] for name in self.unlike
        )

    def has(self, sample: Sample, name: str) -> bool:
        return bool(places(sample.header, self.fields)[name])
