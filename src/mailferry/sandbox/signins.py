"""The sign-in log of the tenant: what really happened at client submission and at the token endpoint.

Leaves to others: showing it (graph_signins). Invariant: a login that Exchange turns away before it asks Entra leaves
no trace, as authentication policies do (V learn "Disable Basic authentication": before Entra sees the request).
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

from mailferry.sandbox import texts
from mailferry.sandbox.tenant import Application, Mailbox
from mailferry.sandbox.texts import Text

_KEPT = 100_000

EXCHANGE_ID = "00000002-0000-0ff1-ce00-000000000000"
EXCHANGE_NAME = "Office 365 Exchange Online"

#: Error numbers and reasons. 50126 V (signin-list.md, beta example); the others UNV.
_REASONS = {
    50034: "The user account does not exist in the directory.",
    50053: "Account is locked because user tried to sign in too many times with an incorrect user ID or password.",
    50057: "User account is disabled.",
    50076: "User needs to perform multi-factor authentication.",
    50126: "Error validating credentials due to invalid username or password.",
    53003: "Access has been blocked by Conditional Access policies.",
}

#: What Exchange says, as Entra saw it. The switch of SMTP AUTH is looked at after a good password (order UNV).
_SEEN = {
    texts.ACCOUNT_LOCKED: 50053,
    texts.CREDENTIALS_INCORRECT: 50126,
    texts.SECURITY_DEFAULTS: 53003,
    texts.CRITERIA_NOT_MET: 53003,
    texts.SMTP_DISABLED_MAILBOX: 0,
    texts.SMTP_DISABLED_TENANT: 0,
}


@dataclass(frozen=True, slots=True)
class SignIn:
    """One event. `kind` is a signInEventType."""

    id: str
    at: float
    kind: str
    user: str
    display_name: str
    app_id: str
    app_name: str
    service_principal: str
    credential: str
    resource: str
    resource_id: str
    ip: str
    client_app: str
    user_agent: str
    error: int
    reason: str
    correlation_id: str


class SignIns:
    """The latest events, oldest first."""

    def __init__(self) -> None:
        self._events: deque[SignIn] = deque(maxlen=_KEPT)
        self._serial = itertools.count(1)

    def __iter__(self) -> Iterator[SignIn]:
        return iter(self._events)

    def __len__(self) -> int:
        return len(self._events)

    def clear(self) -> None:
        self._events.clear()

    def basic(self, *, at: float, user: str, mailbox: Mailbox | None, refused: Text | None, remote: str) -> None:
        """A password at client submission."""
        error = _error(mailbox, refused)
        if error is None:
            return
        id = self._id()
        self._events.append(
            SignIn(
                id=id,
                at=at,
                kind="interactiveUser",
                user=mailbox.address if mailbox else user,
                display_name=mailbox.display_name if mailbox else user,
                app_id=EXCHANGE_ID,
                app_name=EXCHANGE_NAME,
                service_principal="",
                credential="none",
                resource=EXCHANGE_NAME,
                resource_id=EXCHANGE_ID,
                ip=remote.rpartition(":")[0].strip("[]"),
                client_app="Authenticated SMTP",
                user_agent="BAV2ROPC",
                error=error,
                reason=_REASONS.get(error, ""),
                correlation_id=id,
            )
        )

    def application(
        self, *, at: float, application: Application, certificate: bool, resource: str, remote: str, user_agent: str,
        error: int, reason: str, correlation_id: str,
    ) -> None:  # fmt: skip
        """A request of an application for a token of its own."""
        name, id = _RESOURCES.get(resource, (resource, ""))
        self._events.append(
            SignIn(
                id=self._id(),
                at=at,
                kind="servicePrincipal",
                user="",
                display_name="",
                app_id=application.client_id,
                app_name=application.name,
                service_principal=application.service_principal,
                credential="certificate" if certificate else "clientSecret",
                resource=name,
                resource_id=id,
                ip=remote,
                client_app="",
                user_agent=user_agent,
                error=error,
                reason=reason,
                correlation_id=correlation_id,
            )
        )

    def _id(self) -> str:
        return str(uuid5(NAMESPACE_URL, f"sandbox/sign-in/{next(self._serial)}"))


_RESOURCES = {
    "https://outlook.office365.com": (EXCHANGE_NAME, EXCHANGE_ID),
    "https://outlook.office.com": (EXCHANGE_NAME, EXCHANGE_ID),
    "https://graph.microsoft.com": ("Microsoft Graph", "00000003-0000-0000-c000-000000000000"),
    "00000003-0000-0000-c000-000000000000": ("Microsoft Graph", "00000003-0000-0000-c000-000000000000"),
}


def _error(mailbox: Mailbox | None, refused: Text | None) -> int | None:
    """Entra's error number, 0 for success, None when Exchange never asked."""
    if refused is None:
        return 0
    if refused == texts.AUTHENTICATION_UNSUCCESSFUL:
        return 50034 if mailbox is None else 50126 if mailbox.account_enabled else 50057
    if refused == texts.CRITERIA_NOT_MET and mailbox is not None and mailbox.requires_mfa:
        return 50076
    return _SEEN.get(refused)
