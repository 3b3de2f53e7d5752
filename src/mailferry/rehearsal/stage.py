"""A tenant in a box and a gateway in front of it, ready for clients, in one temporary directory.

Leaves to others: who plays (cast) and what it shows (demo). Invariant: the gateway is the real one, built by app from a
configuration file that a person could have written, over real TLS and sockets on loopback.
"""

from __future__ import annotations

import os
import socket
import tempfile
from datetime import date
from pathlib import Path
from types import TracebackType

from argon2 import PasswordHasher

from mailferry.app import Gateway
from mailferry.clock import SystemClock
from mailferry.config.load import load_config
from mailferry.listener.settings import TlsVersion
from mailferry.listener.tls import CertificateFiles, version_works
from mailferry.obs.logging import Log
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.rehearsal.cast import Part
from mailferry.rehearsal.wire import Target
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings

_HEAD = """\
# A gateway in front of `mailferry sandbox`: password-only clients in, OAuth out.
[gateway]
hostname = "localhost"
state = "{state}"
postmaster = "it@contoso.example"

[[listener]]
name = "submission"
address = "127.0.0.1:{submission}"
tls = "starttls"
authentication = "required"

[[listener]]
name = "old devices"
address = "127.0.0.1:{legacy}"
tls = "starttls"
minimum_tls = "{old_tls}"
authentication = "required"
bare_newlines = "repair"

[[listener]]
name = "by network"
address = "127.0.0.1:{plain}"
tls = "none"
authentication = "none"
networks = ["127.0.0.0/8"]

[[tenant]]
name = "contoso"
tenant_id = "{tenant}"
domains = ["contoso.example"]
client_id = "{client_id}"
secret = {{ file = "{secret}" }}
authority = "{authority}"
ca_file = "{ca}"

[[route]]
name = "exchange-online"
type = "exchange-smtp"
tenant = "contoso"
host = "localhost"
port = {smtp}
ca_file = "{ca}"

[metrics]
address = "127.0.0.1:{metrics}"
"""

_CLIENT = """
[[client]]
name = "{name}"
{identity}
senders = ["{sender}"]
recipients = "anywhere"
{more}
"""


class Stage:
    """`async with Stage(date, parts) as stage`: both stand until the block ends."""

    def __init__(self, at: date, parts: list[Part], directory: Path | None = None) -> None:
        self._parts = parts
        self._temporary = tempfile.TemporaryDirectory(prefix="mailferry-demo-") if directory is None else None
        self.directory = directory or Path(self._temporary.name if self._temporary else "")
        self.box = Sandbox(SandboxSettings(at=at, directory=self.directory / "sandbox"))
        self.config = self.directory / "mailferry.toml"
        self.ports = {name: _free_port() for name in ("submission", "legacy", "plain", "metrics")}
        self.old_tls = False
        self.metrics = Metrics()
        self.gateway: Gateway
        self._log: Log

    async def __aenter__(self) -> Stage:
        await self.box.start()
        try:
            self.old_tls = version_works(TlsVersion.V1_0, self._sandbox_certificate())
            self._write_config()
            self._log = Log((self.directory / "gateway.log").open("ab"), SystemClock())
            self.gateway = Gateway(
                load_config(self.config), SystemClock(), MailLog(self._log.sink, self.metrics), os.environ
            )
            await self.gateway.start()
        except BaseException:
            await self.box.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.gateway.stop(5.0)
        await self.box.stop()
        self._log.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    @property
    def exchange(self) -> Target:
        """Where clients go today: smtp.office365.com, and smtp-legacy for old TLS."""
        smtp, legacy = self.box.smtp_port, self.box.smtp_legacy_port
        return Target("localhost", plain=smtp, submission=smtp, legacy=legacy, ca_file=self.box.ca_file)

    @property
    def front(self) -> Target:
        """Where clients go instead: the gateway."""
        certificate = self.directory / "state" / "tls" / "self-signed.pem"
        ports = self.ports
        return Target(
            "localhost",
            plain=ports["plain"],
            submission=ports["submission"],
            legacy=ports["legacy"],
            ca_file=certificate,
        )

    def password(self, account: str) -> str:
        """The password that Exchange Online knows, which the device keeps."""
        return self.box.tenant.mailboxes[account].password if account else ""

    def _sandbox_certificate(self) -> CertificateFiles:
        return CertificateFiles(self.box.application_certificate, None)

    def _write_config(self) -> None:
        application = next(app for app in self.box.tenant.applications.values() if app.secrets)
        secret = self.directory / "client-secret"
        secret.touch(mode=0o600)
        secret.write_text(application.secrets[0].value)
        head = _HEAD.format(
            **self.ports,
            state=self.directory / "state",
            old_tls="1.0" if self.old_tls else "1.2",
            tenant=self.box.tenant.tenant_id,
            client_id=application.client_id,
            secret=secret,
            authority=self.box.entra_url,
            ca=self.box.ca_file,
            smtp=self.box.smtp_port,
        )
        self.config.write_text(head + "".join(self._clients()))

    def _clients(self) -> list[str]:
        """One [[client]] per account: what several programs share, several programs may use."""
        hasher = PasswordHasher()
        made: dict[str, str] = {}
        for part in self._parts:
            key = part.account or part.client
            if key in made:
                continue
            senders = {one.mail.sender for one in self._parts if (one.account or one.client) == key}
            identity = (
                f'account = "{part.account}"\npassword = "{hasher.hash(self.password(part.account))}"'
                if part.account
                else 'networks = ["127.0.0.0/8"]'
            )
            mailbox = part.mailbox or part.account
            rewrite = "\nrewrite_from = true" if senders != {mailbox} else ""
            made[key] = _CLIENT.format(
                name=key.partition("@")[0],
                identity=identity,
                sender='", "'.join(sorted(senders)),
                more=f'mailbox = "{mailbox}"{rewrite}',
            )
        return list(made.values())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
