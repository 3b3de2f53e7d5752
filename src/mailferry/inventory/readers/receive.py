"""SMTP receive protocol logs of Exchange Server.

Leaves to others: messages as Exchange kept them (tracking). Lines of sessions are interleaved; session-id and
sequence-number put them in order (V protocol-logging.md).
"""

from __future__ import annotations

from mailferry.inventory.names import fields
from mailferry.inventory.readers.base import TABLES, Reader, Target
from mailferry.inventory.sample import Shape
from mailferry.m365.facts import Text

READER = Reader(
    kind="receive",
    label=Text("Exchange SMTP receive log", "Exchange SMTP 受信ログ"),
    target=Target.EVENTS,
    shapes=TABLES | {Shape.FIELDS},
    fields=fields(
        happened="datetime",
        connector="connectorid",
        session="sessionid",
        number="sequencenumber",
        remote="remoteendpoint",
        event="event",
        data="data",
        context="context",
    ),
    known_by=(("happened",), ("session",), ("number",), ("remote",), ("event",), ("data",)),
    dated="happened",
    batched=True,
    reasons={
        "no-mail": Text("session without a message: a probe or a test", "メッセージのないセッション (監視やテスト)"),
        "bad-time": Text("session without a time that can be read", "日時を読み取れないセッション"),
    },
)
