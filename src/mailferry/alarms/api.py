"""What an alarm is, and the two calls by which any room raises and ends one.

Leaves to others: whom it reaches and how (hub, outbox, targets), what stands in the spool (delivery.alarms).
Invariant: a call returns at once and never raises, whatever becomes of the alarm; mail never waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from mailferry.m365.facts import Text


class Severity(StrEnum):
    """How bad it is."""

    WARNING = "warning"  # somebody should act in the coming days
    ERROR = "error"  # some mail waits, or a person must decide
    CRITICAL = "critical"  # mail stands still, or is no longer taken

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class Code(StrEnum):
    """What kind of alarm it is: what [[alarm]] events filters by, with a title that people read."""

    LANE = "lane"
    SENDER = "sender"
    QUEUE = "queue"
    SPOOL = "spool"
    SPACE = "space"
    BODY = "body"
    MESSAGE = "message"
    EXPIRY = "expiry"
    ENROLMENT = "enrolment"
    BULLETIN = "bulletin"
    TEST = "test"

    def label(self, language: str) -> str:
        return _TITLES[self].of(language)


_TITLES: Mapping[Code, Text] = {
    Code.LANE: Text("Sending has stopped", "送信が停止しています"),
    Code.SENDER: Text("A sender is refused", "送信者が拒否されています"),
    Code.QUEUE: Text("Mail in the queue needs a person", "キューのメールに確認が必要です"),
    Code.SPOOL: Text("The spool cannot be used", "スプールを利用できません"),
    Code.SPACE: Text("No mail is taken", "メールを受け付けていません"),
    Code.BODY: Text("A stored message is damaged", "保存したメールが破損しています"),
    Code.MESSAGE: Text("The gateway fails over a message", "メールの処理に失敗しています"),
    Code.EXPIRY: Text("A secret or certificate ends", "シークレットまたは証明書の有効期限が近づいています"),
    Code.ENROLMENT: Text("Enrolment of devices", "機器の登録"),
    Code.BULLETIN: Text("A watched announcement needs a look", "監視中の発表をご確認ください"),
    Code.TEST: Text("Test alarm", "テスト警報"),
}


NOTHING = Text("", "")


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that stands until it is resolved. `code` and `key` together name it: raising it again while it stands
    renews its text and tells nobody twice, unless it became more severe. `fields` are facts for programs; no secrets.
    """

    code: Code
    key: str
    severity: Severity
    text: Text
    cure: Text = NOTHING
    fields: Mapping[str, str] = field(default_factory=dict)


class AlarmSink(Protocol):
    """What a room that has something to tell is handed."""

    def raise_(self, alarm: Alarm) -> None:
        """It stands from now on."""
        ...

    def resolve(self, code: Code, key: str) -> None:
        """It no longer stands; nothing when it did not."""
        ...


class NoAlarms:
    """A sink for whoever has nobody to tell."""

    def raise_(self, alarm: Alarm) -> None:
        """Nobody hears of it."""

    def resolve(self, code: Code, key: str) -> None:
        """Nobody heard of it."""
