"""The servers under load: each starts in a directory of its own, listens on a loopback port, and ends by its pid."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, seconds: float = 30) -> None:
    """Until something greets on `port`. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as probe:
            probe.settimeout(5)
            if probe.recv(200).startswith(b"220"):
                probe.sendall(b"QUIT\r\n")
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing greets on port {port}")


@dataclass
class Peer:
    """A server process tree. `relay_to` 0 means: accept and keep."""

    directory: Path
    relay_to: int = 0
    tls: tuple[Path, Path] | None = None  # certificate, key
    auth: bool = False
    options: dict[str, str] = field(default_factory=dict)
    port: int = 0
    root_pid: int = 0
    name = "peer"

    def start(self) -> None:
        raise NotImplementedError

    def clean(self) -> None:
        """Between two runs: throw away what was stored, where the server lets us."""

    def stop(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(self.root_pid)
            family = [*root.children(recursive=True), root]
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGTERM)
            _, alive = psutil.wait_procs(family, 15)
            for process in alive:
                process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def family(self) -> list[psutil.Process]:
        root = psutil.Process(self.root_pid)
        return [root, *root.children(recursive=True)]

    def cpu(self) -> float:
        """CPU seconds of the tree, with those of children that have ended."""
        total = 0.0
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total

    def pss(self) -> int:
        """Proportional set size of the tree in octets."""
        total = 0
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError):
                for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1]) * 1024
        return total

    def peak_rss(self) -> int:
        """The highest resident size of the tree's largest process in octets."""
        peak = 0
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError):
                for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
                    if line.startswith("VmHWM:"):
                        peak = max(peak, int(line.split()[1]) * 1024)
        return peak


class Mailferry(Peer):
    """The whole product: policy, Received header, event rows, log (to a file) and metrics on."""

    name = "mailferry"

    def start(self) -> None:
        self.directory.mkdir(parents=True)
        self.port = free_port()
        config = self.directory / "mailferry.toml"
        tls = f'tls = "{"starttls" if self.tls else "none"}"'
        auth = 'authentication = "required"' if self.auth else 'authentication = "none"\nnetworks = ["127.0.0.0/8"]'
        certificate = f'[tls]\ncertificate = "{self.tls[0]}"\nkey = "{self.tls[1]}"\n' if self.tls else ""
        identity = f'password = "{_hash()}"' if self.auth else 'networks = ["127.0.0.0/8"]'
        config.write_text(
            f"""
[gateway]
hostname = "bench.example.com"
state = "{self.directory / "state"}"
postmaster = "postmaster@example.com"

[[listener]]
name = "bench"
address = "127.0.0.1:{self.port}"
max_connections = 5000
max_connections_per_address = 5000
{tls}
{auth}

{certificate}
[[client]]
name = "load"
{identity}
senders = ["*"]
recipients = "anywhere"
max_size = "100 MB"

[[route]]
name = "sink"
type = "smarthost"
host = "127.0.0.1"
port = {self.relay_to or 9}
tls = "none"

[routing]
default_route = "sink"

[metrics]
address = "127.0.0.1:{free_port()}"

[log]
format = "json"
"""
        )
        log = (self.directory / "log").open("wb")
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "mailferry"), "serve", "--config", str(config)],
            stdout=log,
            stderr=log,
        )
        self.root_pid = process.pid
        wait_for(self.port)


def _hash() -> str:
    from argon2 import PasswordHasher

    return PasswordHasher().hash("bench-password")


class Postfix(Peer):
    """Postfix with HOLD (accept and keep) or a relayhost; in_flow_delay=0 when it keeps, its default when it relays."""

    name = "postfix"

    def start(self) -> None:
        self.port = free_port()
        etc, queue, data = (self.directory / part for part in ("etc", "queue", "data"))
        for part in (etc, queue, data):
            part.mkdir(parents=True)
        shutil.chown(data, "postfix")
        self.directory.chmod(0o755)
        keep = "check_client_access static:HOLD, " if not self.relay_to else ""
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": queue,
            "data_directory": data,
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "mynetworks": "127.0.0.0/8",
            "myhostname": "bench.example.com",
            "mydestination": "",
            "alias_maps": "",
            "smtpd_recipient_restrictions": f"{keep}permit_mynetworks, permit_sasl_authenticated, reject",
            "relayhost": f"[127.0.0.1]:{self.relay_to}" if self.relay_to else "",
            "in_flow_delay": "1s" if self.relay_to else "0",
            "message_size_limit": "104857600",
            "smtpd_client_connection_count_limit": "0",
            **self._tls_settings(),
        }
        (etc / "main.cf").write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
        master = Path("/usr/share/postfix/master.cf.dist").read_text().splitlines()
        lines = [line for line in master if line and line[0] not in "#" and not line.startswith("smtp      inet")]
        lines = [
            " ".join([*(words := line.split())[:4], "n", *words[5:]]) if not line[0].isspace() else line
            for line in lines
        ]
        (etc / "master.cf").write_text("\n".join([f"127.0.0.1:{self.port} inet n - n - - smtpd", *lines]) + "\n")
        subprocess.run(["postfix", "-c", str(etc), "start"], check=True, capture_output=True)
        wait_for(self.port)
        self.root_pid = int((queue / "pid" / "master.pid").read_text())

    def _tls_settings(self) -> dict[str, object]:
        if not self.tls:
            return {}
        settings: dict[str, object] = {
            "smtpd_tls_cert_file": self.tls[0],
            "smtpd_tls_key_file": self.tls[1],
            "smtpd_tls_security_level": "may",
        }
        if self.auth:
            sasl = self.directory / "etc" / "sasl"
            sasl.mkdir()
            (sasl / "smtpd.conf").write_text(
                "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n"
                f"sasldb_path: {sasl}/sasldb2\n"
            )
            subprocess.run(
                ["saslpasswd2", "-p", "-c", "-f", str(sasl / "sasldb2"), "-u", "bench.example.com", "load"],
                input=b"bench-password\n",
                check=True,
            )
            shutil.chown(sasl / "sasldb2", "postfix")
            settings |= {
                "smtpd_sasl_auth_enable": "yes",
                "smtpd_sasl_local_domain": "bench.example.com",
                "cyrus_sasl_config_path": sasl,
            }
        return settings

    def clean(self) -> None:
        for part in ("hold", "incoming", "active", "deferred"):
            for path in (self.directory / "queue" / part).rglob("*"):
                with contextlib.suppress(OSError):
                    path.unlink()

    def stop(self) -> None:
        subprocess.run(["postfix", "-c", str(self.directory / "etc"), "stop"], capture_output=True, check=False)
        super().stop()


class Aiosmtpd(Peer):
    """aiosmtpd on uvloop with an append and one fdatasync per message in an executor: bench/aiosmtpd_peer.py."""

    name = "aiosmtpd"

    def start(self) -> None:
        self.directory.mkdir(parents=True)
        self.port = free_port()
        script = str(ROOT / "bench" / "aiosmtpd_peer.py")
        self.root_pid = subprocess.Popen([sys.executable, script, str(self.port), str(self.directory)]).pid
        wait_for(self.port)


class Haraka(Peer):
    """Haraka, one process, relaying for loopback."""

    name = "haraka"

    def start(self) -> None:
        self.port = free_port()
        program = ROOT / ".deps" / "node_modules" / "Haraka" / "bin" / "haraka"
        node = shutil.which("node") or "node"
        subprocess.run([node, str(program), "-i", str(self.directory)], check=True, capture_output=True)
        etc = self.directory / "config"
        (etc / "smtp.ini").write_text(f"listen=127.0.0.1:{self.port}\nnodes=0\n")
        (etc / "relay.ini").write_text("[relay]\nacl=true\ndest_domains=false\nall=false\n")
        (etc / "relay_acl_allow").write_text("127.0.0.0/8\n")
        (etc / "relay_dest_domains.ini").write_text("")
        (etc / "outbound.ini").write_text("concurrency_max=100\nenable_tls=false\n")
        (etc / "outbound.bounce_message").touch()
        (etc / "log.ini").write_text("[main]\nlevel=ERROR\n")
        (etc / "loglevel").write_text("ERROR\n")
        (etc / "host_list").write_text("")
        self._route(etc)
        log = (self.directory / "log").open("wb")
        self.root_pid = subprocess.Popen(
            [node, str(program), "-c", str(self.directory)], stdout=log, stderr=log, env={**os.environ}
        ).pid
        wait_for(self.port)

    def _route(self, etc: Path) -> None:
        """All mail to the sink: a get_mx hook of our own."""
        (self.directory / "plugins").mkdir(exist_ok=True)
        (self.directory / "plugins" / "to_sink.js").write_text(
            "exports.hook_get_mx = function (next) {\n"
            f"    next(OK, {{ priority: 0, exchange: '127.0.0.1', port: {self.relay_to} }});\n"
            "};\n"
        )
        (etc / "plugins").write_text("relay\nto_sink\n")
