"""The fixture of every delivery test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from support.delivery_world import World, make_world


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = make_world()
    await made.spool.open()
    yield made
    for scheduler in made.schedulers:
        await scheduler.stop()
