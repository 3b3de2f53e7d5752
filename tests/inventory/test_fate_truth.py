"""Of the largest organisation, too: everything that breaks is found, and next to nothing else is said to break."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from mailferry.clock import ManualClock
from mailferry.inventory.records import Client, Fate
from mailferry.inventory.store import Inventory
from mailferry.sample import truth
from mailferry.sample.run import Request, write

PRECISION = 0.98
AFTER = date(2027, 1, 1)


@pytest.mark.parametrize(
    ("size", "seed"),
    [
        pytest.param(50, 5, id="50", marks=pytest.mark.timeout(180)),
        pytest.param(50_000, 1, id="50000", marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
    ],
)
def test_what_breaks_is_found_and_little_else(size: int, seed: int, tmp_path: Path) -> None:
    write(tmp_path / "sample", Request(size, seed, variants=False))
    with Inventory(tmp_path / "state", ManualClock(datetime(2026, 11, 24, tzinfo=UTC))) as inventory:
        inventory.import_paths([tmp_path / "sample" / "exports"])
        clients = inventory.clients(AFTER)
    told = [entry for entry in truth.read(tmp_path / "sample" / "truth.json")["clients"] if entry["sources"]]
    by_sender: dict[str, list[Client]] = defaultdict(list)
    for client in clients:
        by_sender[client.sender].append(client)
    breaks = {entry["mailbox"] for entry in told if entry["fate"] == Fate.BREAKS}
    found = {sender for sender, mine in by_sender.items() if any(one.fate is Fate.BREAKS for one in mine)}
    said = [client for client in clients if client.fate is Fate.BREAKS]
    right = sum(client.sender in breaks for client in said)
    print(f"{size} clients: recall {len(found & breaks)}/{len(breaks)}, precision {right}/{len(said)}")
    assert breaks <= found
    assert len(breaks) > size // 2
    assert right >= PRECISION * len(said)
    devices = [entry for entry in told if entry["fate"] == Fate.BREAKS and entry["addresses"]]
    lost = [entry["id"] for entry in devices if not _seen_at(entry["addresses"], by_sender[entry["mailbox"]])]
    assert not lost  # of a mailbox with several devices, each


def _seen_at(addresses: list[str], clients: list[Client]) -> bool:
    return any(client.fate is Fate.BREAKS and set(addresses) & set(client.addresses) for client in clients)
