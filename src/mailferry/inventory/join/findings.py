"""What there is to know of a client, as codes with a sentence each in English and Japanese.

Leaves to others: how sentences are shown (cli, reports) and the fate itself (fate). Invariant: every finding's sentence
is filled by its own values; a sentence says what is and what settles it, no more than the facts bear.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from mailferry.inventory.join.facts import Evidence
from mailferry.inventory.join.fate import Cause, Judgement
from mailferry.inventory.records import Authentication, Finding, Severity, Switches
from mailferry.m365.facts import Text

_OLD = ("1.0", "1.1")
_QUIET = timedelta(days=14)

_P, _W, _N = Severity.PROBLEM, Severity.WARNING, Severity.NOTE
CODES: dict[str, tuple[Severity, Text]] = {
    "breaks-on-date": (_P, Text(
        "It signs in with a password (Basic authentication). From {date} Exchange Online refuses that.",
        "パスワード (基本認証) でサインインしています。{date} 以降 Exchange Online に拒否されます。")),
    "refused-today": (_P, Text(
        "Its sign-ins are refused already, {count} in a row: {error}",
        "既にサインインが拒否されています (連続 {count} 回): {error}")),
    "switched-off": (_P, Text(
        "SMTP AUTH is switched off for its mailbox ({where}): password and OAuth are refused today.",
        "メールボックスの SMTP AUTH が無効です ({where})。パスワードも OAuth も現在拒否されます。")),
    "policy-blocks": (_P, Text(
        'The authentication policy "{policy}" lets no password through for SMTP: it is refused today.',
        "認証ポリシー「{policy}」が SMTP の基本認証を許可していないため、現在拒否されます。")),
    "protocol-unknown": (_W, Text(
        "No export says whether it uses a password or OAuth. The SMTP AUTH clients report with the column "
        '"Authentication Protocol", or the sign-in logs, would settle it.',
        "パスワードか OAuth かがどのエクスポートにもありません。「認証プロトコル」列のある SMTP AUTH クライアント レポートか"
        "サインインログで判明します。")),
    "behind-relay": (_W, Text(
        "Its mail leaves through a relay to {relay}. How the relay signs in there decides: look at the relay's own mailbox.",
        "メールは {relay} への中継サーバーを経由します。中継サーバー自身のサインイン方法で決まるため、そのメールボックスを確認してください。")),
    "mixed": (_W, Text(
        "Password and OAuth are both seen: a change that is half done, or two programs behind one mailbox.",
        "パスワードと OAuth の両方が使われています。移行途中か、1 つのメールボックスを 2 つのプログラムが共用しています。")),
    "old-tls": (_W, Text(
        "It speaks TLS {versions}. smtp.office365.com takes 1.2 and newer; only the legacy endpoint takes it today.",
        "TLS {versions} で接続しています。smtp.office365.com は 1.2 以上のみで、現在は従来の TLS 用エンドポイントでしか使えません。")),
    "clear-text": (_N, Text(
        "Its connection to the relay or gateway is not encrypted.", "中継サーバーまたはゲートウェイへの接続が暗号化されていません。")),
    "not-yet-through-us": (_W, Text(
        "Microsoft sees it; it has not come through the gateway yet.",
        "Microsoft には見えていますが、まだゲートウェイを経由していません。")),
    "still-both": (_W, Text(
        "It came through the gateway, last on {gateway}, and still signs in to Microsoft with a password, last on {direct}.",
        "ゲートウェイを経由していますが (最終 {gateway})、パスワードによる Microsoft へのサインインも続いています (最終 {direct})。")),
    "moved": (_N, Text(
        "It has come through the gateway since {since}; Microsoft saw its password last on {direct}.",
        "{since} からゲートウェイを経由しています。Microsoft へのパスワードでのサインインは {direct} が最後です。")),
    "unattributed": (_W, Text(
        "Microsoft's report counts {messages} messages of this mailbox ({protocol}) that no other source explains: "
        "no address, no device. A sign-in log or a trace of those days would name it.",
        "Microsoft のレポートではこのメールボックスから {messages} 通 ({protocol}) 送信されていますが、他の情報源に該当がなく、"
        "アドレスも機器も不明です。該当期間のサインインログかメッセージ追跡で判明します。")),
    "shared-mailbox": (_N, Text(
        "{clients} clients send by this mailbox, {messages} messages together; the report does not divide them.",
        "このメールボックスは {clients} 台が共用しており、合計 {messages} 通です。レポートには内訳がありません。")),
    "not-seen-lately": (_N, Text(
        "Last seen on {last}, {days} days before the newest export ends. It may be switched off for good: ask its owner.",
        "最後に確認されたのは {last} で、最新のエクスポートの終わりより {days} 日前です。既に使われていない可能性があるため、担当者に確認してください。")),
    "implied-basic": (_N, Text(
        'The records name the client app only ("Authenticated SMTP"); that it is a password is concluded from that.',
        "記録にはクライアント アプリ名 (Authenticated SMTP) しかなく、パスワードの使用はそこからの推定です。")),
    "no-sign-in": (_N, Text(
        "It does not sign in to Exchange Online; the end of Basic authentication does not touch it.",
        "Exchange Online にサインインしないため、基本認証の廃止の影響を受けません。")),
}  # fmt: skip


def sentence(finding: Finding, language: str = "en") -> str:
    """The finding in words."""
    return CODES[finding.code][1].of(language).format(**finding.values)


@dataclass(frozen=True, slots=True)
class Case:
    """A client as far as it is known, with what surrounds it."""

    evidence: Evidence
    authentication: Authentication
    judgement: Judgement
    switches: Switches
    tls: tuple[str, ...]
    at: date
    kinds: frozenset[str]  # of everything imported
    newest: datetime | None  # the end of the newest export
    refusals: int = 0
    shared: int = 1  # clients of its mailbox
    mailbox_messages: int | None = None
    unattributed: tuple[str, int] | None = None  # protocol and messages, of a client that only the report knows


def findings(case: Case) -> tuple[Finding, ...]:
    """Problems first."""
    found = [*_judged(case), *_spoken(case), *_gateway(case), *_reported(case), *_times(case)]
    order = list(Severity)
    return tuple(sorted(found, key=lambda finding: (order.index(finding.severity), list(CODES).index(finding.code))))


def _finding(code: str, **values: object) -> Finding:
    return Finding(code, CODES[code][0], {name: str(value) for name, value in values.items()})


def _judged(case: Case) -> Iterator[Finding]:
    match case.judgement.cause:
        case Cause.BASIC:
            yield _finding("breaks-on-date", date=case.at.isoformat())
        case Cause.SWITCHED_OFF:
            where = "Set-CASMailbox" if case.switches.mailbox_disabled else "Set-TransportConfig"
            yield _finding("switched-off", where=where)
        case Cause.POLICY:
            yield _finding("policy-blocks", policy=case.switches.policy)
        case Cause.REFUSED:
            error = case.evidence.errors[0] if case.evidence.errors else ""
            yield _finding("refused-today", count=case.refusals, error=error)
        case Cause.BEHIND_RELAY:
            yield _finding("behind-relay", relay=case.evidence.relays[0])
        case Cause.PROTOCOL_UNKNOWN:
            yield _finding("protocol-unknown")
        case Cause.NO_SIGN_IN:
            yield _finding("no-sign-in")
        case _:
            return


def _spoken(case: Case) -> Iterator[Finding]:
    if case.authentication is Authentication.MIXED:
        yield _finding("mixed")
    old = [version for version in case.tls if version in _OLD]
    if old:
        yield _finding("old-tls", versions=", ".join(old))
    if "none" in case.tls:
        yield _finding("clear-text")
    if (
        case.evidence.auths == ("implied",)
        and case.authentication is Authentication.BASIC
        and not case.mailbox_messages
    ):
        yield _finding("implied-basic")


def _gateway(case: Case) -> Iterator[Finding]:
    evidence = case.evidence
    passwords = case.authentication in (Authentication.BASIC, Authentication.MIXED)
    if case.judgement.cause is Cause.MOVED and evidence.first_gateway and evidence.last_basic:
        yield _finding("moved", since=evidence.first_gateway.date(), direct=evidence.last_basic.date())
    elif evidence.last_gateway and evidence.last_basic and passwords:
        yield _finding("still-both", gateway=evidence.last_gateway.date(), direct=evidence.last_basic.date())
    elif (
        "gateway" in case.kinds
        and not evidence.last_gateway
        and passwords
        and (evidence.submits or case.mailbox_messages)
    ):
        yield _finding("not-yet-through-us")


def _reported(case: Case) -> Iterator[Finding]:
    if case.unattributed is not None:
        protocol, messages = case.unattributed
        yield _finding(
            "unattributed", protocol={"oauth": "OAuth", "basic": "Basic"}.get(protocol, "?"), messages=messages
        )
    elif case.shared > 1 and case.mailbox_messages:
        yield _finding("shared-mailbox", clients=case.shared, messages=case.mailbox_messages)


def _times(case: Case) -> Iterator[Finding]:
    last = case.evidence.last
    if last is not None and case.newest is not None and case.newest - last >= _QUIET:
        yield _finding("not-seen-lately", last=last.date(), days=(case.newest - last).days)
