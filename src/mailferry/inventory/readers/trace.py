"""Message traces: Get-MessageTraceV2 as CSV or JSON, the enhanced and extended CSV, and Graph's messageTraces.

Leaves to others: which senders are ours (join). FromIP is blank for mail that was submitted to a mailbox, so a trace
shows devices that use Direct Send or a connector, and the volume of the others; the extended report has the address of
those too, and tells them by their direction (facts 8.3).
"""

from __future__ import annotations

from mailferry.inventory.names import fields
from mailferry.inventory.readers.base import SETTINGS, Reader, Target
from mailferry.m365.facts import Text

READER = Reader(
    kind="trace",
    label=Text("message trace", "メッセージ追跡"),
    target=Target.EVENTS,
    shapes=SETTINGS,
    fields=fields(
        happened="received receiveddatetime origintimestamputc origintimestamp datetimeutc datetime dateutc 受信日時",
        sender="senderaddress 送信者アドレス 送信者",
        recipient="recipientaddress 受信者アドレス 受信者",
        statuses="recipientstatus",
        status="status 状態",
        address="fromip originalclientip clientip",
        size="size totalbytes",
        id="messagetraceid networkmessageid id",
        message_id="messageid internetmessageid",
        subject="subject messagesubject 件名",
        event="eventid",
        connector="connectorid",
        host="clienthostname",
        direction="directionality",
        origin="source",
    ),
    known_by=(
        ("happened",),
        ("sender",),
        ("recipient", "statuses"),
        ("id", "message_id"),
        ("status", "statuses", "event"),
    ),
    dated="happened",
    batched=True,
    reasons={
        "bad-time": Text("no date and time that can be read", "日時を読み取れない"),
        "no-sender": Text("no sender: a report or a bounce", "送信者なし (配信レポートなど)"),
        "other-event": Text("a later step of a message that is counted already", "既に数えたメッセージの後続イベント"),
    },
)
