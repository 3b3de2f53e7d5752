"""Postfix and OpenSMTPD as private smarthosts that deliver into a maildir.

Both need root. Nothing of theirs is outside a directory of its own under /tmp: Postfix has its queue and configuration
there, and OpenSMTPD, whose paths and users are compiled in, a root directory made of copies. Both write LF into the
maildir, so line ends are put back when it is read. Recipients that begin with "refused" are refused.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from support.foreign_server import ForeignServer, Kept, Tool

_MASTER = """\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


class Program(ForeignServer):
    """A server that runs in the foreground and delivers into the maildir `self.maildir`."""

    def __init__(self, certificate: Path, tool: Tool) -> None:
        super().__init__(certificate, tool)
        self.directory = Path()
        self.maildir = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._read: dict[Path, Kept] = {}

    def prepare(self) -> list[str]:
        """Write what the server needs into `self.directory`; the command that runs it."""
        raise NotImplementedError

    def start(self) -> None:
        # Not under pytest's own directory: nobody but root may pass through that.
        self.directory = Path(tempfile.mkdtemp(prefix="mailferry-interop-", dir="/tmp"))
        self.directory.chmod(0o755)
        try:
            command = self.prepare()
            with (self.directory / "log").open("wb") as log:
                self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
            self._wait_for_greeting()
        except BaseException:
            self.stop()
            raise

    def _wait_for_greeting(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                probe.settimeout(5)
                if probe.recv(200).startswith(b"220"):
                    probe.sendall(b"QUIT\r\n")
                    return
            time.sleep(0.05)
        raise RuntimeError(f"no greeting:\n{self.log()}")

    def stop(self) -> None:
        """The server gets SIGTERM and ends its own children; then the directory goes."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid(), signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.pid(), signal.SIGKILL)  # each is the leader of a session of its own
                self._process.wait()
            self._process = None
        shutil.rmtree(self.directory)

    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        files = [self.directory / "log", self.directory / "maillog"]
        return "".join(file.read_text(errors="replace")[-3000:] for file in files if file.exists())

    def kept(self) -> list[Kept]:
        new = self.maildir / "new"
        for path in new.iterdir() if new.exists() else ():
            if path not in self._read:
                self._read[path] = self._parse(path.read_bytes())
        return list(self._read.values())

    def _parse(self, octets: bytes) -> Kept:
        header = octets.partition(b"\n\n")[0]
        sender = re.search(rb"^Return-Path: <(.*)>$", header, re.MULTILINE)
        recipient = re.search(rb"^Delivered-To: (.*)$", header, re.MULTILINE)
        assert recipient is not None, octets[:1000]
        own = octets.partition(b"\nReceived: from")[2].partition(b"\nReceived: from")[0]
        path = sender[1].decode() if sender else ""  # OpenSMTPD writes none for the null sender
        return Kept(path, recipient[1].decode(), b"TLSv1" in own, octets.replace(b"\n", b"\r\n"))


class Postfix(Program):
    def prepare(self) -> list[str]:
        etc, queue, data, base = (self.directory / part for part in ("etc", "queue", "data", "mail"))
        for part in (etc, queue, data, base):
            part.mkdir()
        shutil.chown(data, "postfix")
        shutil.chown(base, 65534, 65534)
        self.maildir = base / "all"
        (etc / "refused").write_text("/^refused/ 550 5.1.1 No such person here\n")
        (etc / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in self._settings().items()))
        (etc / "master.cf").write_text(f"127.0.0.1:{self.port} inet n - n - - smtpd\n{_MASTER}")
        return [self.tool("postfix"), "-c", str(etc), "start-fg"]

    def _settings(self) -> dict[str, object]:
        etc, queue, data, base = (self.directory / part for part in ("etc", "queue", "data", "mail"))
        return {
            "compatibility_level": "3.6",
            "queue_directory": queue,
            "data_directory": data,
            "maillog_file": self.directory / "maillog",
            "maillog_file_prefixes": self.directory,
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "mynetworks": "127.0.0.0/8",
            "myhostname": "postfix.example",
            "mydestination": "",
            "alias_maps": "",
            "virtual_mailbox_domains": "static:all",
            "virtual_mailbox_base": base,
            "virtual_mailbox_maps": "static:all/",
            "virtual_mailbox_limit": "0",
            "virtual_uid_maps": "static:65534",
            "virtual_gid_maps": "static:65534",
            "message_size_limit": "104857600",
            "smtpd_recipient_restrictions": f"check_recipient_access regexp:{etc}/refused, permit_mynetworks, reject",
            "smtpd_tls_security_level": "may",
            "smtpd_tls_chain_files": self.certificate,
            "smtpd_tls_received_header": "yes",
        }

    def pid(self) -> int:
        """What was started is a script, which ends after the master that it started."""
        file = self.directory / "queue/pid/master.pid"
        return int(file.read_text()) if file.exists() else super().pid()


class OpenSmtpd(Program):
    """Debian 12's, which offers STARTTLS and then fails every handshake: its way to keep keys in another process does
    not work with OpenSSL 3 (OpenSMTPD issue 1171), and no newer one is packaged there."""

    smtputf8 = False
    tls = False

    def prepare(self) -> list[str]:
        root = self.directory / "root"
        unpacked = Path(self.tool("opensmtpd/usr/sbin/smtpd")).parents[2]
        for part in ("etc", "dev", "bin", "run", "tmp", "usr/sbin", "usr/libexec", "home", "var/lib/opensmtpd/empty"):
            (root / part).mkdir(parents=True)
        (root / "var/run").symlink_to("../run")
        (root / "var/spool/smtpd").mkdir(parents=True)
        (root / "var/spool/smtpd").chmod(0o711)
        shutil.copy(unpacked / "usr/sbin/smtpd", root / "usr/sbin")
        shutil.copytree(unpacked / "usr/libexec/opensmtpd", root / "usr/libexec/opensmtpd")
        shutil.copy("/bin/sh", root / "bin/sh")
        programs = (root / "usr/sbin/smtpd", root / "usr/libexec/opensmtpd/mail.maildir", root / "bin/sh")
        for library in {name for program in programs for name in _libraries(program)}:
            (root / library[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, root / library[1:])
        os.mknod(root / "dev/null", 0o020666, os.makedev(1, 3))
        (root / "dev/null").chmod(0o666)
        self._write_etc(root / "etc")
        shutil.chown(root / "home", 65534, 65534)
        self.maildir = root / "home/all"
        return [self.tool("chroot"), str(root), "/usr/sbin/smtpd", "-d"]

    def _write_etc(self, etc: Path) -> None:
        users = {"root": 0, "opensmtpd": 801, "opensmtpq": 802, "keeper": 65534}
        (etc / "passwd").write_text("".join(f"{name}:x:{id}:{id}::/home:/bin/sh\n" for name, id in users.items()))
        (etc / "group").write_text("".join(f"{name}:x:{id}:\n" for name, id in users.items()))
        (etc / "hosts").write_text("127.0.0.1 localhost\n")
        shutil.copy(self.certificate, etc / "server.pem")
        (etc / "server.pem").chmod(0o600)
        (etc / "smtpd.conf").write_text(
            'pki localhost cert "/etc/server.pem"\npki localhost key "/etc/server.pem"\n'
            'table everybody { "@" = keeper }\n'
            f"listen on 127.0.0.1 port {self.port} hostname opensmtpd.example tls pki localhost\n"
            'action keep maildir "/home/all" virtual <everybody>\n'
            'match from any for rcpt-to regex "^refused" reject\n'
            "match from any for any action keep\n"
        )


def _libraries(program: Path) -> list[str]:
    """The paths of the shared libraries that `program` loads."""
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    return [word for line in listed.splitlines() for word in line.split() if word.startswith("/")]
