"""State of the services beside client submission: High Volume Email, Azure Communication Services, an on-premises
Exchange, and what the tenant's MX knows of whom it hears.

Leaves to others: what the state means (hve, acs_smtp, onprem, mx) and the tenant it belongs to (tenant).
Invariant: names are those of the cmdlets and of the portal; all passwords are the sandbox's own test values.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

#: The application permission of "Office 365 Exchange Online" that High Volume Email asks for (V: its OAuth page).
MAIL_SEND = "Mail.Send"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _checked_range(text: str) -> str:
    """An address, a range or CIDR, as RemoteIpRanges takes them."""
    span(text)
    return text


def span(text: str) -> tuple[int, int, int]:
    """Version, first and last address of an address, range or CIDR. Raises ValueError."""
    first, dash, last = text.partition("-")
    if dash:
        start, end = ip_address(first.strip()), ip_address(last.strip())
        if start.version != end.version or int(start) > int(end):
            raise ValueError(f"{text} is no range of addresses")
        return start.version, int(start), int(end)
    network = ip_network(text, strict=False)
    return network.version, int(network.network_address), int(network.broadcast_address)


def width(ranges: tuple[str, ...], address: str) -> int | None:
    """How many addresses the narrowest of `ranges` that holds `address` has; None when none does."""
    try:
        wanted = ip_address(address)
    except ValueError:
        return None
    spans = (span(text) for text in ranges)
    fitting = [
        last - first + 1 for version, first, last in spans if version == wanted.version and first <= int(wanted) <= last
    ]
    return min(fitting, default=None)


Range = Annotated[str, AfterValidator(_checked_range)]


class BillingState(StrEnum):
    """V: Get-HVEAccountBillingPolicy."""

    VALID = "BillingPolicyValid"
    NONE_STORED = "NoProperBillingPolicyStored"
    NOT_FOUND = "BillingPolicyNotFound"
    MISMATCHED = "BillingPolicyMismatched"
    NOT_CONNECTED = "NoConnectedBillingPolicyFound"
    SUBSCRIPTION_INACTIVE = "SubscriptionIsNotActive"
    NO_SHAREPOINT = "NoSPOLicenseFound"


class HveAccount(_Value):
    """New-MailUser -HVEAccount. `address` is its key in Tenant.hve_accounts."""

    address: str
    password: str = Field(default="", repr=False, description="A sandbox value; empty means: no login by password.")
    account_enabled: bool = True
    authentication_policy: str | None = None
    billing: BillingState = Field(default=BillingState.VALID, description="Get-HVEAccountBillingPolicy.")
    allowed_apps: tuple[str, ...] = Field(
        default=(), max_length=10, description="Add-HVEAppAccess -AppIds: object ids of enterprise applications."
    )
    reply_to: str = Field(default="", description="Set-HVEAccountSettings -ReplyTo.")


class Suppression(_Value):
    """One address on the managed suppression list."""

    until: datetime
    times: int = Field(default=1, ge=1, description="How often it bounced; lengthens the next suppression.")


class Communication(_Value):
    """A Communication Services resource with its linked e-mail domains."""

    resource: str = Field(default="contoso-communication", description="Its name, first part of old usernames.")
    domains: dict[str, tuple[str, ...]] = Field(
        default={}, description="Linked and verified domains: domain to its sender usernames (MailFrom)."
    )
    smtp_usernames: dict[str, str] = Field(
        default={}, description="SMTP Username resources: username to the client id of its Entra application."
    )
    owners: tuple[str, ...] = Field(
        default=(), description="Enterprise applications with the role Communication and Email Service Owner."
    )
    access_keys: tuple[str, ...] = Field(
        default=(), max_length=2, repr=False, description="Keys of the resource, base64; sandbox values."
    )
    suppressed: dict[str, Suppression] = {}

    def provisioned(self, sender: str) -> bool:
        local, _, domain = sender.lower().rpartition("@")
        return local in {name.lower() for name in self.domains.get(domain, ())}


class ReceiveConnector(_Value):
    """Get-ReceiveConnector of the frontend. Of those that hold the address the most specific takes the connection."""

    remote_ip_ranges: tuple[Range, ...] = ("0.0.0.0-255.255.255.255", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
    anonymous_users: bool = Field(default=True, description="-PermissionGroups AnonymousUsers.")
    accept_any_recipient: bool = Field(
        default=False, description="Ms-Exch-SMTP-Accept-Any-Recipient for NT AUTHORITY\\ANONYMOUS LOGON."
    )
    max_message_size: int = Field(default=37_748_736, ge=0, description="Octets, advertised by SIZE.")
    max_inbound_connection_per_source: int = Field(default=20, ge=0, description="0: unlimited.")


class OnPremises(_Value):
    """An Exchange Server beside the tenant (hybrid)."""

    host: str = "mail1.contoso.example"
    receive_connectors: dict[str, ReceiveConnector] = {}
    draining: bool = Field(default=False, description="Set-ServerComponentState: the frontend is not active.")

    def connector(self, address: str) -> tuple[str, ReceiveConnector] | None:
        """The connector that takes a connection from `address`."""
        fitting = [
            (narrow, name)
            for name, connector in self.receive_connectors.items()
            if (narrow := width(connector.remote_ip_ranges, address)) is not None
        ]
        if not fitting:
            return None
        name = min(fitting)[1]
        return name, self.receive_connectors[name]


class InboundConnector(_Value):
    """New-InboundConnector -ConnectorType OnPremises."""

    enabled: bool = True
    sender_ip_addresses: tuple[Range, ...] = ()
    tls_sender_certificate_name: str = Field(default="", description="A name in the certificate; * for one label.")
    require_tls: bool = True

    def fits(self, address: str, names: frozenset[str]) -> bool:
        """Whether a connection from `address` that showed a certificate for `names` is this connector's."""
        if not self.enabled:
            return False
        wanted = self.tls_sender_certificate_name.lower()
        if wanted:
            return any(_same_name(wanted, name) for name in names)
        return width(self.sender_ip_addresses, address) is not None


def _same_name(wanted: str, name: str) -> bool:
    """A wildcard on either side stands for one label (RFC 6125 section 6.4.3)."""
    if wanted == name:
        return True
    pairs = ((wanted, name), (name, wanted))
    return any(wild.startswith("*.") and other.partition(".")[2] == wild[2:] for wild, other in pairs)
