"""What an application may have beside secrets and certificates: trust in another issuer's tokens, a place on a machine
of Azure, users who sign in to it.

Leaves to others: the tenant they belong to (tenant), what they lead to (federation, imds, device, authorize).
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

#: The audience that Microsoft recommends for workload identity federation (V entra-docs
#: workload-identity-federation-create-trust.md; the clouds of the US government and of China have their own).
EXCHANGE_AUDIENCE = "api://AzureADTokenExchange"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FederatedCredential(_Value):
    """A federated identity credential: issuer and subject are compared case-sensitively (V since 2024-09: entra-docs
    reference-breaking-changes.md)."""

    name: str
    issuer: str = Field(description='Issuer URL; "sandbox" stands for the sandbox\'s own issuer.')
    subject: str
    audiences: tuple[str, ...] = (EXCHANGE_AUDIENCE,)


class ManagedIdentity(_Value):
    """Makes an application the identity of a resource of Azure: its tokens come from IMDS or App Service only."""

    system_assigned: bool = Field(default=False, description="The one that is meant when none is named.")
    resource_id: str = Field(default="", description="Azure resource id (msi_res_id, mi_res_id).")


class DelegatedAccess(_Value):
    """How users may sign in to an application, and what it may then do for them."""

    public_client: bool = Field(default=True, description='"Allow public client flows", which the device code needs.')
    redirect_uris: tuple[str, ...] = Field(
        default=("http://localhost",),
        description="Of mobile and desktop applications; for http://localhost any port will do (V reply-url.md).",
    )
    permissions: tuple[str, ...] = Field(
        default=(), description='Delegated permissions as configured: "SMTP.Send", "Mail.Send"...'
    )
    admin_consented: bool = Field(default=False, description="An administrator consented for everybody.")
    users_may_consent: bool = Field(default=True, description="Whether users may consent for themselves.")
