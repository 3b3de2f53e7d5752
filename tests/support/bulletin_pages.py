"""The pages written for the tests, what a person finds on them, and how what was read differs from it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from mailferry.bulletin.facts import Announcement, Kind, Phase
from mailferry.bulletin.read import read

HERE = Path(__file__).resolve().parent.parent / "bulletin"
#: Written last; no rule was made for them.
HELD_OUT = "held-out.toml"
TUNED = "expected.toml"
KINDS = ("title", "publisher", "published", "language", "dates", "phases", "errors", "endpoints", "products",
         "alternatives", "actions", "risks", "reenabling")  # fmt: skip
_MENTIONS = {
    "errors": Kind.ERROR,
    "endpoints": Kind.ENDPOINT,
    "products": Kind.PRODUCT,
    "alternatives": Kind.ALTERNATIVE,
}
_SENTENCES = {"actions": Kind.ACTION, "risks": Kind.RISK, "reenabling": Kind.REENABLING}


@cache
def _read(file: Path) -> Announcement:
    return read(file.read_bytes())


@dataclass(frozen=True)
class Page:
    """One page with the facts that a person wrote down."""

    name: str
    file: Path
    expected: dict[str, Any]

    def read(self) -> Announcement:
        return _read(self.file)


@dataclass(frozen=True)
class Difference:
    """What of one kind is right, missing and too much."""

    page: str
    kind: str
    right: int
    missing: tuple[str, ...]
    wrong: tuple[str, ...]


def pages(list_name: str = TUNED) -> list[Page]:
    entries = tomllib.loads((HERE / list_name).read_text(encoding="utf-8"))
    return [Page(name, HERE / "pages" / entry["file"], entry) for name, entry in entries.items()]


def phase_text(phase: Phase) -> str:
    days = f"{phase.period.first.isoformat()}..{phase.period.last.isoformat()}"
    return f"{days} {phase.effect.value} {phase.audience.value}{' earlier' if phase.superseded else ''}"


def differences(page: Page, found: Announcement) -> Iterator[Difference]:
    for kind in KINDS:
        wanted, had = _wanted(page.expected, kind), _had(found, kind)
        if kind in _SENTENCES:
            said = {mention.sentence for mention in found.of(_SENTENCES[kind])}
            missing = tuple(words for words in wanted if not any(words in sentence for sentence in said))
            wrong = tuple(sentence for sentence in said if not any(words in sentence for words in wanted))
        else:
            missing, wrong = tuple(sorted(wanted - had)), tuple(sorted(had - wanted))
        yield Difference(page.name, kind, len(wanted) - len(missing), missing, wrong)


def _wanted(expected: dict[str, Any], kind: str) -> set[str]:
    if kind == "dates":
        return {text.split()[0] for text in expected.get("phases", [])}
    value = expected.get(kind, [])
    if isinstance(value, date):
        return {value.isoformat()}
    return {value} if isinstance(value, str) else set(value)


def _had(found: Announcement, kind: str) -> set[str]:
    if kind == "dates":
        return {phase_text(phase).split()[0] for phase in found.phases}
    if kind == "phases":
        return {phase_text(phase) for phase in found.phases}
    if kind in _MENTIONS:
        return {mention.value for mention in found.of(_MENTIONS[kind])}
    if kind in _SENTENCES:
        return {mention.sentence for mention in found.of(_SENTENCES[kind])}
    value = getattr(found, kind)
    return {value.isoformat() if isinstance(value, date) else value} - {""} if value else set()


def scores(found: list[Difference]) -> dict[str, tuple[float, float]]:
    """Precision and recall by kind."""
    result = {}
    for kind in KINDS:
        of_kind = [difference for difference in found if difference.kind == kind]
        right = sum(difference.right for difference in of_kind)
        wrong = sum(len(difference.wrong) for difference in of_kind)
        missing = sum(len(difference.missing) for difference in of_kind)
        result[kind] = (
            right / (right + wrong) if right + wrong else 1.0,
            right / (right + missing) if right + missing else 1.0,
        )
    return result
