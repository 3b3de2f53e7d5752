"""An Exchange Server on premises: its frontend, where printers relay without a login.

Leaves to others: the dialogue (relay_session), which connector is whose (services). Invariant: a recipient outside the
accepted domains is taken only where the connector that took the connection grants it.
"""

from __future__ import annotations

from mailferry.sandbox import service_texts, texts
from mailferry.sandbox.hosts import mail_date
from mailferry.sandbox.relay_session import Arrival, Refusal, RelaySession
from mailferry.sandbox.services import ReceiveConnector
from mailferry.sandbox.world import World
from mailferry.smtp.commands import Mail
from mailferry.smtp.replies import Reply

SURFACE = "onprem"

#: V: test-smtp-with-telnet; O: G:52551478862, 2025.
_CAPABILITIES = (
    "SIZE {size}",
    "PIPELINING",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "STARTTLS",
    "X-ANONYMOUSTLS",
    "AUTH NTLM",
    "X-EXPS GSSAPI NTLM",
    "8BITMIME",
    "BINARYMIME",
    "CHUNKING",
    "SMTPUTF8",
    "XRDST",
)
_NO_CONNECTOR = ReceiveConnector(remote_ip_ranges=())


class OnPremisesSession(RelaySession):
    """One connection."""

    def __init__(self, world: World, remote: str) -> None:
        taken = world.tenant.on_premises.connector(remote.rpartition(":")[0].strip("[]"))
        self._connector_name, self._connector = taken or ("", _NO_CONNECTOR)
        super().__init__(world, SURFACE, remote, size=self._connector.max_message_size)
        self._source = f"{SURFACE}/{self.address}"
        world.throttles.connect(self._source, self)

    def closed(self) -> None:
        super().closed()
        self._world.throttles.disconnect(self._source, self)

    def _name(self) -> str:
        return self._world.tenant.on_premises.host

    def _banner(self) -> str:
        return f"{self._name()} Microsoft ESMTP MAIL Service ready at {mail_date(self._world.clock.time())}"

    def _offer(self) -> tuple[str, ...]:
        absent = {"STARTTLS", "X-ANONYMOUSTLS"} if self._tls else set()
        if not self._world.behaviour.onprem.smtputf8:
            absent.add("SMTPUTF8")
        return tuple(line.format(size=self._size) for line in _CAPABILITIES if line not in absent)

    def _opened(self) -> Refusal:
        limit = self._connector.max_inbound_connection_per_source
        if self._world.tenant.on_premises.draining:
            return service_texts.SERVICE_NOT_ACTIVE
        if not self._connector_name:
            return service_texts.NO_CONNECTOR
        if self._world.throttles.too_many_connections(self._source, self, limit):
            return service_texts.TOO_MANY_CONNECTIONS
        self._note(f"*: receive connector {self._connector_name}")
        return None

    def _judge_sender(self, event: Mail) -> Refusal:
        return None if self._connector.anonymous_users else service_texts.ANONYMOUS_REFUSED

    def _judge_recipient(self, path: str) -> Refusal:
        tenant = self._world.tenant
        if not tenant.is_internal(path):
            return None if self._connector.accept_any_recipient else service_texts.RELAY_REFUSED
        return None if tenant.mailbox(path) is not None else texts.UNKNOWN_RECIPIENT.fill(recipient=path)

    def _queued(self, arrival: Arrival, message_id: str) -> Reply:
        """V: test-smtp-with-telnet; octets and speed of 2016 and later UNV."""
        internal = self._world.random.randrange(10**12, 10**13)
        text = f"<{message_id}> [InternalId={internal}, Hostname={self._name()}]"
        if self._world.behaviour.onprem.throughput:
            text += f" {len(arrival.raw)} bytes in 0.114, {len(arrival.raw) / 1024 / 0.114:.3f} KB/sec"
        return Reply(250, "2.6.0", (f"{text} Queued mail for delivery",))
