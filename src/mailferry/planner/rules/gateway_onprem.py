"""Through the gateway, out by an Exchange Server on premises that relays without a login.

Source: anonymous relay on Exchange servers (Learn, allow-anonymous-relay); limits of client submission do not apply.
Leaves to others: the connector between the server and the tenant. Invariant: only where there is such a server.
"""

from __future__ import annotations

from mailferry.m365.facts import Text
from mailferry.planner import limits, steps
from mailferry.planner.case import Case
from mailferry.planner.judgement import Fits, Judgement, Unfit, source
from mailferry.planner.rules.overrun import overrun
from mailferry.planner.values import Effort, Risk, Way

NAME = "gateway-onprem"

_REASON = Text(
    "The Exchange Server on premises relays it without a mailbox, and without the limits of client submission.",
    "オンプレミスの Exchange Server が中継します。メールボックスは不要で、クライアント送信の制限も受けません。",
)
_CONNECTOR = Text(
    "Administrator: let the receive connector for anonymous relay accept the gateway's address, and no other new one.",
    "管理者: 匿名リレー用の受信コネクタで、ゲートウェイの IP アドレスのみを許可してください。",
)


def judge(case: Case) -> Judgement:
    if Way.GATEWAY_ONPREM not in case.ways:
        return None
    checks = limits.relay(case.mailbox)
    broken = limits.broken(checks)
    if broken is not None:
        return Unfit(Way.GATEWAY_ONPREM, overrun(broken))
    return Fits(
        Way.GATEWAY_ONPREM,
        _REASON,
        source("learn-anonymous-relay"),
        (_CONNECTOR, *steps.point_at_gateway(case)),
        Effort.SMALL,
        Risk.LOW,
        checks,
    )
