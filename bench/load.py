"""What puts load on a server, and what takes mail from it."""

from __future__ import annotations

import multiprocessing
import smtplib
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench.peers import free_port, wait_for


@dataclass(frozen=True)
class Load:
    """smtp-source's settings: parallel sessions, one kept connection each or a new one per message, octets of body."""

    sessions: int
    keep: bool
    size: int = 4096


def smtp_source(port: int, load: Load, count: int) -> float:
    """Send `count` messages; the seconds it took. Raises CalledProcessError when one is refused."""
    command = ["smtp-source", "-s", str(load.sessions), "-m", str(count), "-l", str(load.size)]
    command += ["-f", "sender@example.com", "-t", "recipient@example.net"]
    if load.keep:
        command.append("-d")
    started = time.perf_counter()
    subprocess.run([*command, f"127.0.0.1:{port}"], check=True, timeout=600, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def rate(port: int, load: Load, seconds: float) -> float:
    """Messages per second over a run of about `seconds`: a short trial finds the count."""
    count = max(load.sessions * 2, 20)
    while True:
        took = smtp_source(port, load, count)
        if took >= seconds * 0.8:
            return count / took
        factor = min(20.0, max(1.3, seconds * 1.05 / max(took, 0.02)))
        count = max(load.sessions, int(count * factor))


class Sink:
    """smtp-sink on a port of its own, counting what arrives."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process = subprocess.Popen(
            ["smtp-sink", "-u", "nobody", "-c", f"127.0.0.1:{self.port}", "1000"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self.port)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


class CountingSink:
    """A sink in a process of its own that counts messages and may answer slowly: bench/sink.py."""

    def __init__(self, delay: float = 0.0) -> None:
        self.port = free_port()
        script = str(Path(__file__).with_name("sink.py"))
        self._process = subprocess.Popen(
            [sys.executable, script, str(self.port), str(delay)], stdout=subprocess.DEVNULL
        )
        wait_for(self.port)

    def count(self) -> int:
        """Messages taken so far: asked over the sink's own port, by a verb it knows."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as link, link.makefile("rb") as lines:
            lines.readline()
            link.sendall(b"XCOUNT\r\n")
            return int(lines.readline().split()[1])

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


def _sessions(port: int, count: int, done: multiprocessing.Queue[int]) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    body = "Subject: bench\r\n\r\n" + ("x" * 70 + "\r\n") * 56
    for _ in range(count):
        with smtplib.SMTP("127.0.0.1", port, local_hostname="load.example.com", timeout=60) as client:
            client.starttls(context=context)
            client.login("load", "bench-password", initial_response_ok=True)
            client.sendmail("load@example.com", ["recipient@example.net"], body)
    done.put(count)


def tls_sessions(port: int, processes: int, each: int) -> tuple[int, float]:
    """STARTTLS, AUTH, one message, QUIT, a new session each; (sessions, seconds)."""
    context = multiprocessing.get_context("spawn")
    done: multiprocessing.Queue[int] = context.Queue()
    workers = [context.Process(target=_sessions, args=(port, each, done)) for _ in range(processes)]
    started = time.perf_counter()
    for worker in workers:
        worker.start()
    total = sum(done.get(timeout=600) for _ in workers)
    for worker in workers:
        worker.join()
    return total, time.perf_counter() - started


def latency(port: int, count: int) -> list[float]:
    """Seconds from the final dot to the 250, one client, one message after the other, sorted."""
    body = b"Subject: bench\r\n\r\n" + (b"x" * 70 + b"\r\n") * 56
    with socket.create_connection(("127.0.0.1", port), 30) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = link.makefile("rb")

        def ask(line: bytes) -> None:
            link.sendall(line)
            while (answer := lines.readline())[3:4] == b"-":
                pass
            if answer[:1] not in b"23":
                raise RuntimeError(f"refused: {answer!r}")

        lines.readline()
        ask(b"EHLO load.example.com\r\n")
        waits = []
        for _ in range(count):
            ask(b"MAIL FROM:<sender@example.com>\r\n")
            ask(b"RCPT TO:<recipient@example.net>\r\n")
            ask(b"DATA\r\n")
            link.sendall(body)
            started = time.perf_counter()
            ask(b".\r\n")
            waits.append(time.perf_counter() - started)
        ask(b"QUIT\r\n")
    return sorted(waits)


def idle(port: int, count: int) -> list[socket.socket]:
    """`count` connections that have said EHLO and wait."""
    links = []
    for _ in range(count):
        link = socket.create_connection(("127.0.0.1", port), 30)
        link.recv(1000)
        link.sendall(b"EHLO load.example.com\r\n")
        link.recv(2000)
        links.append(link)
    return links
