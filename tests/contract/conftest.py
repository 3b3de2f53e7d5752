"""The store under test: every spool contract test runs once over each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailferry.clock import ManualClock
from support.spool_contract import STORES, Kit


@pytest.fixture(params=list(STORES))
async def kit(request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Kit]:
    made = STORES[request.param](clock, tmp_path)
    await made.open()
    yield made
    await made.spool.close()
