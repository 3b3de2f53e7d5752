"""docs/reference/sandbox.md lists what the sandbox has: every surface with its port, every operation of Graph."""

from __future__ import annotations

import re
import typing
from pathlib import Path

from mailferry.clock import ManualClock
from mailferry.sandbox import faults
from mailferry.sandbox.certificates import make_keys
from mailferry.sandbox.graph import Graph
from mailferry.sandbox.settings import SandboxSettings
from support.sandbox_lab import Lab

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "sandbox.md"


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without backquotes."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_surface() -> None:
    listed = {surface for surface, *_ in rows("Surfaces")} - {"–"}
    assert listed == set(typing.get_args(faults.Surface))


def test_every_port() -> None:
    ports = {name.removesuffix("_port") for name in SandboxSettings.model_fields if name.endswith("_port")}
    assert {key for _, key, *_ in rows("Surfaces")} == ports


def test_every_operation_of_graph() -> None:
    lab = Lab(make_keys())
    graph = Graph(lab.world, lab.checker, ManualClock())
    names = {operation.name for operation in graph._operations} | {"upload", "cancelUpload"}
    assert {name for first, *_ in rows("Microsoft Graph") for name in re.findall(r"\w+", first)} == names
