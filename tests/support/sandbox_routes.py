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
from mailferry.sandbox.organisation import SECRET_CLIENT_ID
from mailferry.sandbox.serve import Sandbox
from mailferry.tokens.broker import TokenBroker
from mailferry.tokens.credential import Credential
from mailferry.tokens.entra import EntraFetcher
from mailferry.tokens.settings import CredentialSettings
from support.acs_upstream import QuickClock
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
#: Client submission, which has tests of its own.
EXCHANGE: dict[str, dict[str, Any]] = {"exchange-smtp": {"type": "exchange-smtp", "tenant": "scoped"}}
#: The same over HTTPS: the sandbox's address apart.
WEB_ROUTES: dict[str, dict[str, Any]] = {
    "acs-rest": {"type": "acs-rest", "access_key": {"env": seeds.ACS_KEYS[0]}},
    "acs-rest-oauth": {"type": "acs-rest", "tenant": "contoso"},
    "graph": {"type": "graph", "tenant": "scoped"},
    # The author is not the mailbox: what Graph takes in the JSON form only, by a draft where it is large.
    "graph-json": {
        "type": "graph",
        "tenant": "scoped",
        "mailbox": ERP,
        "other_from": "send-as",
        "request_size": 4096,
        "large": "upload",
    },
}
_SURFACES = {"hve": "hve", "acs-smtp": "acs-smtp", "acs-smtp-oauth": "acs-smtp", "exchange-relay": "onprem"}
_SURFACES |= {"exchange-smtp": "smtp"}
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

    async def send(
        self, *addresses: str, data: bytes = LETTER, sender: str = ERP, mailbox: str = "", number: int = 1
    ) -> Result:
        recipients: Sequence[Recipient] = [Recipient(address) for address in addresses]
        envelope = Envelope(sender, tuple(recipients))
        message = Message(
            MessageId(number), envelope, ORIGIN, len(data), 1.8e9, mailbox or sender, "<1@contoso.example>"
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
    settings: dict[str, Any] = {"name": name, "ca_file": box.ca_file, "timeouts": PATIENT}
    if name in WEB_ROUTES:
        settings["endpoint"] = box.acs_url if name.startswith("acs") else box.graph_url
        settings["timeouts"] = PATIENT | {"end": 600.0}  # which QuickClock does not wait for
    else:
        settings |= {"host": box.host, "port": getattr(box, f"{surface_of(name).replace('-', '_')}_port")}
    if name == "connector-certificate":
        settings["certificate"] = box.relay_certificate
    transport = build_transport(
        RouteSettings.model_validate(settings | (ROUTES | WEB_ROUTES | EXCHANGE)[name] | changes),
        hostname="gateway.contoso.example",
        cloud="worldwide",
        tokens=broker,
        secret=secret,
        log=log,
        reach=box.tenant.accepted_domains,
        clock=QuickClock(),
    )
    try:
        yield Way(name, box, transport, broker)
    finally:
        await transport.close()
        await broker.close()


def broker_for(box: Sandbox, log: MailLog) -> TokenBroker:
    """The tokens of the bulk application and of one that may send from mailboxes, by the sandbox's clock."""
    secrets = {seeds.BULK_CLIENT_ID: seeds.BULK_SECRET}
    secrets[SECRET_CLIENT_ID] = box.tenant.applications[SECRET_CLIENT_ID].secrets[0].value
    credentials = {}
    for name, client_id in (("contoso", seeds.BULK_CLIENT_ID), ("scoped", SECRET_CLIENT_ID)):
        settings = CredentialSettings.model_validate(
            {
                "client_id": client_id,
                "tenant_id": box.tenant.tenant_id,
                "secret": {"env": "SECRET"},
                "authority": box.entra_url,
                "ca_file": box.ca_file,
            }
        )
        credentials[name] = Credential(name, settings, {"SECRET": secrets[client_id]})
    return TokenBroker(credentials, EntraFetcher(), box.clock, log)
