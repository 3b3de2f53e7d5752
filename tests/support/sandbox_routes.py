"""The gateway's routes to the sandbox's services, with real tokens and real TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from mailferry.mail.body import BytesBody
from mailferry.mail.envelope import Envelope, Recipient
from mailferry.mail.message import Message, MessageId
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.routes.api import Result, Transport
from mailferry.routes.build import build_transport
from mailferry.routes.settings import RouteSettings
from mailferry.sandbox import organisation_services as seeds
from mailferry.sandbox.serve import Sandbox
from mailferry.tokens.broker import TokenBroker
from mailferry.tokens.credential import Credential
from mailferry.tokens.entra import EntraFetcher
from mailferry.tokens.settings import CredentialSettings
from support.transport_contract import ORIGIN, PATIENT, secret

ERP = "erp@contoso.example"
LETTER = f"From: ERP <{ERP}>\r\nMessage-ID: <1@contoso.example>\r\nSubject: order\r\n\r\nHello\r\n".encode()

#: Type or preset -> what a configuration says of it, the sandbox's address apart.
ROUTES: dict[str, dict[str, Any]] = {
    "hve": {"type": "hve", "tenant": "contoso", "mailbox": f"{seeds.HVE_ACCOUNT}@contoso.example"},
    "acs-smtp": {"type": "acs-smtp", "username": seeds.ACS_USERNAME, "password": {"env": seeds.BULK_SECRET}},
    "acs-smtp-oauth": {"type": "acs-smtp", "username": seeds.ACS_USERNAME, "tenant": "contoso"},
    "exchange-relay": {"type": "smarthost", "preset": "exchange-relay"},
    "connector-certificate": {"type": "smarthost", "preset": "connector-certificate"},
    "connector-ip": {"type": "smarthost", "preset": "connector-ip"},
    "direct-send": {"type": "smarthost", "preset": "direct-send"},
}
_SURFACES = {"hve": "hve", "acs-smtp": "acs-smtp", "acs-smtp-oauth": "acs-smtp", "exchange-relay": "onprem"}
INTERNAL_ONLY = ("hve", "direct-send")


def surface_of(name: str) -> str:
    return _SURFACES.get(name, "mx")


@dataclass
class Way:
    """One route to the sandbox."""

    name: str
    box: Sandbox
    transport: Transport
    broker: TokenBroker

    async def send(self, *addresses: str, data: bytes = LETTER, sender: str = ERP) -> Result:
        recipients: Sequence[Recipient] = [Recipient(address) for address in addresses]
        envelope = Envelope(sender, tuple(recipients))
        message = Message(
            MessageId(1), envelope, ORIGIN, len(data), self.box.clock.time(), sender, "<1@contoso.example>"
        )
        return await self.transport.deliver(message, BytesBody(data), recipients)

    @property
    def arrived(self) -> list[str]:
        return [message.box for message in self.box.mail]


@asynccontextmanager
async def way(box: Sandbox, name: str, **changes: Any) -> AsyncIterator[Way]:
    """The route called `name`; a connector that goes by address is enabled for it."""
    if name == "connector-ip":
        box.world.patch({"tenant": {"inbound_connectors": {"Relay by address": {"enabled": True}}}})
    log = MailLog(lambda *entry: None, Metrics())
    broker = broker_for(box, log)
    port = getattr(box, f"{surface_of(name).replace('-', '_')}_port")
    settings = {"name": name, "host": box.host, "port": port, "ca_file": box.ca_file, "timeouts": PATIENT}
    if name == "connector-certificate":
        settings["certificate"] = box.relay_certificate
    transport = build_transport(
        RouteSettings.model_validate(settings | ROUTES[name] | changes),
        hostname="gateway.contoso.example",
        cloud="worldwide",
        tokens=broker,
        secret=secret,
        log=log,
        reach=box.tenant.accepted_domains,
    )
    try:
        yield Way(name, box, transport, broker)
    finally:
        await transport.close()
        await broker.close()


def broker_for(box: Sandbox, log: MailLog) -> TokenBroker:
    """The bulk application's tokens, by the sandbox's clock."""
    settings = CredentialSettings.model_validate(
        {
            "client_id": seeds.BULK_CLIENT_ID,
            "tenant_id": box.tenant.tenant_id,
            "secret": {"env": "SECRET"},
            "authority": box.entra_url,
            "ca_file": box.ca_file,
        }
    )
    credentials = {"contoso": Credential("contoso", settings, {"SECRET": seeds.BULK_SECRET})}
    return TokenBroker(credentials, EntraFetcher(), box.clock, log)
