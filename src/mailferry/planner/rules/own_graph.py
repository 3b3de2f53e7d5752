"""The client sends by Microsoft Graph itself, where its maker built that.

Source: Graph sendMail (Learn, user: sendMail); what a product can, from the knowledge base.
Leaves to others: scoping the permission to the mailbox (m365.setup). Invariant: never chosen on a guess.
"""

from __future__ import annotations

from mailferry.clients.product import Answer
from mailferry.m365.facts import Text
from mailferry.planner import limits, steps
from mailferry.planner.case import Case
from mailferry.planner.judgement import Fits, Judgement, Unfit, say, source
from mailferry.planner.rules.overrun import overrun
from mailferry.planner.values import Effort, Risk, Way

NAME = "own-graph"

_SCOPE = Text(
    "Administrator: give its application Mail.Send for this mailbox only (RBAC for Applications); without a scope it "
    "may send as everybody.",
    "管理者: アプリケーションの Mail.Send をこのメールボックスに限定してください（RBAC for Applications）。"
    "限定しないと、全員の名前で送信できてしまいます。",
)

_CHOOSE = Text(
    "Owner: choose Microsoft Graph in its mail settings and sign in as the mailbox.",
    "担当者: メール設定で Microsoft Graph を選択し、メールボックスでサインインしてください。",
)


def judge(case: Case) -> Judgement:
    product = case.product
    if Way.OWN_GRAPH not in case.ways or not case.sure or product is None or product.graph is not Answer.YES:
        return None  # hardly a product has one: that it is missing is no news
    checks = limits.own(case.mailbox)
    broken = limits.broken(checks)
    if broken is not None:
        return Unfit(Way.OWN_GRAPH, overrun(broken))
    setup = product.setup if product.setup.en else _CHOOSE
    return Fits(
        Way.OWN_GRAPH,
        say(
            "{name} can send by Microsoft Graph itself.",
            "{name} は Microsoft Graph で直接送信できます。",
            name=product.name,
        ),
        product.source or source("learn-graph-send"),
        (_SCOPE, setup, steps.TEST_MESSAGE),
        Effort.LARGE if product.code else Effort.MEDIUM,
        Risk.LOW,
        checks,
    )
