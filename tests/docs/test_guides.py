"""What the written pages show works: links lead somewhere, configurations load, commands and options exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from mailferry.cli.main import app
from mailferry.config.document import read_document
from mailferry.config.validate import View

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"])
WRITTEN = [page for page in PAGES if page.parent.name != "reference" and page.name != "design.md"]

_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)\s]*)?\)")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def ids(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, *languages: str) -> Iterator[str]:
    for language, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
        if language in languages:
            yield text


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links(page: Path) -> None:
    for target, anchor in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in target or target.startswith("mailto:"):
            continue
        file = page.parent / target
        assert file.exists(), f"{target} leads nowhere"
        if anchor and file.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor[1:] in {slug(heading) for heading in headings}, f"{target}{anchor} leads nowhere"


def slug(heading: str) -> str:
    """A heading's anchor, as Git hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", WRITTEN, ids=ids)
def test_configurations(page: Path, tmp_path: Path) -> None:
    for text in blocks(page, "toml"):
        file = tmp_path / "mailferry.toml"
        file.write_text(text.replace("…", "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"), encoding="utf-8")
        document = read_document(file, {})
        document.whole = False  # a piece: what is missing stands elsewhere
        View(document)
        assert [str(problem) for problem in document.problems] == [], text


@pytest.mark.parametrize("page", WRITTEN, ids=ids)
def test_commands(page: Path) -> None:
    lines = [line for text in blocks(page, "console", "sh") for line in text.splitlines()]
    for line in lines:
        command = line.removeprefix("$ ").removeprefix("sudo -u mailferry ")
        if command.startswith("mailferry "):
            check_command(shlex.split(command.partition(" | ")[0], comments=True)[1:])


def check_command(words: list[str]) -> None:
    """Each word up to the first option or value names a command, and each option is one of it."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]
    if rest and hasattr(command, "default_command"):
        command = command.commands[command.default_command]
    assert not hasattr(command, "commands") or not rest or rest[0].startswith("-"), f"no command {' '.join(words)}"
    known = {name for parameter in command.params for name in [*parameter.opts, *parameter.secondary_opts]} | {"--help"}
    for word in rest:
        if word.startswith("-") and len(word) > 1:
            assert word.partition("=")[0] in known, f"no option {word} in {' '.join(words)}"
