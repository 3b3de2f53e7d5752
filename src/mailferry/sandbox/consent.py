"""Whether a user may sign in, and whether the permissions that an application asks for were consented to.

Leaves to others: the pages (sign_in_pages) and tokens (user_tokens). Invariant: no permission reaches a token that
neither an administrator nor the user consented to.
"""

from __future__ import annotations

from mailferry.sandbox import aadsts_sign_in as errors
from mailferry.sandbox.aadsts import APPLICATION_DISABLED, APPLICATION_NOT_FOUND, MISSING_PARAMETER, GrantRefused
from mailferry.sandbox.flows import Flows
from mailferry.sandbox.scopes import Permission, Scopes
from mailferry.sandbox.tenant import Application, Mailbox, Tenant


def application(tenant: Tenant, client_id: str) -> Application:
    """The application that users sign in to. Raises GrantRefused."""
    if not client_id:
        raise GrantRefused(MISSING_PARAMETER, name="client_id")
    found = tenant.applications.get(client_id.lower())
    if found is None or found.managed is not None:
        raise GrantRefused(APPLICATION_NOT_FOUND, client_id=client_id, tenant=tenant.name)
    if not found.enabled:
        raise GrantRefused(APPLICATION_DISABLED, client_id=client_id, name=found.name)
    return found


def public(tenant: Tenant, client_id: str) -> Application:
    """The same where it may do without a secret of its own (V: "Allow public client flows"). Raises GrantRefused."""
    found = application(tenant, client_id)
    if found.delegated is None or not found.delegated.public_client:
        raise GrantRefused(errors.NOT_PUBLIC)
    return found


def user(tenant: Tenant, address: str) -> Mailbox:
    """A user who can sign in. Raises GrantRefused."""
    found = tenant.mailbox(address)
    if found is None:
        raise GrantRefused(errors.USER_UNKNOWN)
    if not found.account_enabled:
        raise GrantRefused(errors.USER_DISABLED)
    if found.account_locked:
        raise GrantRefused(errors.USER_LOCKED)
    return found


def missing(flows: Flows, application: Application, user: Mailbox, scopes: Scopes) -> tuple[Permission, ...]:
    """The permissions that still need consent."""
    delegated = application.delegated
    by_administrator = delegated.permissions if delegated is not None and delegated.admin_consented else ()
    return tuple(
        permission
        for permission in scopes.permissions
        if permission.name not in by_administrator
        and (application.client_id.lower(), user.address.lower(), permission.name) not in flows.consents
    )


def may_consent(application: Application) -> bool:
    return application.delegated is not None and application.delegated.users_may_consent


def give(flows: Flows, application: Application, user: Mailbox, permissions: tuple[Permission, ...]) -> None:
    for permission in permissions:
        flows.consents.add((application.client_id.lower(), user.address.lower(), permission.name))


def require(flows: Flows, application: Application, user: Mailbox, scopes: Scopes) -> None:
    """Raises GrantRefused."""
    if missing(flows, application, user, scopes):
        raise GrantRefused(errors.CONSENT_NEEDED, client_id=application.client_id, name=application.name)
