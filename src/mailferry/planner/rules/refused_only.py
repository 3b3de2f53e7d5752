"""It is refused, and no export shows a message of it: a forgotten device, or somebody who guesses passwords.

Source: Entra lists refused sign-ins of Authenticated SMTP beside successful ones (Graph signIn, status/errorCode).
Leaves to others: clients that were accepted too. Invariant: a client that sent mail in the window is not concerned.
"""

from __future__ import annotations

from mailferry.inventory.records import Fate
from mailferry.m365.facts import Text
from mailferry.planner.case import Case
from mailferry.planner.judgement import Fits, Judgement
from mailferry.planner.values import Effort, Risk, Way

NAME = "refused-only"

_REASON = Text(
    "It is refused, and no export shows a message of it: a forgotten device, or somebody guessing passwords.",
    "サインインが拒否されており、送信の記録もありません。放置された機器か、パスワードの推測による攻撃の可能性があります。",
)
_STEPS = (
    Text(
        "Administrator: look at the address in the sign-in log. Where it is not yours, block it and check the "
        "mailbox's password.",
        "管理者: サインイン ログで IP アドレスを確認してください。自組織のものでなければ遮断し、"
        "メールボックスのパスワードも確認してください。",
    ),
    Text(
        "Administrator: where it is yours, find the device, then repair it or switch it off, and make the plan again.",
        "管理者: 自組織のものであれば、機器を特定して修復または停止し、計画を作り直してください。",
    ),
)


def judge(case: Case) -> Judgement:
    client = case.client
    sent = client.volume.messages or client.volume.mailbox_messages
    if client.fate is not Fate.BROKEN or sent or not client.failures:
        return None
    return Fits(Way.ASK, _REASON, "Microsoft Graph: signIn, status", _STEPS, Effort.SMALL, Risk.MEDIUM)
