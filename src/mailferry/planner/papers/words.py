"""The words of the papers, in English and Japanese.

Leaves to others: sentences of the plan itself, which come in both languages. Invariant: whatever has a word in one
language has one in the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailferry.inventory.join.findings import CODES, sentence
from mailferry.inventory.records import Client
from mailferry.m365.facts import Text
from mailferry.planner.values import Effort, Risk, Way

WAYS: Mapping[Way, Text] = MappingProxyType(
    {
        Way.OWN_OAUTH: Text("OAuth on the client", "クライアントで OAuth"),
        Way.OWN_GRAPH: Text("Graph on the client", "クライアントで Graph"),
        Way.GATEWAY_SMTP: Text("Gateway, SMTP with OAuth", "ゲートウェイ（SMTP + OAuth）"),
        Way.GATEWAY_GRAPH: Text("Gateway, Graph", "ゲートウェイ（Graph）"),
        Way.GATEWAY_HVE: Text("Gateway, High Volume Email", "ゲートウェイ（High Volume Email）"),
        Way.GATEWAY_ACS: Text("Gateway, Azure Communication Services", "ゲートウェイ（Azure Communication Services）"),
        Way.GATEWAY_ONPREM: Text("Gateway, Exchange on premises", "ゲートウェイ（オンプレミス Exchange）"),
        Way.CONNECTOR: Text("Inbound connector", "受信コネクタ"),
        Way.DIRECT_SEND: Text("Direct Send", "Direct Send"),
        Way.NOTHING: Text("Nothing to do", "対応不要"),
        Way.RETIRE: Text("Ask, then switch off", "確認のうえ停止"),
        Way.ASK: Text("Find out first", "要調査"),
    }
)
EFFORTS: Mapping[Effort, Text] = MappingProxyType(
    {
        Effort.SMALL: Text("small", "小"),
        Effort.MEDIUM: Text("medium", "中"),
        Effort.LARGE: Text("large", "大"),
    }
)
RISKS: Mapping[Risk, Text] = MappingProxyType(
    {Risk.LOW: Text("low", "低"), Risk.MEDIUM: Text("medium", "中"), Risk.HIGH: Text("high", "高")}
)

#: The keys of evidence lines.
_EVIDENCE = MappingProxyType(
    {
        "authentication": "認証",
        "product": "製品",
        "messages": "メッセージ数",
        "external recipients": "外部受信者数",
        "TLS": "TLS",
        "last seen": "最終確認日",
        "refusal": "拒否応答",
        "clients of the mailbox": "同じメールボックスのクライアント数",
        "sources": "情報源",
    }
)

_WORDS = MappingProxyType(
    {
        "title": ("Leaving Basic authentication: the plan", "基本認証からの移行計画"),
        "made": ("Made on", "作成日"),
        "cutoff": ("Basic authentication is disabled from", "基本認証が無効になる日"),
        "deadline": ("Last day for changes", "変更期限"),
        "days_left": ("Days left", "残り日数"),
        "clients": ("Clients", "クライアント"),
        "count": ("Number", "件数"),
        "to_change": ("To be changed", "要対応"),
        "fine": ("Nothing to do", "対応不要"),
        "moved": ("Moved", "移行済み"),
        "late": ("Dated after the deadline", "期限超過"),
        "overview": ("Overview", "概要"),
        "warnings": ("Warnings", "注意事項"),
        "no_warnings": ("Everything fits before the deadline.", "すべて期限内に完了する見込みです。"),
        "charts": ("In pictures", "グラフ"),
        "by_way": ("How the clients will send", "移行後の送信方法"),
        "burndown": ("Clients still to be changed, day by day", "未対応のクライアント数の推移"),
        "plan_line": ("plan", "計画"),
        "actual_line": ("actual", "実績"),
        "day": ("Day", "日付"),
        "open": ("Still to be changed", "未対応"),
        "rehearsed": ("Rehearsed against the tenant in a box", "テナントを想定した予行演習の結果"),
        "rehearsed_caption": (
            "Each client was played as it sends now and as planned, on {made}.",
            "{made} に、各クライアントを現在の方法と計画の方法で再現しました。",
        ),
        "broken": ("Break as they are", "現状では送信不能"),
        "delivering": ("Deliver as planned", "計画どおり配信"),
        "failing": ("Fail all the same", "計画でも失敗"),
        "accounted": ("Mail accounted for", "メールの照合"),
        "holds": ("yes", "一致"),
        "lost": ("no", "不一致"),
        "failures": ("What failed", "失敗したもの"),
        "reply": ("Reply", "応答"),
        "waves": ("Waves", "実施ウェーブ"),
        "wave": ("Wave", "ウェーブ"),
        "first": ("First day", "開始日"),
        "last": ("Last day", "終了日"),
        "why": ("What is in it", "対象"),
        "plan": ("The plan, client by client", "クライアントごとの計画"),
        "client": ("Client", "クライアント"),
        "product": ("Product", "製品"),
        "way": ("Way", "送信方法"),
        "owner": ("Owner", "担当者"),
        "site": ("Site", "拠点"),
        "effort": ("Effort", "作業量"),
        "risk": ("Risk", "リスク"),
        "reason": ("Reason", "理由"),
        "steps": ("What to do", "作業内容"),
        "evidence": ("Evidence", "根拠"),
        "refused": ("Ways not taken", "選択しなかった方法"),
        "source": ("Source", "出典"),
        "details": ("Details of each client", "クライアントごとの詳細"),
        "findings": ("Findings", "確認事項"),
        "limits": ("Published limits against what was observed", "公表されている制限と実測値"),
        "limit": ("Limit", "制限"),
        "published": ("Published", "公表値"),
        "observed": ("Observed peak", "実測ピーク"),
        "kept": ("Kept", "判定"),
        "yes": ("yes", "範囲内"),
        "no": ("no", "超過"),
        "unknown": ("not observed", "実測なし"),
        "note": ("Note", "備考"),
        "tenant": ("whole tenant", "テナント全体"),
        "nobody": ("nobody yet", "未設定"),
        "only_first": (
            "The first {shown} of {all}; the spreadsheet and the CSV file have them all.",
            "{all} 件中、最初の {shown} 件を表示しています。全件はスプレッドシートと CSV ファイルを参照してください。",
        ),
        "plan_caption": (
            "One row for each client, in the order of the days. Effort: small is a setting, medium a visit or an "
            "update, large code or a new device.",
            "クライアントごとに 1 行、日付順です。作業量は、小が設定変更、中が現地作業または更新、"
            "大が開発または機器更新です。",
        ),
        "waves_caption": (
            "The first wave is the pilot, each later one a week.",
            "最初のウェーブは試行、以降は 1 週間単位です。",
        ),
        "weeks_caption": ("Each wave is a week.", "各ウェーブは 1 週間単位です。"),
        "limits_caption": (
            "Limits that a mailbox came near to (four fifths or more), the tightest first.",
            "上限の 8 割以上に達した制限を、余裕の少ない順に示します。",
        ),
        "skip": ("Go to the plan", "計画の表へ移動"),
        "none": ("none", "なし"),
        "id": ("Id", "ID"),
        "addresses": ("Addresses", "IP アドレス"),
        "messages": ("Messages", "メッセージ数"),
        "last_seen": ("Last seen", "最終確認日"),
        "rule": ("Rule", "判定ルール"),
    }
)


class Words:
    """The words of one language: `words["title"]`, `words.way(item.way)`."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._at = 1 if language == "ja" else 0

    def __getitem__(self, key: str) -> str:
        return _WORDS[key][self._at]

    def text(self, text: Text) -> str:
        return text.of(self.language)

    def way(self, way: Way) -> str:
        return WAYS[way].of(self.language)

    def effort(self, effort: Effort) -> str:
        return EFFORTS[effort].of(self.language)

    def risk(self, risk: Risk) -> str:
        return RISKS[risk].of(self.language)

    def findings(self, client: Client) -> list[str]:
        """What the inventory found, in sentences."""
        return [sentence(finding, self.language) for finding in client.findings if finding.code in CODES]

    def evidence(self, line: str) -> str:
        """An evidence line with its key in this language."""
        key, colon, value = line.partition(": ")
        return f"{_EVIDENCE[key]}: {value}" if self._at and colon and key in _EVIDENCE else line


def label(client: Client) -> str:
    """What people call the client by: its mailbox, else a name or an address."""
    return next((text for text in (client.sender, *client.names, *client.addresses) if text), client.id)
