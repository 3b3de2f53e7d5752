"""The house keeps its shape: layers, sizes of files and functions, docstrings, no marks of unfinished work."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "mailferry"
FILES = sorted(SOURCE.rglob("*.py"))

FILE_LINES = 300
FUNCTION_LINES = 40

#: What may be longer, each with its reason. The list may only get shorter.
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}


def name_of(file: Path) -> str:
    return str(file.relative_to(SOURCE))


def functions(tree: ast.AST, prefix: str) -> Iterator[tuple[str, int]]:
    """Every function with the lines of its body, without its docstring and the functions inside it."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            lines = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
            inner = list(functions(node, f"{prefix}:{node.name}"))
            yield f"{prefix}:{node.name}", lines - sum(length for _, length in inner)
            yield from inner
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, f"{prefix}:{node.name}")
        else:
            yield from functions(node, prefix)


def test_files_are_short() -> None:
    long = {name_of(file): len(file.read_text(encoding="utf-8").splitlines()) for file in FILES}
    assert {name for name, lines in long.items() if lines > FILE_LINES} == set(LONG_FILES)


def test_functions_are_short() -> None:
    long = {
        name
        for file in FILES
        for name, lines in functions(ast.parse(file.read_text(encoding="utf-8")), name_of(file))
        if lines > FUNCTION_LINES
    }
    assert long == set(LONG_FUNCTIONS)


def test_every_module_says_what_it_is() -> None:
    texts = {name_of(file): file.read_text(encoding="utf-8") for file in FILES}
    silent = [name for name, text in texts.items() if text and not ast.get_docstring(ast.parse(text))]
    assert silent == []


def test_nothing_is_left_to_be_done() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX)\b")
    assert [name_of(file) for file in FILES if marks.search(file.read_text(encoding="utf-8"))] == []


@pytest.mark.timeout(120)
def test_imports_go_down() -> None:
    # A process of its own: import-linter configures logging for the whole process and mutes every logger there is.
    lint = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode == 0, lint.stdout + lint.stderr
