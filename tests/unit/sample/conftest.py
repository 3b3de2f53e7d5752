"""One small organisation, written once for all tests that only read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailferry.sample import truth
from mailferry.sample.run import Request, write


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sample") / "hinode"
    write(directory, Request(50, 7, "ja"))
    return directory


@pytest.fixture(scope="session")
def told(written: Path) -> dict[str, Any]:
    return truth.read(written / "truth.json")
