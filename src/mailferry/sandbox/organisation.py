"""The organisation that a fresh sandbox holds: contoso.example, with everything granted so that it works at once.

Leaves to others: nothing. Invariant: reserved names only (RFC 2606); every password and secret says that it is a
sandbox value.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from mailferry.sandbox import organisation_identities as identities
from mailferry.sandbox import organisation_services as services
from mailferry.sandbox.services import MAIL_SEND
from mailferry.sandbox.tenant import (
    RBAC_SEND_AS_APP,
    SEND_AS_APP,
    Application,
    AuthenticationPolicy,
    ClientCertificate,
    ClientSecret,
    Mailbox,
    RoleAssignment,
    ServicePrincipal,
    Tenant,
)

DOMAIN = "contoso.example"
EXTERNAL_DOMAIN = "fabrikam.example"
TENANT_ID = "5a4db0c5-0000-4000-8000-000000000001"

#: The application with a secret: way A (app role + mailbox permissions).
SECRET_CLIENT_ID = "5a4db0c5-0000-4000-8000-0000000000a1"  # noqa: S105 - an id
SECRET_SERVICE_PRINCIPAL = "5a4db0c5-0000-4000-8000-0000000000a2"  # noqa: S105 - an id
SECRET_OBJECT_ID = "5a4db0c5-0000-4000-8000-0000000000a3"  # noqa: S105 - an id
SECRET = "sandbox~secret~of~the~classic~application"  # noqa: S105 - a sandbox value
SECRET_EXPIRES = datetime(2027, 6, 30, tzinfo=UTC)

#: The application with a certificate: way B (application RBAC).
CERTIFICATE_CLIENT_ID = "5a4db0c5-0000-4000-8000-0000000000b1"
CERTIFICATE_SERVICE_PRINCIPAL = "5a4db0c5-0000-4000-8000-0000000000b2"
CERTIFICATE_OBJECT_ID = "5a4db0c5-0000-4000-8000-0000000000b3"

#: The application that reads the sign-in log.
INVENTORY_CLIENT_ID = "5a4db0c5-0000-4000-8000-0000000000c1"
INVENTORY_SERVICE_PRINCIPAL = "5a4db0c5-0000-4000-8000-0000000000c2"
INVENTORY_OBJECT_ID = "5a4db0c5-0000-4000-8000-0000000000c3"
INVENTORY_SECRET = "sandbox~secret~of~the~inventory~application"  # noqa: S105 - a sandbox value

SENDERS = ("scanner", "ups", "erp", "relay", "it")
PEOPLE = ("anna", "ben")


def password(local: str) -> str:
    """The password of a seeded account."""
    return f"sandbox-password-{local}"


def contoso(application_certificate: str) -> Tenant:
    """The seeded tenant; `application_certificate` in PEM is what the certificate application logs in with."""
    group = "SMTP senders"
    return Tenant(
        tenant_id=TENANT_ID,
        name="Contoso (sandbox)",
        created=date(2016, 4, 1),
        domains=(DOMAIN,),
        licences=25,
        authentication_policies={"SMTP Basic exception": AuthenticationPolicy(allow_basic_auth_smtp=True)},
        mailboxes={f"{local}@{DOMAIN}": _mailbox(local) for local in (*SENDERS, *PEOPLE)},
        groups={group: tuple(f"{local}@{DOMAIN}" for local in SENDERS)},
        applications=_applications(application_certificate),
        hve_accounts=services.hve_accounts(DOMAIN),
        communication=services.communication(DOMAIN),
        on_premises=services.on_premises(DOMAIN),
        inbound_connectors=services.inbound_connectors(DOMAIN),
        service_principals=(
            ServicePrincipal(app_id=SECRET_CLIENT_ID, object_id=SECRET_SERVICE_PRINCIPAL),
            ServicePrincipal(app_id=CERTIFICATE_CLIENT_ID, object_id=CERTIFICATE_SERVICE_PRINCIPAL),
            *(
                ServicePrincipal(app_id=one.client_id, object_id=one.service_principal)
                for one in identities.applications().values()
                if one.delegated is None
            ),
        ),
        management_scopes={"Senders": group},
        role_assignments=tuple(
            RoleAssignment(role=role, app=application, scope="Senders")
            for application in (CERTIFICATE_SERVICE_PRINCIPAL, *identities.APPLICATION_PRINCIPALS)
            for role in (RBAC_SEND_AS_APP, "Application Mail.Send", "Application Mail.ReadWrite")
        ),
    )


def _bulk() -> Application:
    """For High Volume Email and Azure Communication Services."""
    return Application(
        client_id=services.BULK_CLIENT_ID,
        name="Bulk mail (secret)",
        object_id=services.BULK_OBJECT_ID,
        service_principal=services.BULK_SERVICE_PRINCIPAL,
        secrets=(ClientSecret(value=services.BULK_SECRET, expires=SECRET_EXPIRES, key_id="sandbox-secret-3"),),
        app_roles=(MAIL_SEND,),
    )


def _applications(certificate: str) -> dict[str, Application]:
    return {
        SECRET_CLIENT_ID: Application(
            client_id=SECRET_CLIENT_ID,
            name="Mail gateway (secret, classic grant)",
            object_id=SECRET_OBJECT_ID,
            service_principal=SECRET_SERVICE_PRINCIPAL,
            secrets=(ClientSecret(value=SECRET, expires=SECRET_EXPIRES, key_id="sandbox-secret-1"),),
            app_roles=(SEND_AS_APP,),
            graph_roles=("Mail.Send", "Mail.ReadWrite"),
        ),
        CERTIFICATE_CLIENT_ID: Application(
            client_id=CERTIFICATE_CLIENT_ID,
            name="Mail gateway (certificate, application RBAC)",
            object_id=CERTIFICATE_OBJECT_ID,
            service_principal=CERTIFICATE_SERVICE_PRINCIPAL,
            certificates=(ClientCertificate(pem=certificate),),
        ),
        INVENTORY_CLIENT_ID: Application(
            client_id=INVENTORY_CLIENT_ID,
            name="Inventory reader (secret)",
            object_id=INVENTORY_OBJECT_ID,
            service_principal=INVENTORY_SERVICE_PRINCIPAL,
            secrets=(ClientSecret(value=INVENTORY_SECRET, expires=SECRET_EXPIRES, key_id="sandbox-secret-2"),),
            graph_roles=("AuditLog.Read.All", "Directory.Read.All"),
        ),
        services.BULK_CLIENT_ID: _bulk(),
        **identities.applications(),
    }


def _mailbox(local: str) -> Mailbox:
    sender = local in SENDERS
    granted = (SECRET_SERVICE_PRINCIPAL,) if sender else ()
    return Mailbox(
        address=f"{local}@{DOMAIN}",
        display_name=local.upper() if local in ("ups", "erp", "it") else local.capitalize(),
        password=password(local),
        full_access=granted,
        send_as=granted,
    )
