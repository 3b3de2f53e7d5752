"""Message tracking logs of Exchange Server: the files themselves, and Get-MessageTrackingLog as CSV or JSON.

Leaves to others: what is said on the wire (receive). A client is the address in a RECEIVE by SMTP (facts 8.6).
"""

from __future__ import annotations

from mailferry.inventory.names import fields
from mailferry.inventory.readers.base import SETTINGS, Reader, Target
from mailferry.inventory.sample import Shape
from mailferry.m365.facts import Text

READER = Reader(
    kind="tracking",
    label=Text("Exchange message tracking log", "Exchange メッセージ追跡ログ"),
    target=Target.EVENTS,
    shapes=SETTINGS | {Shape.FIELDS},
    fields=fields(
        happened="datetime timestamp",
        event="eventid",
        source_name="source",
        original="originalclientip",
        client="clientip",
        host="clienthostname",
        connector="connectorid",
        sender="senderaddress sender",
        recipients="recipientaddress recipients",
        size="totalbytes",
        internal="internalmessageid",
        network="networkmessageid",
        message_id="messageid",
        subject="messagesubject",
    ),
    known_by=(("happened",), ("event",), ("source_name",), ("client", "original"), ("internal",)),
    dated="happened",
    batched=True,
    reasons={
        "other-event": Text("not the arrival of a message by SMTP", "SMTP によるメッセージ受信以外のイベント"),
        "bad-time": Text("no date and time that can be read", "日時を読み取れない"),
        "no-address": Text("no client address", "クライアントのアドレスがない"),
    },
)
