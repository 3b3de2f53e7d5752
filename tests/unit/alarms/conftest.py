"""What every alarm test needs: a log that is kept, alarms, and a target that takes or refuses."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from mailferry.alarms.api import Alarm, Code, Severity
from mailferry.alarms.report import Change, Notice, Report
from mailferry.alarms.target import TargetError
from mailferry.m365.facts import Text
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics


class Kept(MailLog):
    """A mail log whose lines can be looked at."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []
        super().__init__(lambda level, event, fields: self.lines.append((event, fields)), Metrics())


@dataclass
class Taker:
    """A target; `refusals` are used up first."""

    refusals: list[Exception] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)

    async def send(self, report: Report) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.reports.append(report)

    def told(self) -> list[list[tuple[str, str]]]:
        return [[(each.change.value, each.alarm.key) for each in report.notices] for report in self.reports]


@pytest.fixture
def log() -> Kept:
    return Kept()


@pytest.fixture
def taker() -> Taker:
    return Taker()


def refused(cause: str = "no", retry_after: float = 0.0) -> TargetError:
    return TargetError(cause, retry_after)


def alarm(key: str = "exo/scan@example.com", severity: Severity = Severity.CRITICAL, code: Code = Code.LANE) -> Alarm:
    return Alarm(
        code,
        key,
        severity,
        Text("The next server refuses our login.", "次のサーバーがログインを拒否しています。"),
        Text("Check the credential.", "資格情報を確認してください。"),
    )


def report(*alarms: Alarm, change: Change = Change.RAISED, more: int = 0) -> Report:
    now = 1_800_000_000.0
    return Report("gw.example.com", now, tuple(Notice(change, one, now - 3600, now) for one in alarms), more)


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)
