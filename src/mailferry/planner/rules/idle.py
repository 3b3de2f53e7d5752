"""It was not seen for long: ask its owner, then switch it off.

Source: the EAC report shows 90 days, sign-in logs 30 (facts 8.1, 8.2): what was silent for most of that is rarely in
use, and a mailbox that nobody needs is one that others can guess at.
Leaves to others: how long "long" is (settings). Invariant: a client without a last day is not concerned.
"""

from __future__ import annotations

from mailferry.planner.case import Case
from mailferry.planner.judgement import Fits, Judgement, say
from mailferry.planner.values import Effort, Risk, Way

NAME = "idle"


def judge(case: Case) -> Judgement:
    seen = case.client.last_seen
    if seen is None:
        return None
    days = (case.newest - seen.date()).days  # not today: exports that are old make no client idle
    if days <= case.settings.idle_days:
        return None
    reason = say(
        "Last seen on {day}, {days} days before the exports end.",
        "最終確認日は {day} です（エクスポート最終日の {days} 日前）。",
        day=seen.date().isoformat(),
        days=days,
    )
    steps = [
        say(
            "Owner: is it still needed? If so, say what it is, and the plan is made again.",
            "担当者: まだ必要かどうかを確認してください。必要な場合は用途を知らせ、計画を作り直します。",
        )
    ]
    if case.client.sender:
        steps.append(
            say(
                "Administrator: otherwise Set-CASMailbox {mailbox} -SmtpClientAuthenticationDisabled $true.",
                "管理者: 不要であれば Set-CASMailbox {mailbox} -SmtpClientAuthenticationDisabled $true を"
                "実行してください。",
                mailbox=case.client.sender,
            )
        )
    return Fits(
        Way.RETIRE,
        reason,
        "Exchange admin center: SMTP AUTH clients submission report (90 days)",
        tuple(steps),
        Effort.SMALL,
        Risk.LOW,
    )
