"""Straight to the tenant's MX without any trust: recipients in the organisation only.

Source: Direct Send (Learn, how-to-set-up-a-multifunction-device); Microsoft is at work to refuse it by default (blog
4408790, RejectDirectSend), so it is the last of the ways. Leaves to others: SPF. Invariant: never for a client that may
write outside.
"""

from __future__ import annotations

from mailferry.m365.facts import Text
from mailferry.planner import limits, steps
from mailferry.planner.case import Case
from mailferry.planner.judgement import Fits, Judgement, Unfit, source
from mailferry.planner.rules.overrun import overrun
from mailferry.planner.values import Effort, Risk, Way

NAME = "direct-send"

_REASON = Text(
    "It writes to the organisation only, and no better way takes it. Microsoft plans to refuse Direct Send by default.",
    "宛先は組織内のみで、より適した方法がありません。なお、Direct Send は今後既定で拒否される見込みです。",
)
_OUTSIDE = Text(
    "It may write outside the organisation; Direct Send reaches the inside only.",
    "組織外への送信の可能性があります。Direct Send は組織内宛てのみです。",
)
_STEPS = (
    Text(
        "Administrator: put the public address into the SPF record; RejectDirectSend must stay off.",
        "管理者: 送信元のグローバル IP アドレスを SPF レコードに追加してください。"
        "RejectDirectSend は無効のままにする必要があります。",
    ),
    Text(
        "In its mail settings: set the mail server to the tenant's MX, port 25, without a login.",
        "メール設定で、メール サーバーをテナントの MX、ポート 25、認証なしに変更してください。",
    ),
    steps.TEST_MESSAGE,
)


def judge(case: Case) -> Judgement:
    if Way.DIRECT_SEND not in case.ways:
        return None
    if case.internal is not True:
        return Unfit(Way.DIRECT_SEND, _OUTSIDE)
    checks = limits.mx(case.mailbox)
    broken = limits.broken(checks)
    if broken is not None:
        return Unfit(Way.DIRECT_SEND, overrun(broken))
    return Fits(Way.DIRECT_SEND, _REASON, source("blog-4408790"), _STEPS, Effort.MEDIUM, Risk.HIGH, checks)
