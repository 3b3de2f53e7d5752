"""The tenant's MX, contoso-com.mail.protection.outlook.com: Direct Send to the tenant's own recipients, and relay for
whom an inbound connector knows by address or certificate.

Leaves to others: the dialogue (relay_session), which connector fits (services). Invariant: mail leaves the tenant only
by a connector, and only when the envelope's domain or the certificate's belongs to the tenant.
"""

from __future__ import annotations

from mailferry.sandbox import service_texts, texts
from mailferry.sandbox.hosts import mail_date
from mailferry.sandbox.relay_session import Arrival, Refusal, RelaySession
from mailferry.sandbox.services import InboundConnector
from mailferry.sandbox.world import World
from mailferry.smtp.commands import Mail
from mailferry.smtp.replies import Reply


class MxSession(RelaySession):
    """One connection. Refusals come at RCPT, where both halves of the envelope are known (stages UNV)."""

    def __init__(self, world: World, remote: str) -> None:
        super().__init__(world, "mx", remote, size=world.behaviour.mx.size)

    def _name(self) -> str:
        return f"{self._front.name}.mail.protection.outlook.com"

    def _banner(self) -> str:
        date = mail_date(self._world.clock.time())
        return texts.GREETING.format(host=self._name(), date=date, session=self._front.session)

    def _offer(self) -> tuple[str, ...]:
        """O: G:19373982211 (2022), G:45373638250 (2025); no AUTH."""
        lines = (line for line in texts.CAPABILITIES_CLEAR if not (self._tls and line == "STARTTLS"))
        return tuple(line.format(size=self._size) for line in lines)

    def _connector(self) -> tuple[str, InboundConnector] | None:
        connectors = self._world.tenant.inbound_connectors.items()
        return next(
            ((name, connector) for name, connector in connectors if connector.fits(self.address, self.peer_names)), None
        )

    def _judge_sender(self, event: Mail) -> Refusal:
        found = self._connector()
        if found is not None and found[1].require_tls and not self._tls:
            return service_texts.TLS_REQUIRED
        return None

    def _judge_recipient(self, path: str) -> Refusal:
        tenant, limit = self._world.tenant, self._world.behaviour.mx.recipients
        if self.address in tenant.banned_addresses:
            return service_texts.BANNED.fill(address=self.address)
        if limit and len(self._recipients) >= limit:
            return texts.ENVELOPE_RECIPIENTS
        found = self._connector()
        if found is not None:
            self._note(f"*: inbound connector {found[0]}")
        elif tenant.reject_direct_send and tenant.is_internal(self._sender):
            # V: Set-OrganizationConfig: rejects anonymous mail whose P1 domain is accepted, without a connector.
            return service_texts.DIRECT_SEND
        if not tenant.is_internal(path):
            return None if found is not None and self._ours() else service_texts.TENANT_ATTRIBUTION
        return None if tenant.mailbox(path) is not None else service_texts.DBEB

    def _ours(self) -> bool:
        """The envelope's domain or the certificate's is an accepted one (V for the certificate; envelope UNV)."""
        tenant = self._world.tenant
        domains = tenant.accepted_domains
        named = any(name.endswith(f".{domain}") or name == domain for name in self.peer_names for domain in domains)
        return named or tenant.is_internal(self._sender)

    def _queued(self, arrival: Arrival, message_id: str) -> Reply:
        """V: test-smtp-with-telnet shows the form."""
        internal = self._world.random.randrange(10**12, 10**13)
        host = self._front.backend_host
        text = f"<{message_id}> [InternalId={internal}, Hostname={host}] Queued mail for delivery"
        return Reply(250, "2.6.0", (text,))
