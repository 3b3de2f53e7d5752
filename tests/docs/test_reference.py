"""docs/reference is what the code says: every setting, command, metric and event is there and described."""

from __future__ import annotations

import importlib.util
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from mailferry.cli.main import app
from mailferry.config.validate import sections
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_generator", ROOT / "tools" / "docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(generator: ModuleType) -> dict[str, str]:
    found: dict[str, str] = generator.pages()
    return found


@pytest.mark.parametrize("name", ["configuration.md", "cli.md", "events.md", "metrics.md"])
def test_up_to_date(name: str, pages: dict[str, str]) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == pages[name], "run `make docs`"


def test_every_setting(pages: dict[str, str]) -> None:
    for section in sections():
        assert section.description, f"[{section.name}] has no description"
        for name, info in section.model.model_fields.items():
            assert info.description, f"{section.name}.{name} has no description"
            assert f"| `{name}` |" in pages["configuration.md"]


def commands(command: Any, path: str = "mailferry") -> list[str]:
    """Every command that users see, with its way."""
    found = [path]
    for name, inner in getattr(command, "commands", {}).items():
        if not inner.hidden:
            found += commands(inner, f"{path} {name}")
    return found


def test_every_command(pages: dict[str, str]) -> None:
    headings = re.findall(r"^## (mailferry.*)$", pages["cli.md"], re.MULTILINE)
    assert sorted(headings) == sorted(commands(typer.main.get_command(app)))


def test_every_metric(pages: dict[str, str]) -> None:
    for line in Metrics().render().decode().splitlines():
        if line.startswith("# TYPE ") and not line.split()[2].endswith("_created"):
            assert f"`{line.split()[2]}" in pages["metrics.md"]


def test_every_event(pages: dict[str, str]) -> None:
    """What is logged under a constant name in the source of MailLog stands in the page."""
    events = re.findall(r'self\._sink\(\s*"\w+",\s*"([^"]+)"', inspect.getsource(MailLog))
    assert len(events) > 15
    for event in [*events, "expired", "failed"]:
        assert f"| `{event}` |" in pages["events.md"]
