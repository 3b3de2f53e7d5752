"""The Microsoft clouds: where tokens are asked for and where mail goes, by name.

Leaves to others: overrides (tokens.settings, routes.settings). Invariant: an address that could not be verified is
named in `unverified`, so that a check can say so before mail depends on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from mailferry.m365.facts import Mark, Source, Text, load, sources


@dataclass(frozen=True, slots=True)
class Cloud:
    """One cloud. Addresses are "" where the cloud has no such service.

    `smtp_scope` is for an application (client credentials), `smtp_send_scope` for a signed-in user, `hve_scope` for
    High Volume Email. `unverified` names the fields whose value no document of Microsoft confirms.
    """

    name: str
    title: Text
    authority: str
    graph: str
    smtp_host: str
    smtp_port: int
    smtp_scope: str
    smtp_send_scope: str
    legacy_smtp_host: str
    hve_host: str
    hve_scope: str
    graph_scope: str
    source: Source
    mark: Mark
    unverified: frozenset[str]


def _cloud(name: str, entry: Mapping[str, Any]) -> Cloud:
    values = {key: value for key, value in entry.items() if key not in ("title_en", "title_ja")}
    values["source"] = sources()[entry["source"]]
    values["mark"] = Mark(entry["mark"])
    values["unverified"] = frozenset(entry["unverified"])
    return Cloud(name=name, title=Text(entry["title_en"], entry["title_ja"]), **values)


@cache
def clouds() -> Mapping[str, Cloud]:
    """All clouds by name."""
    return MappingProxyType({name: _cloud(name, entry) for name, entry in load("clouds.toml")["cloud"].items()})


def cloud(name: str) -> Cloud:
    """The cloud called `name`. Raises KeyError with the names there are."""
    try:
        return clouds()[name]
    except KeyError:
        raise KeyError(f"no cloud is called {name!r}; there are {', '.join(clouds())}") from None
