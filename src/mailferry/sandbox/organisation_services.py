"""What the seeded organisation has beside mailboxes: an account of High Volume Email, a Communication Services
resource, an Exchange Server, inbound connectors. Granted so that each works at once.

Leaves to others: the organisation itself. Invariant: every password says that it is a sandbox value.
"""

from __future__ import annotations

from mailferry.sandbox.services import (
    Communication,
    HveAccount,
    InboundConnector,
    OnPremises,
    ReceiveConnector,
)

#: One application for both services: Mail.Send on Exchange Online, owner of the Communication Services resource.
BULK_CLIENT_ID = "5a4db0c5-0000-4000-8000-0000000000d1"
BULK_SERVICE_PRINCIPAL = "5a4db0c5-0000-4000-8000-0000000000d2"
BULK_OBJECT_ID = "5a4db0c5-0000-4000-8000-0000000000d3"
BULK_SECRET = "sandbox~secret~of~the~bulk~application"  # noqa: S105 - a sandbox value

HVE_ACCOUNT = "bulk"
HVE_PASSWORD = "sandbox-password-bulk"  # noqa: S105 - a sandbox value
ACS_USERNAME = "mail-gateway"
ACS_SENDER = "donotreply"
#: Primary and secondary key of the resource: base64 of "sandbox access key one" and "... two".
ACS_KEYS = ("c2FuZGJveCBhY2Nlc3Mga2V5IG9uZQ==", "c2FuZGJveCBhY2Nlc3Mga2V5IHR3bw==")


def hve_accounts(domain: str) -> dict[str, HveAccount]:
    address = f"{HVE_ACCOUNT}@{domain}"
    return {address: HveAccount(address=address, password=HVE_PASSWORD, allowed_apps=(BULK_SERVICE_PRINCIPAL,))}


def communication(domain: str) -> Communication:
    return Communication(
        domains={domain: (ACS_SENDER, "erp", "scanner")},
        smtp_usernames={ACS_USERNAME: BULK_CLIENT_ID},
        owners=(BULK_SERVICE_PRINCIPAL,),
        access_keys=ACS_KEYS,
    )


def on_premises(domain: str) -> OnPremises:
    """Anyone may send inside; addresses of this machine may relay."""
    return OnPremises(
        host=f"mail1.{domain}",
        receive_connectors={
            "Default Frontend": ReceiveConnector(max_inbound_connection_per_source=0),
            "Anonymous Relay": ReceiveConnector(remote_ip_ranges=("127.0.0.0/8", "::1"), accept_any_recipient=True),
        },
    )


def inbound_connectors(domain: str) -> dict[str, InboundConnector]:
    """By certificate it works at once. By address it has to be enabled: else no Direct Send would ever be seen, for
    everything comes from this machine."""
    return {
        "Relay by certificate": InboundConnector(tls_sender_certificate_name=f"relay.{domain}"),
        "Relay by address": InboundConnector(enabled=False, sender_ip_addresses=("127.0.0.0/8", "::1")),
    }
