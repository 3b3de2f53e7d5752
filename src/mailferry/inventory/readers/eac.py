"""The "SMTP AUTH clients submission report" of the Exchange admin center.

Leaves to others: comparing it with what else is known (join). Its exact header is not published, so names match
loosely; it has no addresses and no times, and its counts are of the days that were chosen on screen.
"""

from __future__ import annotations

from mailferry.inventory.names import fields
from mailferry.inventory.readers.base import TABLES, Reader, Target
from mailferry.m365.facts import Text

READER = Reader(
    kind="eac",
    label=Text("SMTP AUTH clients report (EAC)", "SMTP AUTH クライアント レポート (EAC)"),
    target=Target.REPORTS,
    shapes=TABLES,
    fields=fields(
        sender="senderaddress sender mailbox user 送信者アドレス 送信者のアドレス 送信者",
        protocol="authenticationprotocol authprotocol authentication authenticationtype 認証プロトコル 認証",
        tls10="tls1.0 tls10 tls1.0percent tls10percent tls1.0percentage tls1.0パーセント",
        tls11="tls1.1 tls11 tls1.1percent tls11percent tls1.1percentage tls1.1パーセント",
        tls12="tls1.2 tls12 tls1.2percent tls12percent tls1.2percentage tls1.2パーセント",
        messages="messagessent messagecount messages messagesent count 送信メッセージ数 メッセージ数",
    ),
    known_by=(("sender",), ("messages",), ("protocol", "tls10", "tls12")),
    reasons={
        "no-sender": Text("no sender address", "送信者アドレスがない"),
        "bad-count": Text("no number of messages", "メッセージ数を読み取れない"),
    },
)
