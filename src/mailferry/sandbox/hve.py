"""High Volume Email: smtp.hve.mx.microsoft. Accounts send as themselves, to the organisation, fifty at a time.

Leaves to others: logins (hve_login), the dialogue (relay_session). Invariants: nothing is kept in Sent Items (V);
what was refused is not stored.
"""

from __future__ import annotations

from email.utils import getaddresses

from mailferry.sandbox import service_texts, texts
from mailferry.sandbox.bearer import TokenChecker
from mailferry.sandbox.hosts import mail_date
from mailferry.sandbox.hve_login import account_of, by_password, by_token, malformed
from mailferry.sandbox.login_session import Account, LoginSession
from mailferry.sandbox.mailbox import Received, header, header_block
from mailferry.sandbox.relay_session import Arrival, Refusal
from mailferry.sandbox.service_settings import HveBehaviour
from mailferry.sandbox.services import BillingState
from mailferry.sandbox.texts import Text
from mailferry.sandbox.world import World
from mailferry.smtp.commands import Mail
from mailferry.smtp.replies import Reply
from mailferry.smtp.sasl import Credentials


class HveSession(LoginSession):
    """One connection. Banner and EHLO are those of client submission: none of this host are published (UNV)."""

    def __init__(self, world: World, checker: TokenChecker, remote: str) -> None:
        super().__init__(world, "hve", remote, size=world.behaviour.hve.size)
        self._checker = checker

    @property
    def _behaviour(self) -> HveBehaviour:
        return self._world.behaviour.hve

    def _name(self) -> str:
        return self._front.frontend_host

    def _banner(self) -> str:
        date = mail_date(self._world.clock.time())
        return texts.GREETING.format(host=self._name(), date=date, session=self._front.session)

    def _offer(self) -> tuple[str, ...]:
        lines = texts.CAPABILITIES_TLS if self._tls else texts.CAPABILITIES_CLEAR
        return tuple(line.format(size=self._behaviour.size) for line in lines)

    def _malformed(self, response: bytes) -> Text | None:
        return malformed(response)

    def _login(self, credentials: Credentials) -> Account | Text:
        world = self._world
        if credentials.token is None:
            return by_password(world.tenant, self._behaviour, world.today(), credentials)
        return by_token(world.tenant, self._behaviour, self._checker, world.clock.time(), credentials)

    def _judge_sender(self, event: Mail) -> Refusal:
        """5.7.62 for another sender, 5.2.240 for who is no account (O: relay project, live)."""
        behaviour, user = self._behaviour, self._user[0]
        account = account_of(self._world.tenant, user)
        if account is None:
            return service_texts.HVE_NO_ACCOUNT
        if account.billing is not BillingState.VALID and self._world.today() >= behaviour.billing_from:
            self._note(f"*: {account.billing.value}")
            return behaviour.billing_refusal
        return None if event.path.lower() == account.address.lower() else service_texts.HVE_SENDER

    def _judge_recipient(self, path: str) -> Refusal:
        tenant, behaviour = self._world.tenant, self._behaviour
        if behaviour.recipients and len(self._recipients) >= behaviour.recipients:
            return behaviour.recipients_refusal
        if not tenant.is_internal(path):
            return behaviour.external_refusal if behaviour.external_stage == "rcpt" else None
        if tenant.mailbox(path) is None and behaviour.unknown_recipients == "reject":
            return texts.UNKNOWN_RECIPIENT.fill(recipient=path)
        return None

    def _judge_message(self, arrival: Arrival) -> Refusal:
        if any(not self._world.tenant.is_internal(path) for path in arrival.recipients):
            return self._behaviour.external_refusal
        written = header(header_block(arrival.raw), "From") or ""
        authors = {address.lower() for _, address in getaddresses([written]) if address}
        return None if authors == {self._user[0].lower()} else service_texts.HVE_FROM

    def _store(self, arrival: Arrival, received: Received, trace: tuple[str, ...]) -> None:
        """Reply-To may be set for the account (V); whether it replaces the sender's own is UNV, so it does not."""
        account = account_of(self._world.tenant, self._user[0])
        if account is not None and account.reply_to and header(header_block(arrival.raw), "Reply-To") is None:
            trace = (*trace, f"Reply-To: {account.reply_to}")
        super()._store(arrival, received, trace)

    def _queued(self, arrival: Arrival, message_id: str) -> Reply:
        """As client submission says it (UNV here)."""
        return Reply(250, "2.0.0", (texts.QUEUED.format(message_id=message_id, host=self._front.backend_host),))
