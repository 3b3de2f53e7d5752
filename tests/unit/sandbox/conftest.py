"""Fixtures of the sandbox's tests: one in memory, one with sockets, both with a clock that stands."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mailferry.sandbox.certificates import Keys, make_keys
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings
from support.sandbox_graph import GraphClient, graph_client
from support.sandbox_lab import BEFORE, Lab


@pytest.fixture(scope="session")
def keys() -> Keys:
    return make_keys()


@pytest.fixture
def lab(keys: Keys) -> Lab:
    return Lab(keys)


@pytest.fixture
async def box(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    """A whole sandbox; its clock stands before the cut-off."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # requests would prefer them to what the client was given
        monkeypatch.delenv(name, raising=False)
    async with Sandbox(SandboxSettings(at=BEFORE, running=False), keys=keys) as sandbox:
        yield sandbox


@pytest.fixture
async def graph(box: Sandbox) -> AsyncIterator[GraphClient]:
    """A client of Graph whose application may send as everybody."""
    async with graph_client(box) as client:
        yield client
