"""`mailferry setup`: filled from the configuration, written once, told in both languages."""

from __future__ import annotations

import json
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
tls = "none"
authentication = "none"
[[tenant]]
name = "contoso"
tenant_id = "contoso.example"
client_id = "5a4db0c5-0000-4000-8000-0000000000a1"
secret = {{ env = "SECRET" }}
domains = ["contoso.example"]
[[client]]
name = "scanner"
networks = ["192.0.2.0/24"]
mailbox = "scan@contoso.example"
[[client]]
name = "ups"
networks = ["192.0.3.0/24"]
senders = ["ups@contoso.example", "*@contoso.example"]
[[route]]
name = "exo"
type = "exchange-smtp"
tenant = "contoso"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "mailferry.toml"
    file.write_text(CONFIG.format(state=tmp_path))
    return file


def test_by_the_name_of_a_route(config: Path) -> None:
    result = CliRunner().invoke(app, ["setup", "exo", "-c", str(config), "--json", "--set", "object_id=o1"])
    assert result.exit_code == 0, result.output
    scripts = json.loads(result.stdout)
    assert [one["name"] for one in scripts] == ["1-app.ps1", "2-smtp-rbac.ps1"]
    assert "$Mailboxes = @('scan@contoso.example', 'ups@contoso.example')" in scripts[1]["text"]
    assert "$ClientId = '5a4db0c5-0000-4000-8000-0000000000a1'" in scripts[1]["text"]
    assert not any(one["missing"] for one in scripts)


POOL = """
[[route]]
name = "pool"
type = "exchange-smtp"
tenant = "contoso"
mailboxes = ["out1@contoso.example", "out2@contoso.example"]
lookup = "trace"
bounces = true
[[rule]]
senders = ["*@contoso.example"]
route = "pool"
[routing]
default_route = "exo"
"""


def setup(config: Path, *words: str) -> list[dict[str, str]]:
    result = CliRunner().invoke(app, ["setup", *words, "-c", str(config), "--json", "--set", "object_id=o1"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)  # type: ignore[no-any-return]


def roles(text: str) -> str:
    [line] = [line for line in text.splitlines() if line.startswith("$Roles =")]
    return line


def test_a_pool_and_what_its_route_reads(config: Path) -> None:
    config.write_text(config.read_text() + POOL)
    scripts = setup(config, "pool")
    assert [one["name"] for one in scripts] == ["1-app.ps1", "2-smtp-rbac.ps1", "3-trace.ps1"]
    assert "$Mailboxes = @('out1@contoso.example', 'out2@contoso.example')" in scripts[1]["text"]
    assert "@('yes' |" in roles(scripts[1]["text"])
    assert not any(one["missing"] for one in scripts)


def test_by_its_kind_all_routes_of_it_are_meant(config: Path) -> None:
    config.write_text(config.read_text() + POOL)
    scripts = setup(config, "smtp-rbac")
    boxes = ("out1", "out2", "scan", "ups")
    listed = ", ".join(f"'{box}@contoso.example'" for box in boxes)
    assert f"$Mailboxes = @({listed})" in scripts[1]["text"]
    assert len(scripts) == 3


def test_rights_to_read_without_a_configuration(tmp_path: Path) -> None:
    nothing = tmp_path / "none.toml"
    assert "@('yes' |" in roles(setup(nothing, "graph", "--read")[1]["text"])
    assert [one["name"] for one in setup(nothing, "graph", "--trace")] == ["1-app.ps1", "2-graph.ps1", "3-trace.ps1"]
    assert setup(nothing, "trace")[1]["name"] == "2-trace.ps1"


def test_written_once_and_with_a_mark_of_its_encoding(config: Path, tmp_path: Path) -> None:
    words = ["setup", "graph", "-c", str(config), "--write", str(tmp_path / "s"), "--lang", "ja"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "未入力の値: object_id" in result.stderr
    assert (tmp_path / "s" / "2-graph.ps1").read_bytes().startswith(b"\xef\xbb\xbf# Microsoft Graph")
    assert CliRunner().invoke(app, words).exit_code == 2
    assert CliRunner().invoke(app, [*words, "--replace"]).exit_code == 0


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_list(lang: str) -> None:
    result = CliRunner().invoke(app, ["setup", "--lang", lang])
    assert result.exit_code == 0
    assert "smtp-rbac" in result.stdout
    assert ("SMTP with OAuth" if lang == "en" else "による SMTP 送信") in result.stdout


@pytest.mark.parametrize("words", [["nowhere"], ["graph", "--set", "x=1"], ["graph", "--set", "group=a\nb"]])
def test_what_cannot_be(words: list[str], config: Path) -> None:
    assert CliRunner().invoke(app, ["setup", *words, "-c", str(config)]).exit_code == 2


def test_without_a_configuration_there_are_places_to_fill_in(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["setup", "connector", "-c", str(tmp_path / "none.toml")])
    assert result.exit_code == 0
    assert "throw 'Fill in first" in result.stdout
    assert "tenant_id" in result.stderr
