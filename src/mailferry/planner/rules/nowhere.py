"""No way that is available takes it: what would make one fit.

Source: the limits that the other rules held against it. Leaves to others: every way. Invariant: concerns every client,
so that none is ever without a decision; it is asked last.
"""

from __future__ import annotations

from mailferry.m365.facts import Text
from mailferry.planner import limits
from mailferry.planner.case import Case
from mailferry.planner.judgement import Fits, say, source
from mailferry.planner.limits import DAY, DAY_MESSAGES
from mailferry.planner.values import Effort, Risk, Way

NAME = "nowhere"

_REASON = Text(
    "None of the ways that the plan may use takes it.",
    "計画で使用できる方法の中に、条件を満たすものがありません。",
)
_AGAIN = Text("Administrator: then make the plan again.", "管理者: その後、計画を作り直してください。")
_MORE_WAYS = Text(
    "Administrator: allow a further way in the plan's settings (`ways`), such as gateway-onprem, connector or "
    "gateway-acs.",
    "管理者: 計画の設定（`ways`）で、gateway-onprem、connector、gateway-acs などの方法を追加してください。",
)
_INSIDE = Text(
    "Administrator: for mail inside the organisation, High Volume Email (`gateway-hve`) has no such limit.",
    "管理者: 組織内宛てのメールであれば、High Volume Email（`gateway-hve`）にはこの制限がありません。",
)


def judge(case: Case) -> Fits:
    checks = limits.exchange(case.mailbox)
    over = next((check for check in checks if check.limit in (DAY, DAY_MESSAGES) and check.kept is False), None)
    steps = [_MORE_WAYS]
    if over is not None:
        number = -(-(over.observed or 0) // over.published)
        steps.insert(
            0,
            say(
                "Owner: spread its mail over {number} mailboxes, or send less a day.",
                "担当者: {number} 個のメールボックスに分散するか、1 日の送信量を減らしてください。",
                number=number,
            ),
        )
        if case.internal is True:
            steps.insert(1, _INSIDE)
    return Fits(Way.ASK, _REASON, source("learn-sending-limits"), (*steps, _AGAIN), Effort.LARGE, Risk.HIGH, checks)
