"""The values that every published fact carries: who said it, when, how sure, in both languages.

Leaves to others: what is said (data/*.toml, read by errors, schedule, limits and clouds).
Invariant: a fact without a source cannot be built; a source that is not Microsoft's own word is marked so.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Mark(StrEnum):
    """How sure a fact is."""

    VERIFIED = "V"  # Microsoft's own text says so
    OBSERVED = "O"  # seen on the wire or in a public repository; not Microsoft's word
    UNVERIFIED = "UNV"  # best known value; a setting, never a constant

    def label(self, language: str) -> str:
        english, japanese = _MARKS[self]
        return japanese if language == "ja" else english


_MARKS: Mapping[Mark, tuple[str, str]] = MappingProxyType(
    {
        Mark.VERIFIED: ("published by Microsoft", "Microsoft が公表"),
        Mark.OBSERVED: ("observed in the field", "実環境で観測"),
        Mark.UNVERIFIED: ("not verified", "未確認"),
    }
)


@dataclass(frozen=True, slots=True)
class Text:
    """One text in the languages the product speaks."""

    en: str
    ja: str

    def of(self, language: str) -> str:
        return self.ja if language == "ja" else self.en


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact comes from. `url` is "" where there is no public page, `published` None where it bears no date."""

    key: str
    title: str
    url: str = ""
    published: date | None = None
    title_ja: str = ""  # where the title is our description, not a name

    def __str__(self) -> str:
        return self.of("en")

    def of(self, language: str) -> str:
        """Title and date."""
        title = self.title_ja if language == "ja" and self.title_ja else self.title
        return f"{title} ({self.published.isoformat()})" if self.published else title


@dataclass(frozen=True, slots=True)
class Fact(Generic[T]):
    """A published figure. `unit` is written out ("messages/minute"); `note` says what the figure alone would hide."""

    value: T
    unit: str
    source: Source
    mark: Mark
    note: Text = Text("", "")


def load(name: str) -> dict[str, Any]:
    """The data file `name`; it is part of the package, so a failure to read it is a broken installation."""
    path = resources.files(__package__).joinpath("data", name)
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def sources() -> Mapping[str, Source]:
    """All sources by key."""
    table = load("sources.toml")["source"]
    return MappingProxyType({key: Source(key, **entry) for key, entry in table.items()})
