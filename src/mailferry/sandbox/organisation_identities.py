"""The applications of the seeded organisation that need no secret: a workload of a cluster, two managed identities, and
one that users sign in to. Granted so that each works at once.

Leaves to others: the organisation itself. Invariant: ids are fixed, so that configurations may name them.
"""

from __future__ import annotations

from mailferry.sandbox.identities import DelegatedAccess, FederatedCredential, ManagedIdentity
from mailferry.sandbox.tenant import SMTP_SEND, Application

_ID = "5a4db0c5-0000-4000-8000-0000000000"

#: Users sign in to it: device code, or authorization code with PKCE.
SIGN_IN_CLIENT_ID = f"{_ID}e1"
SIGN_IN_SERVICE_PRINCIPAL = f"{_ID}e2"
SIGN_IN_OBJECT_ID = f"{_ID}e3"

#: A workload with a token of the sandbox's own issuer.
WORKLOAD_CLIENT_ID = f"{_ID}f1"
WORKLOAD_SERVICE_PRINCIPAL = f"{_ID}f2"
WORKLOAD_OBJECT_ID = f"{_ID}f3"
WORKLOAD_SUBJECT = "system:serviceaccount:mail:gateway"

SYSTEM_CLIENT_ID = f"{_ID}11"
SYSTEM_PRINCIPAL = f"{_ID}12"
USER_ASSIGNED_CLIENT_ID = f"{_ID}21"
USER_ASSIGNED_PRINCIPAL = f"{_ID}22"
USER_ASSIGNED_RESOURCE_ID = (
    f"/subscriptions/{_ID}99/resourcegroups/mail/providers/Microsoft.ManagedIdentity/userAssignedIdentities/gateway"
)

#: Those that act for themselves, by application RBAC.
APPLICATION_PRINCIPALS = (WORKLOAD_SERVICE_PRINCIPAL, SYSTEM_PRINCIPAL, USER_ASSIGNED_PRINCIPAL)


def applications() -> dict[str, Application]:
    found = (_sign_in(), _workload(), *_managed())
    return {one.client_id: one for one in found}


def _sign_in() -> Application:
    return Application(
        client_id=SIGN_IN_CLIENT_ID,
        name="Mail gateway (users sign in)",
        object_id=SIGN_IN_OBJECT_ID,
        service_principal=SIGN_IN_SERVICE_PRINCIPAL,
        delegated=DelegatedAccess(permissions=(SMTP_SEND, "Mail.Send", "Mail.ReadWrite")),
    )


def _workload() -> Application:
    return Application(
        client_id=WORKLOAD_CLIENT_ID,
        name="Mail gateway (federated workload)",
        object_id=WORKLOAD_OBJECT_ID,
        service_principal=WORKLOAD_SERVICE_PRINCIPAL,
        federated=(FederatedCredential(name="cluster", issuer="sandbox", subject=WORKLOAD_SUBJECT),),
    )


def _managed() -> tuple[Application, ...]:
    return (
        Application(
            client_id=SYSTEM_CLIENT_ID,
            name="mail-gateway-vm",
            object_id="",
            service_principal=SYSTEM_PRINCIPAL,
            managed=ManagedIdentity(system_assigned=True),
        ),
        Application(
            client_id=USER_ASSIGNED_CLIENT_ID,
            name="mail-gateway-identity",
            object_id="",
            service_principal=USER_ASSIGNED_PRINCIPAL,
            managed=ManagedIdentity(resource_id=USER_ASSIGNED_RESOURCE_ID),
        ),
    )
