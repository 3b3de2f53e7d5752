"""mailferry init: writes once, never over something."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from mailferry.cli.init import _full_name, init
from mailferry.config.load import load_config


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(init)
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, " ".join(result.stderr.split())


def test_written(tmp_path: Path) -> None:
    file = tmp_path / "new" / "mailferry.toml"
    code, talk = run(str(file), "--domain", "contoso.example", "--client-id", "a1", "--hostname", "g.contoso.example")
    assert code == 0
    assert "mailferry check" in talk
    config = load_config(file, {})
    assert config.gateway.hostname == "g.contoso.example"
    assert config.tenants[0].tenant_id == "contoso.example"
    assert config.accepted_domains == {"contoso.example"}
    assert (file.parent / "clients.d").is_dir()


def test_never_overwrites(tmp_path: Path) -> None:
    file = tmp_path / "mailferry.toml"
    file.write_text("mine")
    code, talk = run(str(file))
    assert code == 2
    assert "is there already" in talk
    assert file.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["mailferry.toml"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Host_1", "host-1.example.com"), ("gw.corp.example", "gw.corp.example"), ("--", "mailferry.example.com")],
)
def test_full_name(name: str, expected: str) -> None:
    assert _full_name(name, "example.com") == expected


class Control(http.server.BaseHTTPRequestHandler):
    """What a sandbox's control interface says of itself."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        endpoints = {
            "smtp": {"host": "localhost", "port": 10587},
            "authority_host": "https://localhost:10589",
            "ca_file": "/nowhere/ca.pem",
            "application_certificate": "/nowhere/application.pem",
            "tenant_id": "5a4db0c5-0000-4000-8000-000000000001",
            "domains": ["contoso.example"],
            "applications": [{"client_id": "b1", "certificates": 1}],
        }
        self.wfile.write(json.dumps({"endpoints": endpoints}).encode() if self.path == "/" else b"{}")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def control() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Control)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_for_the_sandbox(control: str, tmp_path: Path) -> None:
    file = tmp_path / "mailferry.toml"
    code, talk = run(str(file), "--sandbox", control)
    assert code == 0, talk
    config = load_config(file, {})
    assert (config.routes[0].host, config.routes[0].port) == ("localhost", 10587)
    assert config.tenants[0].authority == "https://localhost:10589"


def test_no_sandbox(control: str, tmp_path: Path) -> None:
    assert "is no sandbox" in run(str(tmp_path / "a.toml"), "--sandbox", f"{control}/other")[1]
    code, talk = run(str(tmp_path / "a.toml"), "--sandbox", "http://127.0.0.1:1")
    assert code == 4
    assert "no sandbox answers" in talk
    assert run(str(tmp_path / "a.toml"), "--sandbox", "file:///etc/passwd")[0] == 2
    assert list(tmp_path.iterdir()) == []
