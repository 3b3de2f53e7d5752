"""The words about outside recipients of a tenant: alarms with their keys and cures, and the reply of who is held back.

Leaves to others: when they are said (external, outward). Invariant: every figure is one that was counted here.
"""

from __future__ import annotations

from mailferry.clock import utc
from mailferry.delivery.quota import Forecast
from mailferry.m365.facts import Text

NEAR_CURE = Text(
    "Send bulk mail by another route (Azure Communication Services, High Volume Email for internal mail), spread it "
    "over days, or add licences; EAC, Reports, Mail flow, Tenant Outbound External Recipients has Microsoft's count.",
    "大量送信を別の経路（Azure Communication Services、内部宛てなら High Volume Email）に移すか、日を分けるか、"
    "ライセンスを追加してください。Microsoft 側の集計は EAC の［レポート］＞［メール フロー］で確認できます。",
)
CLOSED_CURE = Text(
    "Nothing has to be done: one message tries from time to time, and the others follow once it is taken. EAC, "
    "Reports, Mail flow, Tenant Outbound External Recipients shows who uses it; take another route for bulk mail.",
    "対処は不要です。定期的に 1 通で再開を確認し、受け付けられれば残りを送信します。上限の利用状況は EAC の"
    "［レポート］＞［メール フロー］で確認できます。大量送信には別の経路をご検討ください。",
)


def near_key(tenant: str) -> str:
    return f"queue:external recipients of {tenant}"


def closed_key(tenant: str) -> str:
    return f"queue:external recipients refused to {tenant}"


def near_text(each: Forecast) -> Text:
    when = f"; at the pace of the last hour it is met at {utc(each.full):%Y-%m-%d %H:%M} UTC" if each.full else ""
    then = f"。直近 1 時間のペースでは {utc(each.full):%Y-%m-%d %H:%M} UTC に上限に達します" if each.full else ""
    slow = ". What is left is spread over the next hours" if each.paced else ""
    slowly = "。残りは数時間に分けて送信します" if each.paced else ""
    return Text(
        f"Tenant {each.tenant}: {each.used:,} outside recipients in 24 hours of {each.limit:,} that it may have{when}"
        f"{slow}.",
        f"テナント {each.tenant}: 24 時間の外部宛て受信者は上限 {each.limit:,} 件のうち {each.used:,} 件です"
        f"{then}{slowly}。",
    )


def closed_text(tenant: str, since: float) -> Text:
    return Text(
        f"Tenant {tenant}: Exchange Online takes no more outside recipients for now (tenant external recipient rate "
        f"limit). Mail to them is held back since {utc(since):%Y-%m-%d %H:%M} UTC; mail to the inside goes on.",
        f"テナント {tenant}: Exchange Online が外部宛ての送信を受け付けていません（テナントの外部受信者レート制限）。"
        f"{utc(since):%Y-%m-%d %H:%M} UTC から外部宛てを保留しています。内部宛ての送信は続けています。",
    )


def held_text(each: Forecast, *, closed: bool) -> str:
    """The reply of a recipient that is held back; it is not the service's."""
    if closed:
        return f"Exchange Online refuses outside recipients of tenant {each.tenant} for now; held back by this gateway"
    used = f" ({each.used:,} of {each.limit:,} in 24 hours)" if each.limit else ""
    return f"Tenant {each.tenant} is near what it may send outside{used}; held back by this gateway"
