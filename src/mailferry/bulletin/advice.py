"""What announcements ask of administrators, warn of and offer instead, in sentences of our own in each language.

Leaves to others: finding such sentences on a page (extract). Invariant: a clause is said in our words only where a
rule knows it; any other is quoted in its own language, never translated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mailferry.bulletin.catalogue import N_, Catalogue
from mailferry.bulletin.facts import Mention
from mailferry.bulletin.notice import plain


@dataclass(frozen=True, slots=True)
class _Rule:
    """All of `signs` in a clause, and not `unless`: `message` says it; "" where it is said elsewhere."""

    message: str
    signs: tuple[re.Pattern[str], ...]
    unless: re.Pattern[str] | None

    def fits(self, clause: str) -> bool:
        if self.unless is not None and self.unless.search(clause):
            return False
        return all(sign.search(clause) for sign in self.signs)


def _rule(message: str, *signs: str, unless: str = "") -> _Rule:
    patterns = tuple(re.compile(sign, re.IGNORECASE) for sign in signs)
    return _Rule(message, patterns, re.compile(unless, re.IGNORECASE) if unless else None)


_BASIC = r"basic auth|基本認証|ベーシック認証|レガシ"
_OAUTH = r"oauth|modern auth|先進認証|モダン認証|最新の認証"

#: In the order in which an administrator takes the steps; a clause may ask for several.
_ACTIONS = (
    _rule(
        N_("Find out who still sends with Basic authentication: the SMTP AUTH clients submission report shows it."),
        r"report|レポート",
        r"smtp auth|submission|basic auth|usage|送信|基本認証|利用状況",
    ),
    _rule(
        N_("List the devices, applications and scripts that send mail by SMTP AUTH."),
        r"identif|inventor|\blist\b|audit|review|find (?:out|all|any)|check|assess|洗い出|特定|把握|棚卸|確認",
        r"device|application|app\b|client|script|printer|scanner|workload|usage|use|sender|"
        r"機器|デバイス|アプリ|複合機|プリンタ|スクリプト|利用|使用|クライアント",
    ),
    _rule(
        N_("Do not enable Basic authentication for new applications and devices."),
        r"\b(?:do not|don't|avoid|stop)\b|避け|しない|控え",
        _BASIC,
        r"\bnew\b|新し|新規",
    ),
    _rule(
        N_("Ask the vendors of devices and applications whether and from when they support OAuth."),
        r"vendor|manufacturer|supplier|developer|ベンダ|メーカ|製造元|開発元|販売元",
    ),
    _rule(
        N_("Change clients that can do it to modern authentication (OAuth)."),
        r"migrat|mov(?:e|ing)|switch|transition|chang|updat|adopt|convert|us(?:e|ing)|upgrad|configur|implement|"
        r"移行|変更|切り替|切替|対応|更新|使用|利用",
        _OAUTH,
        unless=r"(?:not|n't|cannot|without)\s+(?:yet\s+)?(?:be able to\s+)?(?:support|do|us)|対応していな|対応でき|"
        r"非対応|未対応",
    ),
    _rule(
        N_("Choose another way for clients that cannot do OAuth."),
        r"alternativ|high volume email|\bhve\b|azure communication|\bacs\b|hybrid|on-premises|代替|別の(?:方法|手段)|"
        r"オンプレミス|ハイブリッド",
    ),
    _rule(
        "", r"re-?enabl|\benabl\w+[^.]*\bagain\b|back on|再(?:び|度)?有効|有効に(?:戻|でき)"
    ),  # said with the schedule
    _rule(
        N_("Test the new way of sending before the date."),
        r"\btest|\bpilot|\bvalidat|テスト|検証|試験",
    ),
    _rule(
        N_("Tell the users and the help desk what will change."),
        r"\bnotify|\binform|communicat(?:e|ing) (?:the|this|with)|周知|連絡|通知して",
    ),
    _rule(
        N_("Make a plan that ends before the date."),
        r"\bplan|\bprepar|\bstart|計画|準備",
    ),
)
_RISKS = (
    _rule("", r"\b[45]\d\d[ -][45]\.\d+\.\d+"),  # said where the error texts are
    _rule(
        N_("Devices and applications that cannot do OAuth stop sending, often without anybody noticing."),
        r"fail|stop|break|broken|no longer|unable|disrupt|interrupt|cannot send|can't send|"
        r"失敗|停止|止ま|できなく|エラー|拒否|影響",
        r"send|mail|smtp|device|app|submission|clients?|送信|メール|機器|デバイス|アプリ|複合機",
    ),
    _rule(
        N_("Basic authentication puts passwords at risk: they are easily stolen and tried elsewhere."),
        r"password|credential|accounts?\b|パスワード|資格情報|認証情報|基本認証",
        r"brute|phish|spray|attack|compromis|secur|steal|stolen|theft|expos|leak|intercept|captur|guess|攻撃|漏|盗|窃取|"
        r"悪用|流出|総当たり|セキュリティ|安全|危険|リスク",
    ),
)
_ALTERNATIVES = {
    "oauth": N_("Modern authentication (OAuth 2.0) in the device or program itself"),
    "hve": N_("High Volume Email (HVE) of Microsoft 365, for recipients within the organisation"),
    "acs": N_("Azure Communication Services Email, also for recipients outside"),
    "graph": N_("Microsoft Graph, for programs that can be changed"),
    "hybrid": N_("An Exchange Server of your own (hybrid) as relay"),
    "connector": N_("SMTP relay through a connector, without a password"),
    "direct-send": N_("Direct send to the organisation's own recipients"),
    "gateway": N_("A gateway that takes the mail and passes it on by OAuth"),
    "third-party": N_("The mail service of another provider"),
}


@dataclass(frozen=True, slots=True)
class Advice:
    """`known` in our own sentences, `quoted` in those of the page."""

    known: tuple[str, ...]
    quoted: tuple[str, ...]


def actions(mentions: Iterable[Mention], _: Catalogue) -> Advice:
    """What administrators are asked to do."""
    return _advice(mentions, _ACTIONS, _)


def risks(mentions: Iterable[Mention], _: Catalogue) -> Advice:
    """What goes wrong otherwise."""
    return _advice(mentions, _RISKS, _)


def alternatives(mentions: Iterable[Mention], _: Catalogue) -> tuple[str, ...]:
    """The other ways that are named; one that has no sentence here by its name."""
    found = dict.fromkeys(mention.value for mention in mentions)
    return tuple(_(_ALTERNATIVES[value]) if value in _ALTERNATIVES else plain(value) for value in found)


def _advice(mentions: Iterable[Mention], rules: tuple[_Rule, ...], _: Catalogue) -> Advice:
    known: dict[int, str] = {}
    quoted: dict[str, None] = {}
    for mention in mentions:
        fitting = [number for number, rule in enumerate(rules) if rule.fits(mention.value)]
        known |= {number: _(rules[number].message) for number in fitting if rules[number].message}
        if not fitting:
            quoted[mention.sentence] = None
    return Advice(tuple(known[number] for number in sorted(known)), tuple(quoted))
