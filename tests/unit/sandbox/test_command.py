"""`mailferry sandbox` as a process: what it prints, what it keeps, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

#: Each starts a process of its own, which a busy machine takes its time for.
pytestmark = pytest.mark.timeout(120)

_RUN = "import typer; from mailferry.cli.sandbox import sandbox; typer.run(sandbox)"


@contextmanager
def running(*options: str) -> Iterator[subprocess.Popen[str]]:
    """The command; killed when the test fails to end it."""
    command = [sys.executable, "-W", "error", "-c", _RUN, *options]
    environment = {**os.environ, "COLUMNS": "60"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", env=environment
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def end(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=100)
    return process.returncode, out, err


def test_one_line_of_json_then_it_runs(tmp_path: Path) -> None:
    state = tmp_path / "tenant.json"
    with running("--json", "--port-base", "0", "--state", str(state), "--at", "2027-01-05", "--stand") as process:
        assert process.stdout is not None
        endpoints = json.loads(process.stdout.readline())
        assert (endpoints["now"], endpoints["clock_runs"]) == ("2027-01-05T00:00:00+00:00", False)
        assert endpoints["ca_file"] == str(tmp_path / "tenant.keys" / "ca.pem")
        patch = json.dumps({"tenant": {"basic_auth_enabled": True}}).encode()
        with urlopen(Request(f"{endpoints['control']}/state", patch, method="PATCH")) as answer:  # noqa: S310
            assert answer.status == 200
        code, rest, _ = end(process, signal.SIGTERM)
    assert (code, rest) == (0, "")
    assert json.loads(state.read_text())["tenant"]["basic_auth_enabled"] is True
    with running("--json", "--port-base", "0", "--state", str(state)) as process:
        assert process.stdout is not None
        again = json.loads(process.stdout.readline())
        with urlopen(f"{again['control']}/state") as answer:  # noqa: S310
            assert json.load(answer)["tenant"]["basic_auth_enabled"] is True
        end(process, signal.SIGTERM)


def test_introduction_can_be_pasted() -> None:
    with running("--port-base", "0", "--at", "2027-01-05") as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if "Ctrl-C" in line:
                break
        code, _, _ = end(process, signal.SIGINT)
    assert code == 0
    text = "\n".join(lines)
    assert "Basic authentication for client submission is disabled by default on that" in text.replace("\n", " ")
    assert any(line.startswith("swaks --server localhost:") and line.endswith("it@contoso.example") for line in lines)
    assert any(line.endswith("scope=https://outlook.office365.com/.default") for line in lines)


def test_wrong_state_file_is_explained(tmp_path: Path) -> None:
    state = tmp_path / "tenant.json"
    state.write_text('{"tenant": {}, "surprise": 1}')
    with running("--port-base", "0", "--state", str(state)) as process:
        _, err = process.communicate(timeout=100)
    assert process.returncode == 3
    assert "tenant.tenant_id: Field required" in err.replace("\n", " ")
    assert "surprise" in err
