"""The tenant's state as frozen values: what an administrator could have set up, under the names of the cmdlets.

Leaves to others: what the state means for a login (decide), a token (entra, bearer) or a message (submission).
Invariant: state is replaced as a whole and checked as a whole; JSON in and out (control) is this model.
All passwords and secrets in it are the sandbox's own test values.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mailferry.sandbox.identities import DelegatedAccess, FederatedCredential, ManagedIdentity
from mailferry.sandbox.services import Communication, HveAccount, InboundConnector, OnPremises

#: The role, as the resource "Office 365 Exchange Online" names it, and as management roles name it. V: Microsoft Learn.
SEND_AS_APP = "SMTP.SendAsApp"
RBAC_SEND_AS_APP = "Application SMTP.SendAsApp"
#: The delegated permission. V: Microsoft Learn, legacy protocols.
SMTP_SEND = "SMTP.Send"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AuthenticationPolicy(_Value):
    """New-AuthenticationPolicy; each AllowBasicAuth* is off unless given."""

    allow_basic_auth_smtp: bool = False


class Mailbox(_Value):
    """A mailbox with its user account. `address` is its key in Tenant.mailboxes."""

    address: str
    aliases: tuple[str, ...] = ()
    display_name: str = ""
    password: str = Field(default="", repr=False, description="A sandbox value; empty means: no login by password.")
    account_enabled: bool = True
    account_locked: bool = Field(default=False, description="Smart lockout.")
    sessions_valid_from: datetime | None = Field(
        default=None, description="revokeSignInSessions, or a new password: refresh tokens from before are no good."
    )
    requires_mfa: bool = Field(default=False, description="MFA or a Conditional Access rule stops a password login.")
    smtp_client_authentication_disabled: bool | None = Field(
        default=None, description="Set-CASMailbox: true off, false on, null inherits from the organisation."
    )
    authentication_policy: str | None = Field(default=None, description="Set-User -AuthenticationPolicy.")
    message_copy_for_smtp_client_submission_enabled: bool = True
    full_access: tuple[str, ...] = Field(default=(), description="Trustees: addresses or service principal ids.")
    send_as: tuple[str, ...] = Field(default=(), description="Trustees: addresses or service principal ids.")
    send_on_behalf: tuple[str, ...] = Field(default=(), description="Set-Mailbox -GrantSendOnBehalfTo: addresses.")
    recipient_limits: int = Field(default=500, ge=1, le=1000)
    max_send_size: int = Field(default=35 * 1024 * 1024, ge=0)
    max_receive_size: int = Field(default=36 * 1024 * 1024, ge=0)
    graph_enabled: bool = Field(
        default=True, description="False: no licence, soft-deleted or on premises, as Graph sees it."
    )
    full: bool = Field(default=False, description="Quota reached: nothing can be stored.")
    restricted: bool = Field(default=False, description="Restricted entity: blocked for spam.")

    @property
    def addresses(self) -> frozenset[str]:
        return frozenset(a.lower() for a in (self.address, *self.aliases))


class ClientSecret(_Value):
    value: str = Field(repr=False)
    expires: datetime
    key_id: str = ""


class ClientCertificate(_Value):
    """A key credential: the certificate in PEM, without its key."""

    pem: str
    expires: datetime | None = Field(default=None, description="Overrides the end of the certificate's own validity.")


class Application(_Value):
    """App registration and its enterprise application (service principal). `client_id` is its key."""

    client_id: str
    name: str
    object_id: str = Field(description="Object id of the app registration: the wrong one for New-ServicePrincipal.")
    service_principal: str = Field(description="Object id of the enterprise application: the right one.")
    enabled: bool = True
    secrets: tuple[ClientSecret, ...] = ()
    certificates: tuple[ClientCertificate, ...] = ()
    app_roles: tuple[str, ...] = Field(default=(), description="Consented application permissions on Exchange Online.")
    graph_roles: tuple[str, ...] = Field(default=(), description="The same on Microsoft Graph.")
    federated: tuple[FederatedCredential, ...] = Field(default=(), description="Federated identity credentials.")
    managed: ManagedIdentity | None = Field(default=None, description="Given: it is a managed identity.")
    delegated: DelegatedAccess | None = Field(default=None, description="Given: users may sign in to it.")


class ServicePrincipal(_Value):
    """New-ServicePrincipal in Exchange Online: its own record of an application."""

    app_id: str
    object_id: str


class RoleAssignment(_Value):
    """New-ManagementRoleAssignment -App -Role -CustomResourceScope."""

    role: str
    app: str = Field(description="Object id of the service principal.")
    scope: str | None = Field(default=None, description="Name of a management scope; null: every mailbox.")


class Tenant(_Value):
    """One organisation."""

    tenant_id: str
    name: str
    created: date
    domains: tuple[str, ...] = Field(min_length=1, description="Accepted domains.")
    licences: int = Field(default=25, ge=0)
    trial: bool = False
    smtp_client_authentication_disabled: bool = Field(default=False, description="Set-TransportConfig.")
    allow_legacy_tls_clients: bool | None = Field(default=None, description="Set-TransportConfig, tri-state.")
    basic_auth_enabled: bool = Field(
        default=False,
        description="The administrator's act that keeps Basic after December 2026; Microsoft has not named it.",
    )
    send_from_alias_enabled: bool = Field(default=False, description="Set-OrganizationConfig; off unless enabled.")
    entra_premium: bool = Field(default=True, description="Entra ID P1 or P2, without which Graph shows no sign-ins.")
    hve_accounts: dict[str, HveAccount] = {}
    communication: Communication = Communication()
    on_premises: OnPremises = OnPremises()
    inbound_connectors: dict[str, InboundConnector] = Field(default={}, description="By name.")
    reject_direct_send: bool = Field(default=False, description="Set-OrganizationConfig -RejectDirectSend.")
    banned_addresses: tuple[str, ...] = Field(default=(), description="Senders' addresses that the MX bans.")
    security_defaults: bool = False
    block_legacy_authentication: bool = Field(default=False, description="Conditional Access: block legacy clients.")
    authentication_policies: dict[str, AuthenticationPolicy] = {}
    default_authentication_policy: str | None = Field(default=None, description="Set-OrganizationConfig.")
    mailboxes: dict[str, Mailbox] = {}
    groups: dict[str, tuple[str, ...]] = Field(default={}, description="Security groups: name to addresses.")
    applications: dict[str, Application] = {}
    service_principals: tuple[ServicePrincipal, ...] = ()
    management_scopes: dict[str, str] = Field(default={}, description="MemberOfGroup scopes: name to group.")
    role_assignments: tuple[RoleAssignment, ...] = ()

    @field_validator("mailboxes", "hve_accounts", mode="before")
    @classmethod
    def _mailbox_keys(cls, value: Any) -> Any:
        return _keyed(value, "address", str.lower)

    @field_validator("applications", mode="before")
    @classmethod
    def _application_keys(cls, value: Any) -> Any:
        return _keyed(value, "client_id", str.lower)

    @model_validator(mode="after")
    def _names_exist(self) -> Tenant:
        for address in (*self.mailboxes, *self.hve_accounts):
            if not self.is_internal(address):
                raise ValueError(f"mailbox {address} is in none of the accepted domains {', '.join(self.domains)}")
        policies = {m.authentication_policy for m in self.mailboxes.values()} | {self.default_authentication_policy}
        policies |= {account.authentication_policy for account in self.hve_accounts.values()}
        if missing := policies - {None} - set(self.authentication_policies):
            raise ValueError(f"no authentication policy is called {missing.pop()!r}")
        if unknown := {a.scope for a in self.role_assignments} - {None} - set(self.management_scopes):
            raise ValueError(f"no management scope is called {unknown.pop()!r}")
        if lost := set(self.management_scopes.values()) - set(self.groups):
            raise ValueError(f"no group is called {lost.pop()!r}")
        return self

    @cached_property
    def by_address(self) -> dict[str, Mailbox]:
        """Every primary address and alias, in lower case."""
        return {address: box for box in self.mailboxes.values() for address in box.addresses}

    @cached_property
    def accepted_domains(self) -> frozenset[str]:
        return frozenset(domain.lower() for domain in self.domains)

    def mailbox(self, address: str) -> Mailbox | None:
        return self.by_address.get(address.lower())

    def is_internal(self, address: str) -> bool:
        return address.rpartition("@")[2].lower() in self.accepted_domains

    def in_scope(self, mailbox: Mailbox, scope: str | None) -> bool:
        """Whether a management scope covers the mailbox; None is the whole organisation."""
        if scope is None:
            return True
        return not self._members.get(scope, frozenset()).isdisjoint(mailbox.addresses)

    @cached_property
    def _members(self) -> dict[str, frozenset[str]]:
        """Who each management scope covers; a scope of thousands is asked for at every login."""
        return {
            scope: frozenset(member.lower() for member in self.groups.get(group, ()))
            for scope, group in self.management_scopes.items()
        }

    def policy(self, mailbox: Mailbox) -> AuthenticationPolicy | None:
        """The authentication policy that governs the mailbox's user; its own before the organisation's."""
        name = mailbox.authentication_policy or self.default_authentication_policy
        return None if name is None else self.authentication_policies[name]


def _keyed(value: Any, field: str, normal: Any) -> Any:
    """Let the key of a JSON object stand for the field that repeats it."""
    if not isinstance(value, dict):
        return value
    return {normal(k): {**v, field: v.get(field, k)} if isinstance(v, dict) else v for k, v in value.items()}
