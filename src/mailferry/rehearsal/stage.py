"""A tenant in a box and a gateway in front of it, ready for clients, in one temporary directory.

Leaves to others: who plays (cast) and what it shows (demo). Invariant: the gateway is the real one, built by app from a
configuration file that a person could have written, over real TLS and sockets on loopback.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

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
from mailferry.rehearsal.configuration import ACS_REST, ACS_REST_RULE, CLIENT, HEAD
from mailferry.rehearsal.ports import free_port
from mailferry.rehearsal.wire import Target
from mailferry.routes.acs_settings import missing_package
from mailferry.sandbox.organisation import SECRET_CLIENT_ID
from mailferry.sandbox.organisation_services import BULK_CLIENT_ID
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings

#: The client whose mail the rules send every way out.
WAYS_ACCOUNT, WAYS_PASSWORD = "ways", "every-way-out"


class Stage:
    """`async with Stage(date, parts) as stage`: both stand until the block ends."""

    def __init__(self, at: date, parts: list[Part], directory: Path | None = None) -> None:
        self._parts = parts
        self._temporary = tempfile.TemporaryDirectory(prefix="mailferry-demo-") if directory is None else None
        self.directory = directory or Path(self._temporary.name if self._temporary else "")
        self.box = Sandbox(SandboxSettings(at=at, directory=self.directory / "sandbox"))
        self.config = self.directory / "mailferry.toml"
        self.ports = {name: free_port() for name in ("submission", "legacy", "plain", "metrics")}
        self.old_tls = False
        self.patience = 60.0  # seconds for the queue to empty once every client has been served
        self.metrics = Metrics()
        self.gateway: Gateway
        self._log: Log
        self._log_file: BinaryIO

    async def __aenter__(self) -> Stage:
        await self.box.start()
        try:
            self.old_tls = version_works(TlsVersion.V1_0, self._sandbox_certificate())
            self._write_config()
            self._log_file = (self.directory / "gateway.log").open("ab")
            self._log = Log(self._log_file, SystemClock())
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
        self._log_file.close()
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

    async def drained(self) -> None:
        """Return when nothing is queued any more, or when patience ends."""
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            counts = await self.gateway.spool.counts()
            if not any(counts.values()):
                return
            await asyncio.sleep(0.05)

    def _sandbox_certificate(self) -> CertificateFiles:
        return CertificateFiles(self.box.application_certificate, None)

    def _write_config(self) -> None:
        application = self.box.tenant.applications[SECRET_CLIENT_ID]
        bulk = self.box.tenant.applications[BULK_CLIENT_ID]
        text = HEAD if missing_package() else HEAD + ACS_REST + ACS_REST_RULE
        head = text.format(
            **self.ports,
            state=self.directory / "state",
            old_tls="1.0" if self.old_tls else "1.2",
            tenant=self.box.tenant.tenant_id,
            client_id=application.client_id,
            secret=self._secret("client-secret", application.secrets[0].value),
            bulk_id=bulk.client_id,
            bulk_secret=self._secret("bulk-secret", bulk.secrets[0].value),
            graph=self.box.graph_url,
            hve=self.box.hve_port,
            acs_smtp=self.box.acs_smtp_port,
            acs_rest=self.box.acs_url,
            acs_key=self._secret("acs-key", self.box.tenant.communication.access_keys[0]),
            mx=self.box.mx_port,
            onprem=self.box.onprem_port,
            relay_certificate=self.box.relay_certificate,
            authority=self.box.entra_url,
            ca=self.box.ca_file,
            smtp=self.box.smtp_port,
        )
        self.config.write_text(head + "".join(self._clients()))

    def _secret(self, name: str, value: str) -> Path:
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_text(value)
        return path

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
            made[key] = CLIENT.format(
                name=key.partition("@")[0],
                identity=identity,
                sender='", "'.join(sorted(senders)),
                more=f'mailbox = "{mailbox}"{rewrite}',
            )
        identity = f'account = "{WAYS_ACCOUNT}"\npassword = "{hasher.hash(WAYS_PASSWORD)}"'
        ways = CLIENT.format(name="every way out", identity=identity, sender="erp@contoso.example", more="")
        return [*made.values(), ways]
