"""mailferry check: what is printed where, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from mailferry.cli.check import check
from mailferry.config.starter import exchange_starter
from mailferry.config.template import render


@pytest.fixture
def config(tmp_path: Path) -> Path:
    values = exchange_starter(
        host="gateway.example.test", state="state", domain="example.test", tenant_id="", client_id="a1"
    )
    (tmp_path / "secrets").mkdir()
    secret = tmp_path / "secrets/client-secret.txt"
    secret.write_text("secret\n")
    secret.chmod(0o600)
    file = tmp_path / "mailferry.toml"
    file.write_text(render(values))
    return file


def run(*arguments: str) -> tuple[int, str, str]:
    app = typer.Typer()
    app.command()(check)
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_good(config: Path) -> None:
    code, stdout, stderr = run(str(config))
    assert code == 0
    for part in ("submission", "this-machine", "address in 127.0.0.1, ::1", "smtp.office365.com:587", "otherwise"):
        assert part in stdout
    assert "The configuration is good." in stderr


def test_wrong(config: Path) -> None:
    lines = config.read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if text.startswith("hostname"))
    lines[line - 1] = 'hostnam = "[red]gateway"'
    config.write_text("\n".join(lines))
    code, stdout, stderr = run(str(config))
    assert code == 3
    assert f"{config}:{line}: error: gateway.hostnam: is no setting of this section" in stdout
    assert "hint: did you mean hostname?" in stdout
    assert "2 errors, 0 warnings" in stderr


def test_json(config: Path) -> None:
    code, stdout, _ = run(str(config), "--json")
    document = json.loads(stdout)
    assert (code, document["ok"], document["problems"]) == (0, True, [])
    assert document["summary"]["routes"][0]["route"] == "exchange"


def test_json_with_errors(config: Path) -> None:
    config.write_text("[gateway]\n")
    code, stdout, _ = run(str(config), "--json")
    document = json.loads(stdout)
    assert (code, document["ok"], document["summary"]) == (3, False, None)
    assert document["problems"][0]["place"] == {"file": str(config), "line": None}
