"""A full disk: the client hears 452, its session goes on, what was acknowledged is kept, and space mends it all."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from support.gateway import GatewayProcess
from support.ledger import Ledger, Sink

pytestmark = [pytest.mark.crash, pytest.mark.timeout(120)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB for the state directory; needs root, as CI and the test set-up have it."""
    place = tmp_path / "gateway" / "state"
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


class Talk:
    """One kept session that counts what it is told."""

    def __init__(self, port: int) -> None:
        self._link = socket.create_connection(("127.0.0.1", port), 20)
        self._lines = self._link.makefile("rb")
        self._line()
        self.ask(b"EHLO client\r\n")

    def close(self) -> None:
        self._lines.close()
        self._link.close()

    def ask(self, data: bytes) -> bytes:
        self._link.sendall(data)
        return self._line()

    def _line(self) -> bytes:
        while (line := self._lines.readline())[3:4] == b"-":
            pass
        return line

    def send(self, ledger: Ledger, tag: str, size: int) -> bytes:
        """The last reply of one message: 250 or the refusal, wherever it came."""
        text = b"x" * 70 + b"\r\n"
        text *= size // 72
        ledger.sent[tag] = hashlib.sha256(text).hexdigest()
        for command in (b"MAIL FROM:<sender@example.com>\r\n", b"RCPT TO:<recipient@example.net>\r\n", b"DATA\r\n"):
            answer = self.ask(command)
            if answer[:1] not in b"23":
                self.ask(b"RSET\r\n")
                return answer
        answer = self.ask(f"Message-ID: <{tag}@ledger>\r\nX-Tag: {tag}\r\n\r\n".encode() + text + b".\r\n")
        if answer.startswith(b"250"):
            ledger.acknowledged.add(tag)
        return answer


def fill(talk: Talk, ledger: Ledger, prefix: str, size: int) -> list[bytes]:
    """Send until the disk refuses five times in a row."""
    refused: list[bytes] = []
    for number in range(3000):
        answer = talk.send(ledger, f"{prefix}{number}", size)
        refused = [*refused, answer] if not answer.startswith(b"250") else []
        if len(refused) == 5:
            return refused
    raise AssertionError("the disk never got full")


def exercise(talk: Talk, dead: GatewayProcess, ledger: Ledger, size: int, disk: Path) -> None:
    """Full, still in conversation, then room again."""
    for answer in fill(talk, ledger, "a", size):
        assert answer.startswith((b"452 4.3.1", b"451 4.3.0")), answer
    assert talk.ask(b"NOOP\r\n").startswith(b"250")
    assert len(ledger.acknowledged) > 3
    assert dead.run("queue", "list", "--json").returncode == 0
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
    deadline = time.monotonic() + 20
    while not (last := talk.send(ledger, f"b{time.monotonic()}", size)).startswith(b"250"):
        assert time.monotonic() < deadline, f"does not recover by itself: {last!r}\n{dead.log[-2000:]}"
        time.sleep(0.2)


@pytest.mark.parametrize(("size", "min_free"), [(3_000, "1 MB"), (200_000, "1 MB"), (3_000, "4 KB"), (200_000, "4 KB")])
def test_full_then_free(small_disk: Path, size: int, min_free: str) -> None:
    """With the gate (1 MB) before the wall, and with the wall itself (a gate too small to help)."""
    ledger = Ledger()
    sink = Sink(ledger)
    dead = GatewayProcess(small_disk.parent, 9, min_free=min_free)  # nothing listens there: all mail stays
    dead.start()
    try:
        with closing(Talk(dead.port)) as talk:
            exercise(talk, dead, ledger, size, small_disk)
    finally:
        dead.stop()
    alive = GatewayProcess(small_disk.parent, sink.port, port=dead.port)
    alive.write_config()
    alive.start()
    try:
        deadline = time.monotonic() + 40
        while ledger.missing:
            assert time.monotonic() < deadline, f"{len(ledger.missing)} of {len(ledger.acknowledged)} are missing"
            time.sleep(0.1)
        assert not ledger.strangers
        assert not ledger.damaged
        assert not ledger.repeated
        assert set(ledger.arrived) == ledger.acknowledged
    finally:
        alive.stop()
        sink.stop()
