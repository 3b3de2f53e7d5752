"""Who hears of alarms: nobody is a finding.

Leaves to others: trying a target, which somebody would see (`mailferry alarm test`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from mailferry.m365.facts import Text
from mailferry.ops.doctor.finding import Finding, Level
from mailferry.ops.doctor.machine import GATEWAY
from mailferry.ops.doctor.patient import Patient


async def check(patient: Patient) -> AsyncIterator[Finding]:
    names = [one.name for one in patient.config.alarms]
    if names:
        listed = ", ".join(names)
        what = Text(
            f"alarms go to {listed}; `mailferry alarm test` tries them",
            f"警報の通知先: {listed}（`mailferry alarm test` で確認できます）",
        )
        yield Finding("alarms", "gateway", Level.GOOD, what)
        return
    what = Text("nobody is told when sending stops", "送信が停止しても、誰にも通知されません")
    cure = Text("Add an [[alarm]] section.", "[[alarm]] セクションを追加してください。")
    yield Finding("alarms", "gateway", Level.WARNING, what, cure=cure, who=GATEWAY)
