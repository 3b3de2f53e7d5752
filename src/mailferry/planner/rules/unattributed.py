"""Nobody knows what or where it is: a mailbox in the EAC report and no more.

Source: the EAC report has no address, no device and no time (facts 8.1); the sign-in log has the address (8.2).
Leaves to others: clients of which an address, a name or a product is known. Invariant: says what would settle it.
"""

from __future__ import annotations

from mailferry.m365.facts import Text
from mailferry.planner.case import Case
from mailferry.planner.judgement import Fits, Judgement
from mailferry.planner.values import Effort, Risk, Way

NAME = "unattributed"

_REASON = Text(
    "The mailbox sends by Basic authentication, but no export tells from where: no address, no name, no product.",
    "基本認証での送信は確認されていますが、アドレス、名前、製品のいずれも不明で、どこから送信しているか特定できません。",
)
_STEPS = (
    Text(
        "Administrator: import the Entra sign-in log (filter: client app Authenticated SMTP); it has the address.",
        "管理者: Entra のサインイン ログ（クライアント アプリ: Authenticated SMTP）を取り込んでください。"
        "IP アドレスが分かります。",
    ),
    Text(
        "Owner: which device or program has the password of the mailbox?",
        "担当者: メールボックスのパスワードを設定した機器またはプログラムを確認してください。",
    ),
    Text(
        "Administrator: then make the plan again; where nothing else is known the gateway takes it as it speaks.",
        "管理者: その後、計画を作り直してください。他に手段がない場合は、ゲートウェイがそのまま中継します。",
    ),
)


def judge(case: Case) -> Judgement:
    client = case.client
    if client.addresses or client.names or client.product:
        return None
    return Fits(
        Way.ASK,
        _REASON,
        "Microsoft Learn: SMTP AUTH clients report in the Exchange admin center",
        _STEPS,
        Effort.SMALL,
        Risk.HIGH,
    )
