"""What an administrator does by the plan, done to the tenant in the box: the gateway's application with its rights,
High Volume Email, Communication Services, connectors, switches.

Leaves to others: the tenant as it is (tenant), the gateway's own configuration (planned). Invariant: nothing is granted
that the plan's steps and scripts do not grant: the application may send as the planned mailboxes and nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from mailferry.planner.values import Item, Plan, Way
from mailferry.sandbox.identities import DelegatedAccess
from mailferry.sandbox.services import MAIL_SEND, Communication, HveAccount, InboundConnector
from mailferry.sandbox.tenant import (
    RBAC_SEND_AS_APP,
    SMTP_SEND,
    Application,
    ClientSecret,
    Mailbox,
    RoleAssignment,
    ServicePrincipal,
    Tenant,
)

_ID = "5a4db0c5-0000-4000-8000-0000000001"
GATEWAY_CLIENT_ID, _GATEWAY_OBJECT, _GATEWAY_PRINCIPAL = f"{_ID}01", f"{_ID}02", f"{_ID}03"
#: The application that clients of their own OAuth sign users in to.
OWN_CLIENT_ID, _OWN_OBJECT, _OWN_PRINCIPAL = f"{_ID}11", f"{_ID}12", f"{_ID}13"
SECRET = "rehearsal~secret~of~the~gateway"  # noqa: S105 - a sandbox value
_EXPIRES = datetime(2039, 1, 1, tzinfo=UTC)
_GROUP, _SCOPE = "Mailferry senders", "Mailferry"
_ROLES = (RBAC_SEND_AS_APP, "Application Mail.Send", "Application Mail.ReadWrite")
#: Whoever comes from here is known to the connector; everybody else on loopback is not.
CONNECTOR_ADDRESS = "127.0.1.1"

#: Ways by which the gateway sends as the mailbox.
_AS_MAILBOX = frozenset({Way.GATEWAY_SMTP, Way.GATEWAY_GRAPH})
#: Ways that need SMTP AUTH of the mailbox to be on.
_SUBMITTING = frozenset({Way.GATEWAY_SMTP, Way.OWN_OAUTH})


def today(tenant: Tenant) -> Tenant:
    """With what a client may need that is as planned already: an application of its own OAuth, a connector."""
    connector = InboundConnector(sender_ip_addresses=(CONNECTOR_ADDRESS,), require_tls=False)
    return _with(tenant, {"applications": {OWN_CLIENT_ID: _own()}, "inbound_connectors": {"Rehearsal": connector}})


def planned(tenant: Tenant, plan: Plan, mailboxes: dict[Way, str], username: str) -> Tenant:
    """After every step of `plan`. `mailboxes` are those that the planned routes of HVE and ACS send as, `username` the
    SMTP username of the latter."""
    senders = sorted({item.client.sender for item in plan.items if item.way in _AS_MAILBOX and item.client.sender})
    hve, acs = mailboxes.get(Way.GATEWAY_HVE), mailboxes.get(Way.GATEWAY_ACS)
    changes: dict[str, object] = {
        "applications": {OWN_CLIENT_ID: _own(), GATEWAY_CLIENT_ID: _gateway()},
        "service_principals": (ServicePrincipal(app_id=GATEWAY_CLIENT_ID, object_id=_GATEWAY_PRINCIPAL),),
        "groups": {_GROUP: tuple(senders)},
        "management_scopes": {_SCOPE: _GROUP},
        "role_assignments": tuple(RoleAssignment(role=role, app=_GATEWAY_PRINCIPAL, scope=_SCOPE) for role in _ROLES),
        "mailboxes": {**tenant.mailboxes, **_switched(tenant, plan.items)},
    }
    if hve:
        changes["hve_accounts"] = {hve.lower(): HveAccount(address=hve, allowed_apps=(_GATEWAY_PRINCIPAL,))}
    if acs:
        local, _, domain = acs.rpartition("@")
        changes["communication"] = Communication(
            domains={domain: (local,)}, smtp_usernames={username: GATEWAY_CLIENT_ID}, owners=(_GATEWAY_PRINCIPAL,)
        )
    return _with(today(tenant), changes)


def _with(tenant: Tenant, changes: dict[str, object]) -> Tenant:
    """Checked as a whole again; a copy would keep what the old one remembers of its mailboxes."""
    return Tenant.model_validate({name: getattr(tenant, name) for name in Tenant.model_fields} | changes)


def _switched(tenant: Tenant, items: Iterable[Item]) -> dict[str, Mailbox]:
    """Mailboxes for which a step says Set-CASMailbox -SmtpClientAuthenticationDisabled $false."""
    found = {}
    for item in items:
        box = tenant.mailboxes.get(item.client.sender)
        if box is not None and item.way in _SUBMITTING and item.client.switches.disabled is True:
            found[item.client.sender] = box.model_copy(update={"smtp_client_authentication_disabled": False})
    return found


def _gateway() -> Application:
    return Application(
        client_id=GATEWAY_CLIENT_ID,
        name="Mailferry",
        object_id=_GATEWAY_OBJECT,
        service_principal=_GATEWAY_PRINCIPAL,
        secrets=(ClientSecret(value=SECRET, expires=_EXPIRES, key_id="rehearsal"),),
        app_roles=(MAIL_SEND,),
    )


def _own() -> Application:
    return Application(
        client_id=OWN_CLIENT_ID,
        name="OAuth of the clients themselves",
        object_id=_OWN_OBJECT,
        service_principal=_OWN_PRINCIPAL,
        delegated=DelegatedAccess(permissions=(SMTP_SEND, "Mail.Send"), admin_consented=True),
    )
