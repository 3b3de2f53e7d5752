"""Get-TransportConfig: the tenant's switch, and whether old TLS is let in.

Leaves to others: mailboxes that differ (casmailbox). Blank AllowLegacyTLSClients is the service's default.
"""

from __future__ import annotations

from mailferry.inventory.names import fields
from mailferry.inventory.readers.base import SETTINGS, Reader, Target
from mailferry.m365.facts import Text

READER = Reader(
    kind="transport",
    label=Text("tenant settings (Get-TransportConfig)", "テナント設定 (Get-TransportConfig)"),
    target=Target.TENANTS,
    shapes=SETTINGS,
    fields=fields(
        disabled="smtpclientauthenticationdisabled",
        legacy="allowlegacytlsclients",
        address="primarysmtpaddress windowsemailaddress",
    ),
    known_by=(("disabled",),),
    unlike=("address",),
    reasons={
        "bad-switch": Text(
            "SmtpClientAuthenticationDisabled is neither True nor False",
            "SmtpClientAuthenticationDisabled が True・False のいずれでもない",
        )
    },
)
