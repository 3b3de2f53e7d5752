"""The sandbox as one object: builds its state, keys and listeners, starts and stops them.

Leaves to others: everything that is said. Invariant: after `stop` no socket, task or temporary file is left.
"""

from __future__ import annotations

import asyncio
import shutil
import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from mailferry.clock import Clock, SystemClock
from mailferry.sandbox import organisation
from mailferry.sandbox.acs_rest import AcsRest
from mailferry.sandbox.bearer import TokenChecker
from mailferry.sandbox.certificates import Keys, load_keys, make_keys
from mailferry.sandbox.clock import SandboxClock
from mailferry.sandbox.control import Control
from mailferry.sandbox.entra import Entra
from mailferry.sandbox.exchange import Endpoint, server_context
from mailferry.sandbox.exchange_session import Session
from mailferry.sandbox.faults import Faults
from mailferry.sandbox.federation import WorkloadIssuer
from mailferry.sandbox.graph import Graph
from mailferry.sandbox.imds import ManagedIdentities
from mailferry.sandbox.mailbox import MailStore
from mailferry.sandbox.recorder import Recorder
from mailferry.sandbox.settings import SandboxSettings
from mailferry.sandbox.sign_in_pages import DEVICE
from mailferry.sandbox.signer import Signer
from mailferry.sandbox.submission import Submissions
from mailferry.sandbox.surfaces import SURFACES, accounts, session
from mailferry.sandbox.tenant import Tenant
from mailferry.sandbox.world import State, World


class Sandbox:
    """A tenant in a box. `async with Sandbox(...) as box:` or start() and stop()."""

    def __init__(
        self,
        settings: SandboxSettings | None = None,
        *,
        state: State | None = None,
        keys: Keys | None = None,
        machine: Clock | None = None,
    ) -> None:
        self.settings = settings or SandboxSettings()
        self._machine = machine or SystemClock()
        kept = self.settings.directory
        self._directory = kept
        self.keys = keys or (load_keys(kept) if kept else None) or make_keys()
        initial = state or State(tenant=organisation.contoso(self.keys.application.decode()))
        self.clock = SandboxClock(self._machine, self.settings.at, self.settings.running)
        self.world = World(initial, self.clock, self.settings.seed)
        signer = Signer(self.keys.signing_key, self.world.random)
        self._checker = TokenChecker(signer.key_set)
        self._submissions = Submissions(self.world)
        self._entra = Entra(self.world, signer, self._machine)
        self._graph = Graph(self.world, self._checker, self._machine)
        self._acs = AcsRest(self.world, self._checker, self._machine)
        self._imds = ManagedIdentities(self.world, signer, self._machine)
        self._runners: list[web.AppRunner] = []
        self._endpoints: dict[str, Endpoint] = {}
        self.smtp_port = self.smtp_legacy_port = self.entra_port = self.graph_port = self.control_port = 0
        self.hve_port = self.acs_smtp_port = self.acs_rest_port = self.onprem_port = self.mx_port = self.imds_port = 0

    # What tests and tools look at

    @property
    def directory(self) -> Path:
        """Where the certificates are; a temporary one exists while the sandbox runs."""
        if self._directory is None:
            raise RuntimeError("the sandbox has not been started")
        return self._directory

    @property
    def ca_file(self) -> Path:
        return self.directory / "ca.pem"

    @property
    def application_certificate(self) -> Path:
        """Key and certificate of the certificate application, in one PEM file."""
        return self.directory / "application-with-key.pem"

    @property
    def relay_certificate(self) -> Path:
        """Key and certificate by which an inbound connector knows a gateway, in one PEM file."""
        return self.directory / "relay-with-key.pem"

    @property
    def host(self) -> str:
        """The name to connect to; it is in the certificate."""
        return "localhost" if self.settings.address in ("127.0.0.1", "::1") else self.settings.address

    @property
    def entra_url(self) -> str:
        """The authority host: "https://localhost:port"."""
        return f"https://{self.host}:{self.entra_port}"

    @property
    def authority(self) -> str:
        """The authority of the tenant, as MSAL wants it."""
        return f"{self.entra_url}/{self.tenant.tenant_id}"

    @property
    def graph_url(self) -> str:
        """Stands for https://graph.microsoft.com: "https://localhost:port"."""
        return f"https://{self.host}:{self.graph_port}"

    @property
    def acs_url(self) -> str:
        """Stands for https://contoso-communication.communication.azure.com: "https://localhost:port"."""
        return f"https://{self.host}:{self.acs_rest_port}"

    @property
    def imds_url(self) -> str:
        """Stands for http://169.254.169.254, and for the host of IDENTITY_ENDPOINT."""
        return f"http://{self.settings.address}:{self.imds_port}"

    @property
    def workloads(self) -> WorkloadIssuer:
        """The issuer of workloads' tokens that federated credentials trust."""
        return self._entra.workloads

    @property
    def control_url(self) -> str:
        return f"http://{self.settings.address}:{self.control_port}"

    @property
    def inbox_url(self) -> str:
        return f"{self.control_url}/inbox"

    @property
    def tenant(self) -> Tenant:
        return self.world.tenant

    @property
    def mail(self) -> MailStore:
        return self.world.store

    @property
    def faults(self) -> Faults:
        return self.world.faults

    @property
    def recorder(self) -> Recorder:
        return self.world.recorder

    # Life

    async def start(self) -> None:
        try:
            await self._listen()
        except BaseException:
            await self.stop()
            raise

    async def _listen(self) -> None:
        settings, address = self.settings, self.settings.address
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="mailferry-sandbox-"))
        self.keys.write(self._directory)
        certificate, key = str(self.directory / "server.pem"), str(self.directory / "server.key")
        context = server_context(certificate, key)
        for surface, port in (("smtp", settings.smtp_port), ("smtp-legacy", settings.smtp_legacy_port)):
            endpoint = Endpoint(self.world, self._machine, context, self._sessions(surface))
            self._endpoints[surface] = endpoint
            await endpoint.start(address, port)
        self.smtp_port = self._endpoints["smtp"].port
        self.smtp_legacy_port = self._endpoints["smtp-legacy"].port
        with_clients = server_context(certificate, key, clients=str(self.ca_file))
        for other in SURFACES:
            respond = session(self.world, self._checker, other.name)
            chosen = with_clients if other.certificates else context
            endpoint = Endpoint(self.world, self._machine, chosen, respond)
            self._endpoints[other.name] = endpoint
            await endpoint.start(address, other.port(settings))
            setattr(self, f"{other.key}_port", endpoint.port)
        https = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        https.load_cert_chain(certificate, key)
        self.entra_port = await self._serve(self._entra.application(), settings.entra_port, https)
        self._entra.base_url = self.entra_url
        self.imds_port = await self._serve(self._imds.application(), settings.imds_port, None)
        self.graph_port = await self._serve(self._graph.application(), settings.graph_port, https)
        self._graph.base_url = self.graph_url
        self.acs_rest_port = await self._serve(self._acs.application(), settings.acs_rest_port, https)
        self._acs.base_url = self.acs_url
        control = Control(self.world, self.endpoints)
        self.control_port = await self._serve(control.application(), settings.control_port, None)

    def _sessions(self, surface: str) -> Callable[[str], Session]:
        return lambda remote: Session(self.world, self._checker, self._submissions, surface, remote)

    async def _serve(self, app: web.Application, port: int, context: ssl.SSLContext | None) -> int:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, self.settings.address, port, ssl_context=context).start()
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        for endpoint in self._endpoints.values():
            await endpoint.stop()
        for runner in self._runners:
            await _close(runner)
        self._endpoints.clear()
        self._runners.clear()
        if self.settings.directory is None and self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    async def __aenter__(self) -> Sandbox:
        await self.start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.stop()

    def endpoints(self) -> dict[str, object]:
        """Where everything listens, and what to log in with; all values are the sandbox's own."""
        tenant = self.tenant
        return {
            "smtp": {"host": self.host, "port": self.smtp_port, "tls": "starttls"},
            "smtp_legacy": {"host": self.host, "port": self.smtp_legacy_port, "tls": "starttls"},
            **{
                other.key: {"host": self.host, "port": getattr(self, f"{other.key}_port"), "tls": "starttls"}
                for other in SURFACES
            },
            "authority_host": self.entra_url,
            "authority": self.authority,
            "graph": self.graph_url,
            "acs_rest": self.acs_url,
            "acs_access_keys": list(tenant.communication.access_keys),
            "device_login": f"{self.entra_url}{DEVICE}",
            "imds": self.imds_url,
            "identity_endpoint": f"{self.imds_url}{self.world.behaviour.entra.app_service_path}",
            "identity_header": self.world.behaviour.entra.app_service_header,
            "control": self.control_url,
            "inbox": self.inbox_url,
            "ca_file": str(self.ca_file),
            "application_certificate": str(self.application_certificate),
            "relay_certificate": str(self.relay_certificate),
            "tenant_id": tenant.tenant_id,
            "domains": list(tenant.domains),
            "scope": "https://outlook.office365.com/.default",
            "graph_scope": "https://graph.microsoft.com/.default",
            "now": self.clock.now().isoformat(),
            "clock_runs": self.clock.running,
            "mailboxes": {box.address: box.password for box in tenant.mailboxes.values()},
            "service_accounts": accounts(tenant),
            "applications": [
                {
                    "client_id": app.client_id,
                    "name": app.name,
                    "secrets": [secret.value for secret in app.secrets],
                    "certificates": len(app.certificates),
                }
                for app in tenant.applications.values()
            ],
        }


async def _close(runner: web.AppRunner) -> None:
    """Stop listening and cut what is still open; a kept-alive TLS connection would wait for its peer."""
    for site in list(runner.sites):
        await site.stop()
    for handler in list(runner.server.connections) if runner.server is not None else ():
        if handler.transport is not None:
            handler.transport.abort()
    await asyncio.sleep(0)
    await runner.cleanup()
