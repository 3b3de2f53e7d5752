"""`mailferry serve` and its supervisor."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mailferry.cli.serve import notify


def test_a_supervisor_that_does_not_read_holds_up_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "n"))
        for _ in range(5000):  # more than any queue of datagrams holds
            notify("WATCHDOG=1")
        assert deaf.recv(100) == b"WATCHDOG=1"
    notify("WATCHDOG=1")
