"""Through the gateway, out by Azure Communication Services: bulk mail to the outside.

Source: service limits of Azure Communication Services (Learn, service-limits): a quota per subscription.
Leaves to others: sharing the quota among clients (quota). Invariant: never beyond the quota that was granted.
"""

from __future__ import annotations

from mailferry.m365.facts import Text
from mailferry.planner import limits, steps
from mailferry.planner.case import Case
from mailferry.planner.judgement import Fits, Judgement, Unfit, source
from mailferry.planner.rules.overrun import overrun
from mailferry.planner.values import Effort, Risk, Way

NAME = "gateway-acs"

_REASON = Text(
    "Its volume fits the quota of Azure Communication Services and burdens no mailbox.",
    "送信量が Azure Communication Services のクォータに収まり、メールボックスの制限を消費しません。",
)
_SETUP = Text(
    "Administrator: set up the communication resource with a verified domain; From becomes its sender, the original "
    "goes to Reply-To.",
    "管理者: 検証済みドメインを持つ通信リソースを用意してください。"
    "差出人はその送信者アドレスになり、元の差出人は Reply-To に入ります。",
)


def judge(case: Case) -> Judgement:
    if Way.GATEWAY_ACS not in case.ways:
        return None
    checks = limits.azure(case.mailbox, case.settings.acs_per_minute, case.settings.acs_per_hour)
    broken = limits.broken(checks)
    if broken is not None:
        return Unfit(Way.GATEWAY_ACS, overrun(broken))
    return Fits(
        Way.GATEWAY_ACS,
        _REASON,
        source("acs-limits"),
        (_SETUP, *steps.point_at_gateway(case)),
        Effort.SMALL,
        Risk.MEDIUM,
        checks,
    )
