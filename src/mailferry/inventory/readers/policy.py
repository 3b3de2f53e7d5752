"""Get-AuthenticationPolicy: which policies let passwords through for SMTP.

Leaves to others: who is under which (casmailbox, organization).
"""

from __future__ import annotations

from mailferry.inventory.names import fields
from mailferry.inventory.readers.base import SETTINGS, Reader, Target
from mailferry.m365.facts import Text

READER = Reader(
    kind="policy",
    label=Text("authentication policies (Get-AuthenticationPolicy)", "認証ポリシー (Get-AuthenticationPolicy)"),
    target=Target.POLICIES,
    shapes=SETTINGS,
    fields=fields(name="name identity id", basic="allowbasicauthsmtp"),
    known_by=(("name",), ("basic",)),
    reasons={
        "no-name": Text("no name", "名前がない"),
        "bad-switch": Text(
            "AllowBasicAuthSmtp is neither True nor False", "AllowBasicAuthSmtp が True・False のいずれでもない"
        ),
    },
)
