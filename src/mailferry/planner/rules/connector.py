"""Straight to the tenant's MX, known by a fixed public address or a certificate (SMTP relay).

Source: SMTP relay by an inbound connector (Learn, how-to-set-up-a-multifunction-device).
Leaves to others: the network's way out. Invariant: only where addresses of the client are known, for they are what the
connector trusts.
"""

from __future__ import annotations

from mailferry.m365.facts import Text
from mailferry.planner import limits, steps
from mailferry.planner.case import Case
from mailferry.planner.judgement import Fits, Judgement, Unfit, say, source
from mailferry.planner.rules.overrun import overrun
from mailferry.planner.values import Effort, Risk, Way

NAME = "connector"

_REASON = Text(
    "An inbound connector trusts its address: no login, and no limits of client submission.",
    "受信コネクタが送信元アドレスを信頼します。サインインは不要で、クライアント送信の制限も受けません。",
)
_NO_ADDRESS = Text(
    "No address of it is known that a connector could trust.",
    "コネクタで信頼すべき送信元アドレスが不明です。",
)
_CLIENT = Text(
    "In its mail settings: set the mail server to the tenant's MX, port 25, without a login.",
    "メール設定で、メール サーバーをテナントの MX、ポート 25、認証なしに変更してください。",
)


def judge(case: Case) -> Judgement:
    if Way.CONNECTOR not in case.ways:
        return None
    if not case.client.addresses:
        return Unfit(Way.CONNECTOR, _NO_ADDRESS)
    checks = limits.mx(case.mailbox)
    broken = limits.broken(checks)
    if broken is not None:
        return Unfit(Way.CONNECTOR, overrun(broken))
    trust = say(
        "Administrator: make an inbound connector for {addresses}; everything that leaves by it may then send.",
        "管理者: {addresses} 用の受信コネクタを作成してください。"
        "この IP アドレスからの通信はすべて送信を許可されます。",
        addresses=", ".join(case.client.addresses[:5]),
    )
    return Fits(
        Way.CONNECTOR,
        _REASON,
        source("learn-multifunction"),
        (trust, _CLIENT, steps.TEST_MESSAGE),
        Effort.MEDIUM,
        Risk.MEDIUM,
        checks,
    )
