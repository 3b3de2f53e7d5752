"""Through the gateway, out by SMTP with OAuth as the same mailbox.

Source: SMTP.SendAsApp with Application RBAC (Learn, smtp-app-rbac-onboarding); limits of client submission.
Leaves to others: how the gateway paces and splits (delivery). Invariant: only for a client with a mailbox, and within
its day's recipients.
"""

from __future__ import annotations

from mailferry.m365.facts import Text
from mailferry.planner import limits, steps
from mailferry.planner.case import Case
from mailferry.planner.judgement import Fits, Judgement, Unfit, source
from mailferry.planner.rules.overrun import overrun
from mailferry.planner.values import Effort, Risk, Way

NAME = "gateway-smtp"

_REASON = Text(
    "The gateway takes it as it speaks today and signs in by OAuth as the same mailbox; only a host name changes.",
    "現在の通信方法のままゲートウェイが受け付け、同じメールボックスとして OAuth で送信します。変更はホスト名のみです。",
)
_NO_MAILBOX = Text(
    "It signs in with no mailbox that mail could be sent as.",
    "送信に使用するメールボックスがありません。",
)
_SWITCH = Text(
    "SMTP AUTH is switched off for the mailbox, and the switch stops OAuth too; by Graph it can stay off.",
    "メールボックスの SMTP AUTH が無効で、OAuth でも送信できません。Graph であれば無効のままで送信できます。",
)


def judge(case: Case) -> Judgement:
    if Way.GATEWAY_SMTP not in case.ways:
        return None
    if case.anonymous:
        return Unfit(Way.GATEWAY_SMTP, _NO_MAILBOX)
    checks = limits.exchange(case.mailbox)
    broken = limits.broken(checks)
    if broken is not None:
        return Unfit(Way.GATEWAY_SMTP, overrun(broken))
    if case.client.switches.disabled is True and _by_graph(case):
        return Unfit(Way.GATEWAY_SMTP, _SWITCH)
    done = (*steps.enable_submission(case), *steps.raise_size(case, checks), *steps.point_at_gateway(case))
    paced = any(check.note.en for check in checks)
    return Fits(
        Way.GATEWAY_SMTP,
        _REASON,
        source("learn-app-rbac"),
        done,
        Effort.SMALL,
        Risk.MEDIUM if paced or case.old_tls else Risk.LOW,
        checks,
    )


def _by_graph(case: Case) -> bool:
    return Way.GATEWAY_GRAPH in case.ways and limits.broken(limits.graph_mailbox(case.mailbox)) is None
