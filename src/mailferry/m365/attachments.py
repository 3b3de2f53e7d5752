"""Which attachments Azure Communication Services is documented to take, by type and by the end of the name.

Leaves to others: what a message becomes there (routes). Invariant: only documented types are named; that a type is not
here does not say that it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from mailferry.m365.facts import load

#: What programs write that do not know what they attach.
_NO_TYPE = frozenset({"application/octet-stream", "application/download", "application/force-download", ""})


@cache
def documented_types() -> Mapping[str, tuple[str, ...]]:
    """Type in lower case to the ends of names that it goes with."""
    return MappingProxyType({kind: tuple(ends) for kind, ends in load("acs-attachments.toml")["types"].items()})


def type_for(kind: str, name: str) -> str:
    """`kind`, or where that says nothing the type that the end of `name` stands for: what is only called octets is on
    no list."""
    if kind.lower() not in _NO_TYPE:
        return kind
    _, dot, last = name.rpartition(".")
    end = dot + last.lower()
    return next((known for known, ends in documented_types().items() if end in ends), kind)
