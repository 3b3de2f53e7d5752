"""Get-OrganizationConfig: the authentication policy of whoever has none of their own, and Direct Send.

Leaves to others: what the policy allows (policy).
"""

from __future__ import annotations

from mailferry.inventory.names import fields
from mailferry.inventory.readers.base import SETTINGS, Reader, Target
from mailferry.m365.facts import Text

READER = Reader(
    kind="organization",
    label=Text("organization settings (Get-OrganizationConfig)", "組織設定 (Get-OrganizationConfig)"),
    target=Target.ORGANIZATIONS,
    shapes=SETTINGS,
    fields=fields(policy="defaultauthenticationpolicy", direct="rejectdirectsend"),
    known_by=(("policy",),),
)
