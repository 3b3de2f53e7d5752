"""The word lists of data/*.toml as compiled patterns.

Leaves to others: what follows from a match. Invariant: a pattern that does not compile is a broken installation, found
by the first that reads.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from mailferry.bulletin.facts import Effect

Pattern = re.Pattern[str]
_JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Cue:
    """Words of both languages with one meaning."""

    en: Pattern
    ja: Pattern

    def of(self, text: str) -> Pattern:
        """The pattern of the text's language."""
        return self.ja if _JAPANESE.search(text) else self.en

    def search(self, text: str) -> re.Match[str] | None:
        return self.of(text).search(text)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        return self.of(text).finditer(text)


@dataclass(frozen=True, slots=True)
class Name:
    """A thing by its one name."""

    value: str
    pattern: Pattern


def compiled(text: str) -> Pattern:
    """A pattern of the data files; blanks that lay it out do not count. ASCII: a word ends between "AUTH" and "の"."""
    return re.compile("".join(line.strip() for line in text.splitlines()), re.IGNORECASE | re.ASCII)


def _cue(entry: Mapping[str, Any], prefix: str = "") -> Cue:
    return Cue(compiled(entry[f"{prefix}en"]), compiled(entry[f"{prefix}ja"]))


def _load(name: str) -> dict[str, Any]:
    path = resources.files(__package__).joinpath("data", name)
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def effects() -> tuple[tuple[Effect, Cue], ...]:
    """What becomes of Basic authentication, in the order in which the words decide."""
    return tuple((Effect(entry["value"]), _cue(entry)) for entry in _load("effects.toml")["effect"])


@cache
def effect_cue(name: str) -> Cue:
    """negation, superseded, withdrawn, fresh, history, elsewhere, foreign, off, reenable, not_reenable, unsure
    or topic."""
    return _cue(_load("effects.toml")[name])


@cache
def audience_cue(name: str) -> Cue:
    """new, existing or all."""
    return _cue(_load("effects.toml")["audience"], f"{name}_")


@cache
def cue(name: str) -> Cue:
    """subject, service, action, risk, no_risk, offer, no_offer, end, notes or command."""
    return _cue(_load("cues.toml")[name])


@cache
def names(kind: str) -> tuple[Name, ...]:
    """product or alternative."""
    return tuple(Name(entry["value"], compiled(entry["pattern"])) for entry in _load("lexicon.toml")[kind])


@cache
def endpoint() -> tuple[Pattern, Pattern]:
    """What is an endpoint's host, and what is none though it looks like one."""
    entry = _load("lexicon.toml")["endpoint"]
    host = re.compile(rf"(?<![a-z0-9.@/_-]){entry['pattern']}(?![a-z0-9-]|\.[a-z0-9])", re.IGNORECASE | re.VERBOSE)
    return host, compiled(entry["not"])
