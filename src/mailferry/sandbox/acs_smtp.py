"""Azure Communication Services by SMTP: smtp.azurecomm.net. An SMTP username bound to an Entra application, senders of
linked domains, a rate per subscription, a suppression list.

Leaves to others: the dialogue (login_session, relay_session). Invariants: a secret is compared each time, so that one
that was revoked is refused at once (V); what was refused is not counted.
"""

from __future__ import annotations

import hmac

from mailferry.sandbox import service_texts, suppression
from mailferry.sandbox.bearer import TokenChecker, TokenRejected
from mailferry.sandbox.hosts import mail_date
from mailferry.sandbox.login_session import Account, LoginSession
from mailferry.sandbox.relay_session import Arrival, Refusal
from mailferry.sandbox.service_settings import AcsBehaviour
from mailferry.sandbox.services import Communication
from mailferry.sandbox.tenant import Application
from mailferry.sandbox.texts import Text
from mailferry.sandbox.world import World
from mailferry.smtp.commands import Mail
from mailferry.smtp.replies import Reply
from mailferry.smtp.sasl import Credentials

AUDIENCE = "https://communication.azure.com"
HOST = "smtp.azurecomm.net"


class AcsSession(LoginSession):
    """One connection."""

    def __init__(self, world: World, checker: TokenChecker, remote: str) -> None:
        super().__init__(world, "acs-smtp", remote, size=world.behaviour.acs.size)
        self._checker = checker

    @property
    def _behaviour(self) -> AcsBehaviour:
        return self._world.behaviour.acs

    @property
    def _resource(self) -> Communication:
        return self._world.tenant.communication

    def _name(self) -> str:
        return HOST

    def _banner(self) -> str:
        return f"{HOST} ESMTP ready {mail_date(self._world.clock.time())}"  # UNV

    def _offer(self) -> tuple[str, ...]:
        """Clients have to be told to use LOGIN here, so that PLAIN is not offered (O); the rest is a setting."""
        lines = tuple(line.format(size=self._behaviour.size) for line in self._behaviour.capabilities)
        return (*lines, "AUTH LOGIN XOAUTH2" if self._tls else "STARTTLS")

    # Login

    def _unauthenticated(self) -> Text:
        return service_texts.ACS_MUST_LOG_IN

    def _login(self, credentials: Credentials) -> Account | Text:
        application = self._application(credentials.username)
        if application is None or not application.enabled or not self._proved(application, credentials):
            return service_texts.ACS_LOGIN
        if application.service_principal not in self._resource.owners:
            return service_texts.ACS_DENIED
        return Account(credentials.username, credentials.mechanism, application.client_id)

    def _application(self, username: str) -> Application | None:
        """An SMTP Username resource, or the older forms resource.application.tenant and resource|application|tenant."""
        tenant, resource = self._world.tenant, self._resource
        bound = {name.lower(): client_id for name, client_id in resource.smtp_usernames.items()}
        if (client_id := bound.get(username.lower())) is not None:
            return tenant.applications.get(client_id.lower())
        parts = username.lower().split("|") if "|" in username else username.lower().rsplit(".", 2)
        if len(parts) != 3 or (parts[0], parts[2]) != (resource.resource.lower(), tenant.tenant_id.lower()):
            return None
        return tenant.applications.get(parts[1])

    def _proved(self, application: Application, credentials: Credentials) -> bool:
        now = self._world.clock.time()
        if credentials.token is None:
            given = (credentials.password or "").encode("utf-8", "surrogateescape")
            return any(
                hmac.compare_digest(secret.value.encode(), given) and now < secret.expires.timestamp()
                for secret in application.secrets
            )
        try:
            tenant_id = self._world.tenant.tenant_id
            bearer = self._checker.check(credentials.token, now=now, tenant_id=tenant_id, audiences=(AUDIENCE,))
        except TokenRejected as error:
            self._note(f"*: {error}")
            return False
        return bearer.app_id.lower() == application.client_id.lower()

    # Mail

    def _judge_sender(self, event: Mail) -> Refusal:
        return self._provisioned(event.path) if self._behaviour.sender_stage == "mail" else None

    def _judge_recipient(self, path: str) -> Refusal:
        limit = self._behaviour.recipients
        return self._behaviour.recipients_refusal if limit and len(self._recipients) >= limit else None

    def _judge_message(self, arrival: Arrival) -> Refusal:
        behaviour, throttles, now = self._behaviour, self._world.throttles, self._world.clock.time()
        refusal = self._provisioned(arrival.sender)
        if refusal is not None:
            return refusal
        if behaviour.suppressed == "refuse" and all(self._suppressed(path) for path in arrival.recipients):
            return service_texts.ACS_SUPPRESSED
        limits = (
            ("acs/minute", behaviour.messages_per_minute, 60.0),
            ("acs/hour", behaviour.messages_per_hour, 3600.0),
        )
        windows = [(throttles.window(name, span), limit) for name, limit, span in limits]
        if any(limit and window.total(now) >= limit for window, limit in windows):
            return behaviour.excess_refusal
        for window, _ in windows:
            window.add(now, 1)
        return None

    def _provisioned(self, sender: str) -> Text | None:
        """MailFrom is a sender username of a linked, verified domain (V)."""
        resource = self._resource
        if sender.rpartition("@")[2].lower() not in {domain.lower() for domain in resource.domains}:
            return service_texts.ACS_DOMAIN
        return None if resource.provisioned(sender) else service_texts.ACS_SENDER

    def _take(self, arrival: Arrival) -> Reply:
        """Suppressed recipients get nothing (V: their drops are reported as Suppressed)."""
        for path in arrival.recipients:
            if self._suppressed(path):
                self._note(f"*: {path} is suppressed and gets nothing")
        left = tuple(path for path in arrival.recipients if not self._suppressed(path))
        return super()._take(Arrival(arrival.sender, left, arrival.raw))

    def _suppressed(self, path: str) -> bool:
        return suppression.is_suppressed(self._world, path)

    def _bounced(self, path: str) -> None:
        """A hard bounce puts the recipient on the list, for longer each time."""
        until = suppression.bounced(self._world, path)
        self._note(f"*: {path} bounced, suppressed until {until.isoformat()}")

    def _queued(self, arrival: Arrival, message_id: str) -> Reply:
        return Reply(250, "2.0.0", (f"OK <{message_id}>",))  # UNV
