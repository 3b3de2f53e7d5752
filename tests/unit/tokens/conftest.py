"""A sandbox for identities that need no secret of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from mailferry.sandbox.certificates import Keys, make_keys
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings
from support.sandbox_lab import BEFORE
from support.sign_in import Person, session


@pytest.fixture(scope="session")
def keys() -> Keys:
    return make_keys()


@pytest.fixture
async def box(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")  # what a machine trusts overrules no ca_file
    async with Sandbox(SandboxSettings(at=BEFORE, running=False), keys=keys) as sandbox:
        yield sandbox


@pytest.fixture
async def http(box: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    async with session(box) as running:
        yield running


@pytest.fixture
def person(box: Sandbox, http: aiohttp.ClientSession) -> Person:
    return Person(box, http)
