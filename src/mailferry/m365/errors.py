"""What Exchange Online and the token endpoint answer when they refuse, and what each refusal means.

Leaves to others: what is done about it (routes.classify, tokens) and how it is shown (cli.explain, console).
Invariant: a refusal is told by its sentence, never by a status such as 5.7.139, which has at least eight meanings;
while authenticating, nothing is ever a fault of the message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any

from mailferry.m365.facts import Mark, Source, Text, load, sources

#: In the order of precedence: what is more specific stands first, in the files too.
_FILES = (
    "errors-auth.toml",
    "errors-graph.toml",
    "errors-hve.toml",
    "errors-acs.toml",
    "errors-sending.toml",
    "errors-inbound.toml",
    "errors-general.toml",
)
_TOKEN_FILE = "errors-token.toml"  # noqa: S105 - a file name

_REPLY_START = re.compile(r"^\s*([245]\d\d)(?:[ -]|$)")
_CONTINUATION = re.compile(r"[\r\n]+\s*(?:[245]\d\d[ -])?")
#: After a failed AUTH the service answers MAIL with 530 5.7.57 and appends what it said to AUTH.
_COMPOSITE = re.compile(r"5\.7\.57\b.*?\bError:\s*([45]\d\d)[ -]+(.+)", re.IGNORECASE)
_AADSTS = re.compile(r"\bAADSTS(\d{4,8})\b")
#: An answer of Microsoft Graph: its HTTP status is no SMTP reply code.
_GRAPH = re.compile(r"\b[45]\d\d (Error[A-Z]|Request|Mailbox[A-Z])|\"code\"\s*:\s*\"")


class Stage(StrEnum):
    """Where in the dialogue a refusal was given."""

    CONNECT = "connect"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"  # the answer to the end of data
    GRAPH = "graph"  # the answer of Microsoft Graph
    REPORT = "report"  # arrives later, as a non-delivery report
    TOKEN = "token"  # noqa: S105 - the token endpoint, before any SMTP
    ANY = "any"

    def label(self, language: str) -> str:
        english, japanese = _STAGES[self]
        return japanese if language == "ja" else english


class Disposition(StrEnum):
    """What a refusal means for mail that waits."""

    LANE_FAULT = "lane-fault"  # our side of the upstream is refused: hold the lane, raise an alarm, never bounce
    THROTTLE = "throttle"  # the lane is too fast or the service busy: back off; no alarm at once
    DEFER = "defer"  # this message alone: try again
    FAIL = "fail"  # this recipient or message, for good
    SENDER_FAULT = "sender-fault"  # this sending mailbox or sender: hold, raise an alarm, never bounce

    def label(self, language: str) -> str:
        english, japanese = _DISPOSITIONS[self]
        return japanese if language == "ja" else english


#: Refusals of outside recipients alone, by what the whole tenant has sent: throttles, and mail to the inside goes on.
OUTSIDE_ONLY = frozenset({"tenant-rate-trial", "tenant-rate", "onmicrosoft-rate"})


class Who(StrEnum):
    """Who can put it right."""

    EXCHANGE = "exchange-administrator"
    ENTRA = "entra-administrator"
    GATEWAY = "gateway-administrator"
    NETWORK = "network-administrator"
    OWNER = "client-owner"
    SENDER = "sender"
    MICROSOFT = "microsoft"

    def label(self, language: str) -> str:
        english, japanese = _WHO[self]
        return japanese if language == "ja" else english


class Reversible(StrEnum):
    """Whether the refusal can be lifted."""

    YES = "yes"
    BY_ITSELF = "by-itself"  # time lifts it
    UNTIL_REMOVAL = "until-removal"  # an administrator may, until Microsoft removes the feature
    NO = "no"  # the same submission will be refused for ever

    def label(self, language: str) -> str:
        english, japanese = _REVERSIBLE[self]
        return japanese if language == "ja" else english


_STAGES: Mapping[Stage, tuple[str, str]] = MappingProxyType(
    {
        Stage.CONNECT: ("when connecting", "接続時"),
        Stage.STARTTLS: ("when TLS begins (STARTTLS)", "TLS の開始時（STARTTLS）"),
        Stage.AUTH: ("when signing in (AUTH)", "認証時（AUTH）"),
        Stage.MAIL: ("when the sender is named (MAIL FROM)", "送信者の指定時（MAIL FROM）"),
        Stage.RCPT: ("when a recipient is named (RCPT TO)", "宛先の指定時（RCPT TO）"),
        Stage.DATA: ("after the whole message was sent (end of DATA)", "メール全体の送信後（DATA の終わり）"),
        Stage.GRAPH: ("when Microsoft Graph is asked to send", "Microsoft Graph への送信要求時"),
        Stage.REPORT: ("later, in a non-delivery report", "送信後に届く配信不能レポート"),
        Stage.TOKEN: ("when a token is asked for, before any SMTP", "トークンの取得時（SMTP の前）"),
        Stage.ANY: ("at any point", "いずれの段階でも"),
    }
)
_DISPOSITIONS: Mapping[Disposition, tuple[str, str]] = MappingProxyType(
    {
        Disposition.LANE_FAULT: (
            "mail is held and an alarm is raised; nothing bounces",
            "メールを保留し、警報を出します。差出人への差し戻しは行いません",
        ),
        Disposition.THROTTLE: ("sending slows down and goes on by itself", "送信間隔を空け、自動的に送信を続けます"),
        Disposition.DEFER: ("this message is tried again later", "このメールだけを後で再送します"),
        Disposition.FAIL: (
            "this message is refused for good; its sender gets a report",
            "このメールは配送できません。差出人に配信不能レポートを送ります",
        ),
        Disposition.SENDER_FAULT: (
            "mail of this sender is held and an alarm is raised; nothing bounces",
            "この送信者のメールを保留し、警報を出します。差出人への差し戻しは行いません",
        ),
    }
)
_WHO: Mapping[Who, tuple[str, str]] = MappingProxyType(
    {
        Who.EXCHANGE: ("Exchange administrator", "Exchange 管理者"),
        Who.ENTRA: ("Microsoft Entra administrator", "Microsoft Entra 管理者"),
        Who.GATEWAY: ("administrator of this gateway", "このゲートウェイの管理者"),
        Who.NETWORK: ("network administrator", "ネットワーク管理者"),
        Who.OWNER: ("owner of the device or program", "機器またはプログラムの管理担当者"),
        Who.SENDER: ("whoever sent the message", "メールの差出人"),
        Who.MICROSOFT: ("Microsoft", "Microsoft"),
    }
)
_REVERSIBLE: Mapping[Reversible, tuple[str, str]] = MappingProxyType(
    {
        Reversible.YES: ("yes", "可能です"),
        Reversible.BY_ITSELF: ("yes, it passes by itself", "可能です（時間の経過により自然に解消します）"),
        Reversible.UNTIL_REMOVAL: (
            "only until Microsoft removes Basic authentication for good",
            "Microsoft が基本認証を完全に削除するまでの間に限り可能です",
        ),
        Reversible.NO: (
            "no, the same message will be refused again",
            "できません。同じ内容で送信しても再び拒否されます",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class ErrorFact:
    """One refusal: how it is told, what it means, who can do what about it.

    `codes` are SMTP reply codes it was seen with, or AADSTS numbers where `stage` is TOKEN.
    `commands` are PowerShell lines that belong to the cure, with <placeholders>.
    """

    id: str
    pattern: re.Pattern[str]
    codes: tuple[int, ...]
    example: str
    stage: Stage
    disposition: Disposition
    cause: Text
    cure: Text
    commands: tuple[str, ...]
    who: Who
    reversible: Reversible
    source: Source
    mark: Mark

    def fits(self, code: int, sentence: str, stage: str | None) -> bool:
        """Whether this fact explains a refusal. A 4xx never becomes permanent (RFC 5321 section 4.2.1), and what is
        refused while authenticating never is the message's fault."""
        if self.disposition is Disposition.FAIL and code // 100 != 5:
            return False
        blames_lane = self.disposition in (Disposition.LANE_FAULT, Disposition.THROTTLE)
        if stage == Stage.AUTH and not blames_lane:
            return False
        return self.pattern.search(sentence) is not None


def _fact(entry: Mapping[str, Any]) -> ErrorFact:
    return ErrorFact(
        id=entry["id"],
        pattern=re.compile(entry["pattern"], re.IGNORECASE),
        codes=tuple(entry.get("codes", ())),
        example=entry["example"],
        stage=Stage(entry["stage"]),
        disposition=Disposition(entry["disposition"]),
        cause=Text(entry["cause_en"], entry["cause_ja"]),
        cure=Text(entry["cure_en"], entry["cure_ja"]),
        commands=tuple(entry.get("commands", ())),
        who=Who(entry["who"]),
        reversible=Reversible(entry["reversible"]),
        source=sources()[entry["source"]],
        mark=Mark(entry["mark"]),
    )


@cache
def smtp_errors() -> tuple[ErrorFact, ...]:
    """Every known refusal of the SMTP surfaces, most specific first, without the two general ones of AUTH."""
    return tuple(_fact(entry) for name in _FILES for entry in load(name)["error"])


@cache
def token_errors() -> tuple[ErrorFact, ...]:
    """Every known refusal of the token endpoint."""
    return tuple(_fact(entry) for entry in load(_TOKEN_FILE)["error"])


@cache
def _general_auth() -> tuple[ErrorFact, ErrorFact]:
    """What an AUTH refusal means when its sentence is unknown: permanent, temporary."""
    permanent, temporary = (_fact(entry) for entry in load("errors-auth.toml")["general"])
    return permanent, temporary


@cache
def _tokens_by_code() -> Mapping[int, ErrorFact]:
    return MappingProxyType({code: fact for fact in token_errors() for code in fact.codes})


def match(code: int, text: str, stage: str | None = None) -> ErrorFact | None:
    """The fact that explains the reply `code` `text`, or None where only the reply's class is known.

    `text` holds the enhanced status where there is one (str(Reply) does); a leading reply code is allowed. `stage`
    is where the reply came, as a Stage value. At stage "auth" a refusal always has an answer.
    """
    if code // 100 not in (4, 5):
        return None
    sentence = _one_line(text)
    composite = _COMPOSITE.search(sentence)
    if composite:
        return match(int(composite[1]), composite[2], Stage.AUTH)
    for fact in smtp_errors():
        if fact.fits(code, sentence, stage):
            return fact
    if stage == Stage.AUTH or code == 535:  # RFC 4954 section 6: 535 is given to AUTH alone
        return _general_auth()[0 if code // 100 == 5 else 1]
    return None


def token_error(text: str) -> ErrorFact | None:
    """The fact for the first AADSTS code that `text` names, or None."""
    found = _AADSTS.search(text)
    return _tokens_by_code().get(int(found[1])) if found else None


def explain(text: str) -> list[ErrorFact]:
    """All that is known about what somebody pasted: a reply, a log line, a non-delivery report. Best first."""
    found: list[ErrorFact] = []
    for number in dict.fromkeys(_AADSTS.findall(text)):
        fact = _tokens_by_code().get(int(number))
        if fact:
            found.append(fact)
    code = 550 if _GRAPH.search(text) else reply_code(text)
    fact = match(code or 550, text) if not found else None
    if fact:
        found.append(fact)
    sentence = _one_line(text)
    inner = _COMPOSITE.search(sentence)
    if inner:
        found += [other for other in smtp_errors() if other.id == "not-authenticated"]
    return list(dict.fromkeys(found))


def reply_code(text: str) -> int | None:
    """The SMTP reply code that `text` begins with, or else names beside an enhanced status; None if there is none."""
    start = _REPLY_START.match(text)
    if start:
        return int(start[1])
    inside = re.search(r"\b([45]\d\d)[ -]+[45]\.\d{1,3}\.\d{1,3}\b", text)
    if inside:
        return int(inside[1])
    status = re.search(r"\b([45])\.\d{1,3}\.\d{1,3}\b", text)
    return int(status[1]) * 100 + 50 if status else None


def _one_line(text: str) -> str:
    """`text` with the line breaks and codes of a multi-line reply taken out, so that a sentence is found whole."""
    return " ".join(_CONTINUATION.sub(" ", text.strip()).split())
