"""Through the gateway, out by Microsoft Graph.

Source: Graph sendMail with MIME and its limit of request (Learn, user: sendMail; throttling-limits).
Leaves to others: what Graph changes in a message (the gateway's fidelity report). Invariant: only for a client with a
mailbox, and never for messages over the request's size.
"""

from __future__ import annotations

from mailferry.m365.facts import Text
from mailferry.planner import limits, steps
from mailferry.planner.case import Case
from mailferry.planner.judgement import Fits, Judgement, Unfit, source
from mailferry.planner.rules.overrun import overrun
from mailferry.planner.values import Effort, Risk, Way

NAME = "gateway-graph"

_REASON = Text(
    "The gateway takes it as it speaks today and sends by Microsoft Graph as the same mailbox; SMTP AUTH may stay off.",
    "現在の通信方法のままゲートウェイが受け付け、同じメールボックスとして Microsoft Graph で送信します。"
    "SMTP AUTH は無効のままで構いません。",
)
_NO_MAILBOX = Text(
    "It signs in with no mailbox that mail could be sent as.",
    "送信に使用するメールボックスがありません。",
)


def judge(case: Case) -> Judgement:
    if Way.GATEWAY_GRAPH not in case.ways:
        return None
    if case.anonymous:
        return Unfit(Way.GATEWAY_GRAPH, _NO_MAILBOX)
    checks = limits.graph_mailbox(case.mailbox)
    broken = limits.broken(checks)
    if broken is not None:
        return Unfit(Way.GATEWAY_GRAPH, overrun(broken))
    # A size that nobody observed may be over what Graph takes: scans are.
    unknown = case.mailbox.largest is None
    return Fits(
        Way.GATEWAY_GRAPH,
        _REASON,
        source("learn-graph-send"),
        steps.point_at_gateway(case),
        Effort.SMALL,
        Risk.MEDIUM if unknown or case.old_tls else Risk.LOW,
        checks,
    )
