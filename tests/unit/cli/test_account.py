"""mailferry account: hashes only, whole files, nobody else reads them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import typer
from argon2 import PasswordHasher
from typer.testing import CliRunner, Result

from mailferry.cli.account import account
from mailferry.cli.init import init
from mailferry.config.load import load_config


def run(*arguments: str, stdin: str = "") -> Result:
    app = typer.Typer()
    app.add_typer(account, name="account")
    app.command()(init)
    return CliRunner().invoke(app, list(arguments), input=stdin)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "mailferry.toml"
    assert run("init", str(file), "--domain", "contoso.example").exit_code == 0
    return file


def test_hash() -> None:
    result = run("account", "hash", stdin="geheim\n")
    assert PasswordHasher().verify(result.stdout.strip(), "geheim")


def test_no_password() -> None:
    assert run("account", "hash", stdin="\n").exit_code == 2


def test_add(config: Path) -> None:
    result = run(
        *("account", "add", "scanner", "-c", str(config), "--network", "10.1.0.0/16", "--recipients", "internal"),
        *("--sender", "scanner@contoso.example", "--mailbox", "scan@contoso.example", "--rewrite-from"),
        stdin="geheim\n",
    )
    assert result.exit_code == 0, result.output
    file = config.parent / "clients.d/scanner.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "geheim" not in file.read_text() + result.output
    client = next(client for client in load_config(config, {}).clients if client.name == "scanner")
    assert PasswordHasher().verify(client.password or "", "geheim")
    assert [str(network) for network in client.login_from] == ["10.1.0.0/16"]
    assert client.senders == ("scanner@contoso.example",)
    assert client.rewrite_from


def test_never_over_another(config: Path) -> None:
    assert run("account", "add", "a", "-c", str(config), stdin="one\n").exit_code == 0
    text = (config.parent / "clients.d/a.toml").read_text()
    assert run("account", "add", "a", "-c", str(config), stdin="two\n").exit_code == 2
    assert (config.parent / "clients.d/a.toml").read_text() == text
    assert run("account", "add", "a", "-c", str(config), "--replace", stdin="two\n").exit_code == 0
    assert (config.parent / "clients.d/a.toml").read_text() != text


def test_generate_and_print(config: Path) -> None:
    result = run("account", "add", "b", "-c", str(config), "--generate", "--print")
    assert result.exit_code == 0
    *text, password = result.stdout.split("\n")[:-1]
    assert text[0] == "[[client]]"
    assert PasswordHasher().verify(text[2].split('"')[1], password)
    assert list((config.parent / "clients.d").iterdir()) == []


def test_names_do_not_leave_the_folder(config: Path) -> None:
    assert run("account", "add", "../../x y", "-c", str(config), stdin="p\n").exit_code == 0
    assert [path.name for path in (config.parent / "clients.d").iterdir()] == ["-..-x-y.toml"]


def test_wrong_settings_are_not_written(config: Path) -> None:
    result = run("account", "add", "c", "-c", str(config), "--network", "10.0.0.1/8", stdin="p\n")
    assert result.exit_code == 2
    assert "10.0.0.0/8" in result.stderr
    assert list((config.parent / "clients.d").iterdir()) == []


def test_a_configuration_that_does_not_include_it(config: Path) -> None:
    config.write_text(config.read_text().replace("clients.d/*.toml", "other.d/*.toml"))
    result = run("account", "add", "d", "-c", str(config), stdin="p\n")
    assert result.exit_code == 3
    assert "does not include" in result.stderr


def test_no_configuration(tmp_path: Path) -> None:
    assert run("account", "add", "d", "-c", str(tmp_path / "none.toml"), stdin="p\n").exit_code == 3
