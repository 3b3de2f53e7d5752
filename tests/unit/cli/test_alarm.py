"""`mailferry alarm test` against a real command and a socket that nobody has."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mailferry.cli.main import app

CONFIG = """
[gateway]
hostname = "gw.example.com"
state = "{state}"
[[listener]]
name = "in"
address = "127.0.0.1:0"
[[client]]
name = "scanner"
networks = ["192.0.2.0/24"]
recipients = "anywhere"
[[route]]
name = "relay"
type = "smarthost"
host = "relay.example.com"
"""
TARGETS = """
[[alarm]]
name = "file"
type = "command"
language = "ja"
severity = "critical"
command = ["{python}", "-I", "-c", "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())", "{out}"]
[[alarm]]
name = "gone"
type = "syslog"
address = "{out}.socket"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "mailferry.toml"
    text = CONFIG.replace('address = "127.0.0.1:0"', 'address = "127.0.0.1:0"\ntls = "none"\nauthentication = "none"')
    file.write_text((text + TARGETS).format(state=tmp_path, python=sys.executable, out=tmp_path / "out"))
    return file


def test_each_target_and_its_result(config: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["alarm", "test", "-c", str(config), "--json"])
    assert result.exit_code == 1
    taken, gone = json.loads(result.stdout)
    assert taken == {"target": "file", "taken": True, "cause": ""}
    assert "No such file" in gone["cause"]
    made = json.loads((tmp_path / "out").read_text())
    assert made["alarms"][0]["title"] == "テスト警報"


def test_one_by_name(config: Path) -> None:
    result = CliRunner().invoke(app, ["alarm", "test", "file", "-c", str(config)])
    assert (result.exit_code, result.stdout) == (0, "file: taken\n")


def test_a_name_that_is_none(config: Path) -> None:
    result = CliRunner().invoke(app, ["alarm", "test", "fiel", "-c", str(config)])
    assert result.exit_code == 2
    assert "there are: file, gone" in result.stderr


def test_no_target(config: Path) -> None:
    text = config.read_text()
    config.write_text(text[: text.index("[[alarm]]")])
    result = CliRunner().invoke(app, ["alarm", "test", "-c", str(config)])
    assert result.exit_code == 1
    assert "no [[alarm]] section" in result.stderr
