"""Whether it breaks is not known: first find out how it signs in.

Source: since October 2024 the EAC report names the authentication protocol of each sender (MC786329).
Leaves to others: what is certain. Invariant: nothing is decided on a guess; the first step settles it.
"""

from __future__ import annotations

from mailferry.inventory.records import Fate
from mailferry.m365.facts import Text
from mailferry.planner.case import Case
from mailferry.planner.judgement import Fits, Judgement, source
from mailferry.planner.values import Effort, Risk, Way

NAME = "uncertain"

_REASON = Text(
    "The exports do not tell how it signs in, so nobody can say whether it breaks.",
    "エクスポートには認証方式の記録がなく、影響を受けるかどうか判断できません。",
)
_STEPS = (
    Text(
        "Administrator: import the SMTP AUTH clients report of the Exchange admin center; its column Authentication "
        "Protocol tells.",
        "管理者: Exchange 管理センターの SMTP AUTH クライアント レポートを取り込んでください。"
        "認証プロトコルの列で判断できます。",
    ),
    Text("Administrator: make the plan again.", "管理者: 計画を作り直してください。"),
)


_BEHIND = Text(
    "Its mail leaves through a relay to Exchange Online; whether it goes on is decided by how the relay signs in.",
    "メールは中継サーバー経由で Exchange Online に送信されます。影響の有無は、中継サーバーの認証方式によります。",
)
_RELAY = Text(
    "Administrator: look how the relay signs in. Once the relay sends by OAuth, or through the gateway, all behind it "
    "do.",
    "管理者: 中継サーバーの認証方式を確認してください。中継サーバーを OAuth またはゲートウェイ経由に切り替えれば、"
    "その配下のクライアントもすべて対応済みになります。",
)
_BEHIND_RELAY = "behind-relay"  # the inventory's code for it


def judge(case: Case) -> Judgement:
    if case.client.fate is not Fate.UNCERTAIN:
        return None
    if any(finding.code == _BEHIND_RELAY for finding in case.client.findings):
        return Fits(Way.ASK, _BEHIND, source("learn-multifunction"), (_RELAY, *_STEPS[1:]), Effort.SMALL, Risk.MEDIUM)
    return Fits(Way.ASK, _REASON, source("mc786329-2024-10"), _STEPS, Effort.SMALL, Risk.HIGH)
