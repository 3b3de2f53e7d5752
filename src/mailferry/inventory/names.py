"""Names of columns as people and programs spell them, made comparable and matched to ours.

Leaves to others: which names a format has (readers). Invariant: blanks, case and punctuation make no difference, a
column that appears twice loses neither of its values, and an unknown column is no error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


def plain_name(name: str) -> str:
    """Letters and digits only, in lower case; dots stay, for they lead into an object."""
    return "".join(char for char in name.strip().casefold() if char.isalnum() or char == ".")


@dataclass(frozen=True, slots=True)
class Field:
    """One column of ours and the names under which exports have it, the best first, as `plain_name` gives them."""

    name: str
    spellings: tuple[str, ...]


def fields(**spellings: str) -> tuple[Field, ...]:
    """Fields from `name="spelling another third.nested"`."""
    return tuple(Field(name, tuple(text.split())) for name, text in spellings.items())


def places(header: Iterable[str], wanted: Iterable[Field]) -> Mapping[str, tuple[int, ...]]:
    """Per field the columns that hold it, the best spelling first, each spelling in the order of the file."""
    by_name: dict[str, list[int]] = {}
    for number, name in enumerate(header):
        by_name.setdefault(plain_name(name), []).append(number)
    return {
        field.name: tuple(place for spelling in field.spellings for place in by_name.get(spelling, ()))
        for field in wanted
    }
