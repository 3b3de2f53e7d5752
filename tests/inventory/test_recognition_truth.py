"""Recognition from the exports alone, against organisations whose truth is known and some of whose clients are not what
they seem: who shows a strong sign gets its family, and nobody is named wrongly by so much as the planner acts on.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mailferry.clients.base import knowledge
from mailferry.clock import ManualClock
from mailferry.inventory.records import Client
from mailferry.inventory.store import Inventory
from mailferry.planner.case import SURE
from mailferry.sample import truth
from mailferry.sample.data_files import disguises
from mailferry.sample.run import Request, write

#: Asked of recognition.
RECALL = 0.9
SMALL = [(50, 1, "en"), (50, 2, "ja"), (300, 4, "ja")]
LARGE = [(2000, 5, "ja"), (2000, 6, "en"), (2000, 7, "ja")]

Entry = dict[str, Any]


@dataclass
class Score:
    """What recognition came to; `missed` and `wrong` are told so that a failure names its clients."""

    right: int = 0
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # as sure as the planner needs it
    doubted: list[str] = field(default_factory=list)  # named wrongly, but less sure than that
    disguises: Counter[str] = field(default_factory=Counter)
    relays: int = 0

    @property
    def recall(self) -> float:
        return self.right / (self.right + len(self.missed))

    def add(self, client: Client, entries: Sequence[Entry]) -> None:
        """One client of the inventory, and what is true of it: several devices where they share a mailbox or a line."""
        families = {_family(entry["product"]) for entry in entries}
        self.disguises.update(entry["disguise"] for entry in entries)
        self.relays += entries[0]["product"] == "postfix"
        named = _family(client.product) if client.product else ""
        right = {named} == families
        told = f"{families} {client.sender or client.senders}: {client.product} {client.confidence} {client.evidence}"
        if named and not right:
            (self.wrong if client.confidence >= SURE else self.doubted).append(told)
        if len(families) == 1 and all(entry["strong"] for entry in entries):
            if right:
                self.right += 1
            else:
                self.missed.append(told)


def _family(product: str) -> str:
    known = knowledge().products.get(product)
    return known.family if known is not None else product


def _entries(client: Client, by_mailbox: dict[str, list[Entry]]) -> list[Entry]:
    """The devices that are this client: of a mailbox, and where that has several, at its addresses."""
    mine, seen = by_mailbox[client.sender], set(client.addresses)
    if client.sender and len(mine) == 1:
        return mine
    return [each for each in mine if seen & {*each["addresses"], each["lan"]}]


def _scored(requests: Iterable[tuple[int, int, str]], place: Path) -> Score:
    score = Score()
    for size, seed, language in requests:
        folder, by_mailbox = place / f"{size}-{seed}", defaultdict[str, list[Entry]](list)
        write(folder / "sample", Request(size, seed, language, variants=False))
        for entry in truth.read(folder / "sample" / "truth.json")["clients"]:
            if entry["sources"]:
                by_mailbox[entry["mailbox"]].append(entry)
        with Inventory(folder / "state", ManualClock(datetime(2026, 11, 24, tzinfo=UTC))) as inventory:
            inventory.import_paths([folder / "sample" / "exports"])
            for client in inventory.clients():
                if entries := _entries(client, by_mailbox):
                    score.add(client, entries)
    return score


@pytest.mark.timeout(300)
def test_strong_signs_are_recognised_and_disguises_fool_nobody(tmp_path: Path) -> None:
    score = _scored(SMALL, tmp_path)
    assert not score.wrong
    assert score.recall >= RECALL, score.missed
    assert score.right > 100
    assert sum(score.disguises.values()) - score.disguises[""] > 5
    assert score.relays


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_so_it_is_in_large_organisations(tmp_path: Path) -> None:
    score = _scored(LARGE, tmp_path)
    assert not score.wrong
    assert score.recall >= RECALL, score.missed
    assert score.right > 1500
    assert set(score.disguises) == {"", *(one.key for one in disguises())}  # each was tried
    assert score.relays > 20
