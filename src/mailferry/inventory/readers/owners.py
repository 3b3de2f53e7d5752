"""A list of who answers for which mailbox or address: the administrator's own table.

Leaves to others: what its owner has to do (planner). Columns: address (a mailbox or an IP address), owner, site.
"""

from __future__ import annotations

from mailferry.inventory.names import fields
from mailferry.inventory.readers.base import TABLES, Reader, Target
from mailferry.m365.facts import Text

READER = Reader(
    kind="owners",
    label=Text("list of owners", "担当者一覧"),
    target=Target.OWNERS,
    shapes=TABLES,
    fields=fields(
        address="address mailbox sender senderaddress email mail ip ipaddress アドレス メールアドレス メールボックス",
        owner="owner responsible contact 担当者 所有者 責任者 管理者",
        site="site place office 拠点 場所 設置場所 事業所",
    ),
    known_by=(("address",), ("owner", "site")),
    reasons={
        "no-address": Text("neither a mail address nor an IP address", "メールアドレスでも IP アドレスでもない"),
        "no-owner": Text("neither owner nor site", "担当者も拠点もない"),
    },
)
