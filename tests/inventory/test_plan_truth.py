"""What the plan and the knowledge base make of an organisation whose truth is known: each client goes a way that is
right for it, and none is said to be what it is not.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from mailferry.clients.base import knowledge
from mailferry.clock import ManualClock
from mailferry.inventory.records import Client
from mailferry.inventory.store import Inventory
from mailferry.planner.case import SURE
from mailferry.planner.knowledge import products
from mailferry.planner.make import make
from mailferry.planner.settings import PlanSettings
from mailferry.planner.values import Way
from mailferry.sample import truth
from mailferry.sample.run import Request, write

SIZES = [
    pytest.param(50, 1, "en", id="50", marks=pytest.mark.timeout(180)),
    pytest.param(2000, 3, "ja", id="2000", marks=[pytest.mark.slow, pytest.mark.timeout(300)]),
]
#: What no client can be told to do by a rule, and what a rule may tell it.
OPEN = tuple(way for way in Way if way not in (Way.NOTHING, Way.RETIRE, Way.ASK))

Entry = dict[str, Any]


def entry_of(client: Client, entries: list[Entry]) -> Entry | None:
    """The truth of a client: by mailbox, where that has several devices by address, without one by what it writes."""
    mine = [each for each in entries if each["mailbox"] == client.sender]
    if client.sender and len(mine) == 1:
        return mine[0]
    if not client.sender:
        mine = [each for each in mine if each["from"] in client.senders] or mine
    seen = set(client.addresses)
    return next((each for each in mine if seen & {*each["addresses"], each["lan"]}), None)


def family(product: str) -> str:
    known = knowledge().products.get(product)
    return known.family if known is not None else product


@pytest.mark.parametrize(("size", "seed", "language"), SIZES)
def test_ways_and_products_are_true(size: int, seed: int, language: str, tmp_path: Path) -> None:
    write(tmp_path / "sample", Request(size, seed, language, variants=False))
    told = [entry for entry in truth.read(tmp_path / "sample" / "truth.json")["clients"] if entry["sources"]]
    with Inventory(tmp_path / "state", ManualClock(datetime(2026, 11, 24, tzinfo=UTC))) as inventory:
        inventory.import_paths([tmp_path / "sample" / "exports"])
        clients, domains = inventory.clients(), tuple(sorted(inventory.domains()))
    plan = make(clients, products(), PlanSettings(domains=domains, ways=OPEN), date(2026, 11, 24))
    recognised: Counter[bool] = Counter()
    for item in plan.items:
        entry = entry_of(item.client, told)
        if entry is None:  # what the report counts beyond the clients of a mailbox
            assert "unattributed" in {finding.code for finding in item.client.findings}, item.client
            continue
        assert item.way.value in entry["ways"], (item.client.sender, item.reason.en)
        if item.client.product and item.client.confidence >= SURE:
            recognised[family(item.client.product) == family(entry["product"])] += 1
    assert not recognised[False]
    assert recognised[True] >= size // 6  # few exports hold a strong sign: most know a host name and a subject
