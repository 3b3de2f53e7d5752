"""Every alarm that stands, from the spool and from the watch over announcements."""

from __future__ import annotations

from pathlib import Path

from mailferry.alarms.api import Alarm, Code, NoAlarms, Severity
from mailferry.bulletin.changes import Changes
from mailferry.bulletin.fetch import Fetched, Tag
from mailferry.bulletin.watch import Watch
from mailferry.clock import ManualClock, utc
from mailferry.m365.facts import Text
from mailferry.ops import alarms
from mailferry.ops.alarms import Standing
from mailferry.spool import api as spool
from support.console import MOVED, NOW

PLACE = "https://news.example.com/smtp"


class Page:
    """One page that never changes."""

    async def get(self, address: str, tag: Tag = Tag(), now: float = 0.0) -> Fetched:  # noqa: B008 - a frozen value
        return Fetched(None if tag.etag else MOVED, "", Tag("1", ""))


def test_alarms_of_the_gateway_the_worst_first() -> None:
    kept = [spool.Alarm("expiry:contoso", 5.0, "ends", "renew"), spool.Alarm("lane:exo/x", 9.0, "no", "do")]
    assert alarms.of_gateway(kept) == [
        Standing(Alarm(Code.LANE, "exo/x", Severity.CRITICAL, Text("no", "no"), Text("do", "do")), 9.0),
        Standing(Alarm(Code.EXPIRY, "contoso", Severity.ERROR, Text("ends", "ends"), Text("renew", "renew")), 5.0),
    ]


async def test_the_watch_stands_until_a_person_decided(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    assert alarms.of_watch(tmp_path) == []
    watch = Watch([PLACE], 60.0, tmp_path, Page(), NoAlarms(), clock)
    await watch.round()
    (standing,) = alarms.of_watch(tmp_path)
    assert standing.alarm.code is Code.BULLETIN
    assert "基本認証" in standing.alarm.text.ja
    assert utc(standing.since) == NOW
    for change in Changes(tmp_path).proposed():
        Changes(tmp_path).accept(change.id, "tanaka", NOW.date())
    assert alarms.of_watch(tmp_path) == []  # before the watch looks again
