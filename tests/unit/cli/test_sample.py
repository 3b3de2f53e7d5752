"""`mailferry sample`: what it says, in both languages, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from mailferry.cli.output import Exit
from mailferry.cli.sample import sample

app = typer.Typer()
app.command()(sample)


def run(*arguments: str | Path) -> Result:
    runner = CliRunner(env={"COLUMNS": "80", "LANG": "C.UTF-8", "LC_ALL": ""})
    return runner.invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize(("language", "said"), [("en", "50 clients at 5 sites"), ("ja", "5 拠点、50 クライアント")])
def test_it_writes_and_says_what(tmp_path: Path, language: str, said: str) -> None:
    target = tmp_path / "s"
    result = run(target, "--lang", language, "--until", "2026-11-18", "--no-variants")
    assert result.exit_code == Exit.OK
    assert said in result.stdout
    assert f"mailferry inventory import {target / 'exports'}" in result.stderr
    assert (target / "truth.json").exists()
    assert not (target / "variants").exists()


def test_json(tmp_path: Path) -> None:
    result = run(tmp_path / "s", "--json", "--no-variants", "--until", "2026-11-18")
    document = json.loads(result.stdout)
    assert document["clients"] == 50
    assert Path(document["truth"]).exists()


def test_it_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    result = run(tmp_path)
    assert result.exit_code == Exit.USAGE
    assert "is not empty" in result.stderr
    assert "nothing was changed" in result.stderr


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    result = run(tmp_path / "f")
    assert result.exit_code == Exit.USAGE
    assert "is a file" in result.stderr


def test_too_small_is_refused() -> None:
    assert run("x", "--size", "10").exit_code == Exit.USAGE
