"""Get-CASMailbox (and Get-User, for authentication policies), as CSV, JSON or Format-List text.

Leaves to others: which setting wins (join). The switch has three states: blank is "inherit from the tenant".
"""

from __future__ import annotations

from mailferry.inventory.names import fields
from mailferry.inventory.readers.base import SETTINGS, Reader, Target
from mailferry.m365.facts import Text

READER = Reader(
    kind="casmailbox",
    label=Text("mailbox settings (Get-CASMailbox)", "メールボックス設定 (Get-CASMailbox)"),
    target=Target.MAILBOXES,
    shapes=SETTINGS,
    fields=fields(
        address="primarysmtpaddress primarysmtpaddress.address windowsemailaddress emailaddress userprincipalname",
        alias="userprincipalname",
        disabled="smtpclientauthenticationdisabled",
        policy="authenticationpolicy",
    ),
    known_by=(("address",), ("disabled", "policy")),
    reasons={
        "no-address": Text("no mail address", "メールアドレスがない"),
        "bad-switch": Text(
            "SmtpClientAuthenticationDisabled is neither True, False nor blank",
            "SmtpClientAuthenticationDisabled が True・False・空白のいずれでもない",
        ),
    },
)
