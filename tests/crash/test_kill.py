"""SIGKILL: what a client was told 250 for arrives, nothing else does, and a duplicate only where the window is named.

The named window: the upstream has taken a message and the gateway dies before it has recorded that. So a message may
arrive twice only when an attempt on it was under way at a kill; the history then says "interrupted".
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailferry.app import open_spool
from mailferry.clock import SystemClock
from mailferry.config.load import load_config
from mailferry.spool.api import Filter, State
from mailferry.spool.checkpoints import NAMES
from support.gateway import GatewayProcess
from support.ledger import Client, Ledger, Sink

pytestmark = [pytest.mark.crash, pytest.mark.timeout(240)]


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def sink(ledger: Ledger) -> Iterator[Sink]:
    server = Sink(ledger)
    yield server
    server.stop()


@pytest.fixture
def gateway(tmp_path: Path, sink: Sink) -> Iterator[GatewayProcess]:
    process = GatewayProcess(tmp_path / "gateway", sink.port)
    yield process
    process.stop()


def start_clients(gateway: GatewayProcess, ledger: Ledger, count: int, size: int = 3000) -> list[Client]:
    clients = [Client(f"c{number}", gateway.port, ledger, size) for number in range(count)]
    for client in clients:
        client.start()
    return clients


def stop_clients(clients: list[Client]) -> None:
    for client in clients:
        client.enough.set()
    for client in clients:
        client.join(30)
        assert not client.is_alive()


def until(condition: object, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def reconcile(gateway: GatewayProcess, ledger: Ledger) -> None:
    """Drain, then hold the ledger against what arrived."""
    until(lambda: not ledger.missing and not messages(gateway))
    assert ledger.acknowledged, "the test sent nothing"
    assert not ledger.strangers
    assert not ledger.damaged
    for tag, kinds in histories(gateway, ledger.repeated).items():
        assert "interrupted" in kinds, f"{tag} arrived twice outside the named window"


def messages(gateway: GatewayProcess, *options: str) -> list[dict[str, Any]]:
    """What `mailferry queue list` shows: by default what is not finished."""
    listed = gateway.run("queue", "list", "--json", *options)
    assert listed.returncode == 0, listed.stderr
    found: list[dict[str, Any]] = json.loads(listed.stdout)["messages"]
    return found


def histories(gateway: GatewayProcess, tags: set[str]) -> dict[str, set[str]]:
    """The kinds of events in the history of each message in `tags`."""

    async def read() -> dict[str, set[str]]:
        spool = await open_spool(load_config(gateway.config), SystemClock(), serve=False)
        found: dict[str, set[str]] = {}
        for view in await spool.find(Filter(states=frozenset(State)), limit=1_000_000) if tags else []:
            tag = view.message.header_id.removeprefix("<").removesuffix("@ledger>")
            if tag in tags and (whole := await spool.show(view.message.id)) is not None:
                found[tag] = {event.kind for event in whole.events}
        await spool.close()
        assert set(found) == tags
        return found

    return asyncio.run(read())


def test_random_kills(gateway: GatewayProcess, ledger: Ledger, long: bool) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    gateway.start()
    clients = start_clients(gateway, ledger, 8)
    for _ in range(1000 if long else 6):
        time.sleep(chance.uniform(0.05, 0.6))
        gateway.kill()
        gateway.start()
    time.sleep(0.3)
    stop_clients(clients)
    reconcile(gateway, ledger)
    assert gateway.stop() == 0


@pytest.mark.parametrize("name", [*NAMES, "delivery.answered"])
def test_kill_at_point(name: str, gateway: GatewayProcess, ledger: Ledger) -> None:
    """Die at the point's second passing, with large bodies so that every point is passed; then start and drain."""
    gateway.start(crash_at=f"{name}:2")
    clients = start_clients(gateway, ledger, 3, size=100_000)
    gateway.wait_dead()
    gateway.start()
    until(lambda: len(ledger.acknowledged) > 5)
    stop_clients(clients)
    reconcile(gateway, ledger)


def test_kill_while_upstream_waits(tmp_path: Path, ledger: Ledger) -> None:
    """The upstream has the message and its answer is on the way when the gateway dies: sent again, and said so."""
    slow = Sink(ledger, delay=0.4)
    gateway = GatewayProcess(tmp_path / "gateway", slow.port)
    try:
        gateway.start()
        clients = start_clients(gateway, ledger, 2)
        until(lambda: len(ledger.arrived) >= 1)
        gateway.kill()
        gateway.start()
        stop_clients(clients)
        reconcile(gateway, ledger)
    finally:
        gateway.stop()
        slow.stop()


def test_stop_is_graceful(gateway: GatewayProcess, ledger: Ledger) -> None:
    """SIGTERM under load: no attempt is cut off, nothing is lost, nothing is sent twice."""
    gateway.start()
    clients = start_clients(gateway, ledger, 5)
    until(lambda: len(ledger.arrived) > 50)
    assert gateway.stop() == 0
    gateway.start()
    stop_clients(clients)
    reconcile(gateway, ledger)
    assert not ledger.repeated
