"""A console with a password, and one who is signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailferry.console.serve import Console
from support.console import Browser, Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
async def console(place: Place) -> AsyncIterator[Console]:
    async with place.running() as running:
        yield running


@pytest.fixture
async def browser(console: Console) -> AsyncIterator[Browser]:
    """Somebody who is not signed in."""
    async with Browser(console) as one:
        yield one


@pytest.fixture
async def admin(console: Console) -> AsyncIterator[Browser]:
    """Somebody who is."""
    async with Browser(console) as one:
        await one.sign_in()
        assert one.status == 303, one.text
        yield one
