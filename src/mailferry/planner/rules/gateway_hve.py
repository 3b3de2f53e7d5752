"""Through the gateway, out by High Volume Email: many messages, recipients in the organisation only.

Source: High Volume Email (Learn, high-volume-mails-m365): internal recipients, no rate limit, 10 MB.
Leaves to others: billing, which an administrator sets up. Invariant: never for a client that may write outside.
"""

from __future__ import annotations

from mailferry.m365.facts import Text
from mailferry.planner import limits, steps
from mailferry.planner.case import Case
from mailferry.planner.judgement import Fits, Judgement, Unfit, source
from mailferry.planner.rules.overrun import overrun
from mailferry.planner.values import Effort, Risk, Way

NAME = "gateway-hve"

_REASON = Text(
    "It writes to the organisation only, and High Volume Email has no limit of rate or of recipients a day.",
    "宛先は組織内のみで、High Volume Email には送信レートと 1 日あたりの受信者数の制限がありません。",
)
_OUTSIDE = Text(
    "It writes outside the organisation; High Volume Email delivers inside only.",
    "組織外への送信があります。High Volume Email は組織内宛てのみです。",
)
_UNKNOWN = Text(
    "Whether it writes outside the organisation is not known; High Volume Email delivers inside only.",
    "組織外への送信の有無が不明です。High Volume Email は組織内宛てのみです。",
)
_ACCOUNT = Text(
    "Administrator: set up a High Volume Email account with a billing policy; From becomes that account, the original "
    "goes to Reply-To.",
    "管理者: 課金ポリシーを設定した High Volume Email アカウントを用意してください。"
    "差出人はそのアカウントになり、元の差出人は Reply-To に入ります。",
)


def judge(case: Case) -> Judgement:
    if Way.GATEWAY_HVE not in case.ways:
        return None
    if case.internal is not True:
        return Unfit(Way.GATEWAY_HVE, _UNKNOWN if case.internal is None else _OUTSIDE)
    checks = limits.high_volume(case.mailbox)
    broken = limits.broken(checks)
    if broken is not None:
        return Unfit(Way.GATEWAY_HVE, overrun(broken))
    return Fits(
        Way.GATEWAY_HVE,
        _REASON,
        source("learn-hve"),
        (_ACCOUNT, *steps.point_at_gateway(case)),
        Effort.SMALL,
        Risk.MEDIUM,
        checks,
    )
