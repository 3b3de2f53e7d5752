"""The gateway as a process: started from a configuration file, killed, started again, stopped."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path


def free_port() -> int:
    """A port for somebody else to bind a moment later: below those that systems hand out by themselves (from 32768),
    which would be taken again by whoever asks next."""
    while True:
        port = 10_000 + secrets.randbelow(22_000)  # `random` is seeded alike in all workers
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


PLAIN = """
[gateway]
hostname = "gateway.example.com"
state = "{state}"
postmaster = "postmaster@example.com"

[[listener]]
name = "plain"
address = "127.0.0.1:{port}"
tls = "none"
authentication = "none"
networks = ["127.0.0.0/8"]
max_connections_per_address = 500

[[client]]
name = "load"
networks = ["127.0.0.0/8"]
senders = ["*"]
recipients = "anywhere"
max_size = "100 MB"

[[route]]
name = "sink"
type = "smarthost"
host = "127.0.0.1"
port = {upstream}
tls = "none"

[routing]
default_route = "sink"

[spool]
min_free = "{min_free}"

[delivery]
retry = ["1s", "2s", "5s"]
{extra}
"""


@dataclass
class GatewayProcess:
    """`mailferry serve` in `directory`, sending to `upstream` on loopback."""

    directory: Path
    upstream: int
    min_free: str = "1 MB"
    extra: str = ""
    template: str = PLAIN
    port: int = field(default_factory=free_port)
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: Path | None = None
    process: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> Path:
        return self.directory / "mailferry.toml"

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    def write_config(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        values = {"state": self.directory / "state", "port": self.port, "upstream": self.upstream}
        self.config.write_text(self.template.format(**values, min_free=self.min_free, extra=self.extra))

    def start(self, crash_at: str = "") -> None:
        """Start and wait for the greeting. `crash_at` names a checkpoint, "spool.after-commit:3": die at its third."""
        if not self.config.exists():
            self.write_config()
        environment = {**self.environment, "MAILFERRY_CRASH_AT": crash_at}
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(Path(sys.executable).parent / "mailferry"), "serve", "--config", str(self.config)],
                stdout=log,
                stderr=log,
                env=environment,
                cwd=self.cwd,
            )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the gateway ended with {self.process.returncode}:\n{self.log[-4000:]}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                probe.settimeout(5)
                if probe.recv(200)[:3] in (b"220", b"452", b"421"):
                    probe.sendall(b"QUIT\r\n")
                    return
            time.sleep(0.02)
        raise TimeoutError(f"no greeting within 30 s:\n{self.log[-4000:]}")

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def wait_dead(self, seconds: float = 30) -> None:
        assert self.process is not None
        self.process.wait(seconds)

    def stop(self) -> int:
        """Ask it to stop; its exit code. Does nothing when it is dead already; fails where it crashes."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        assert -code not in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS), f"ended by signal {-code}"
        return code

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `mailferry ARGUMENTS --config …` beside it."""
        command = [str(Path(sys.executable).parent / "mailferry"), *arguments, "--config", str(self.config)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
