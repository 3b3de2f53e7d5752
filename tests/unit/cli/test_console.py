"""`mailferry console` as a process, and what it refuses to do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mailferry.cli.main import app
from support.console import HASH, Place


def run(*arguments: str) -> Result:
    runner = CliRunner(env={"COLUMNS": "80", "LANG": "C.UTF-8", "LC_ALL": ""})
    return runner.invoke(app, ["console", *arguments])


@contextmanager
def started(*arguments: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The command as a process, and its lines on standard error until it listens."""
    environment = {**os.environ, "LANG": "C.UTF-8", "LC_ALL": "", "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("MAILFERRY_CONFIG", None)
    with subprocess.Popen(
        [sys.executable, "-c", "from mailferry.cli import main; main()", "console", *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=folder,
    ) as process:
        try:
            assert process.stderr is not None
            lines = [process.stderr.readline()]
            yield process, lines
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate()


@pytest.mark.timeout(120)
def test_a_newcomer_gets_a_link_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    with started("--listen", "127.0.0.1:0", folder=tmp_path) as (process, lines):
        assert process.stderr is not None
        address = lines[0].removeprefix("The console is at ").partition(" ")[0]
        assert address.startswith("http://127.0.0.1:")
        assert "lets in once" in process.stderr.readline()
        link = process.stderr.readline().strip()
        assert link.startswith(f"{address}login?token=")
        with urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open(link) as answer:
            assert answer.url == address
            assert 'id="count"' in answer.read().decode()
        process.send_signal(signal.SIGINT)
        out, rest = process.communicate()
    assert (process.returncode, out) == (0, "")
    assert "The console has stopped." in rest
    assert "token" not in rest  # nobody sits at a terminal, so no further link is printed


@pytest.mark.timeout(120)
def test_with_a_password_nothing_secret_is_printed(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with started("--config", str(place.file), "--lang", "ja", folder=tmp_path) as (process, lines):
        assert lines[0].startswith("コンソール: http://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate()
    assert process.returncode == 0
    assert "token" not in rest
    assert "argon2" not in "".join([*lines, rest])


@pytest.mark.parametrize(
    ("listen", "words"),
    [
        ("0.0.0.0:8025", "other machines reach 0.0.0.0:8025"),
        (":8025", "other machines reach :8025"),
        ("[::]:8025", "other machines reach"),
        ("192.0.2.1:8025", "other machines reach"),
        ("nonsense", "is no address"),
    ],
)
def test_an_address_that_is_not_safe(tmp_path: Path, listen: str, words: str) -> None:
    for name, console in (("with", f'password = "{HASH}"'), ("without", "")):
        (tmp_path / name).mkdir()
        result = run("--config", str(Place(tmp_path / name, console).file), "--listen", listen)
        assert result.exit_code in (2, 3)
        assert words in result.stderr
        assert ("no password" in result.stderr) == (not console and words.startswith("other"))


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    result = run("--config", str(tmp_path / "none.toml"))
    assert result.exit_code == 3
    assert "none.toml" in result.stderr


def test_a_configuration_with_errors(tmp_path: Path) -> None:
    (tmp_path / "mailferry.toml").write_text("[console]\nlisten = 1\n")
    result = run("--config", str(tmp_path / "mailferry.toml"))
    assert result.exit_code == 3
    assert "mailferry check" in result.stderr


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("--config", str(Place(tmp_path).file), "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert result.exit_code == 4
    assert "choose another address with --listen" in result.stderr
    assert HASH not in result.output
