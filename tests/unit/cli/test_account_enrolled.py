"""`mailferry account list` and its sisters, as an administrator meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from rich.cells import cell_len
from typer.testing import CliRunner

from mailferry.cli.main import app
from mailferry.clients.enrolled import Enrolled, Register, Status

CONFIG = """
[gateway]
hostname = "localhost"
state = "{state}"
[[listener]]
name = "in"
address = "127.0.0.1:2587"
[[enrolment]]
name = "move to the gateway"
networks = ["10.1.0.0/16"]
domains = ["example.com"]
opens = 2026-12-01T08:00:00Z
closes = 2026-12-02T08:00:00Z
[[route]]
name = "relay"
type = "smarthost"
host = "127.0.0.1"
"""
SCAN, OLD = "scanner-warehouse-3@contoso.example", "old@example.com"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "mailferry.toml"
    file.write_text(CONFIG.format(state=tmp_path / "state"))
    register, hashed = Register(tmp_path / "state/enrolled"), PasswordHasher(1, 8, 1).hash("x")
    for account, window, status in ((SCAN, "move to the gateway", Status.PENDING), (OLD, "gone", Status.ACTIVE)):
        register.put(Enrolled(account, hashed, window, "10.1.200.31", "first-use", 1.79e9, status))
    (tmp_path / "state/enrolled/bad@example.com.json").write_text("{")
    return file


def run(config: Path, *words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["account", *words, "-c", str(config)], env={"COLUMNS": "80"})
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(("language", "status"), [("en", "pending"), ("ja", "承認待ち")])
def test_the_list_says_who_cannot_log_in_and_why(config: Path, language: str, status: str) -> None:
    code, shown, said = run(config, "list", "--lang", language)
    assert code == 0
    assert status in shown
    assert SCAN in shown, "an address is copied whole"
    assert max(map(cell_len, shown.splitlines())) <= 80
    assert "bad@example.com.json" in said
    assert "gone" in said
    listed = {one["account"]: one for one in json.loads(run(config, "list", "--json")[1])}
    assert (listed[SCAN]["usable"], listed[OLD]["usable"]) == (True, False)
    assert "argon2" not in f"{shown}{listed}"


def test_whom_nobody_knows_changes_nothing(config: Path) -> None:
    assert run(config, "revoke", OLD, "nobody@example.com")[0] == 1
    assert run(config, "approve", "bad@example.com")[0] == 1
    statuses = {one["account"]: one["status"] for one in json.loads(run(config, "list", "--json")[1])}
    assert statuses == {SCAN: "pending", OLD: "active"}


def test_forgetting(config: Path) -> None:
    assert run(config, "forget", OLD.upper(), "bad@example.com")[0] == 0
    code, shown, said = run(config, "list", "--lang", "en")
    assert (code, OLD in shown, "bad@" in said) == (0, False, False)
