"""A refusal in words, told alike by `mailferry explain` and the console.

Leaves to others: the catalogue (m365.errors) and the form (cli, console). Invariant: an unknown reply is called
unknown, and only its class is told.
"""

from __future__ import annotations

import re

from mailferry.m365.errors import ErrorFact, reply_code

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "cause": "Cause",
        "cure": "What to do",
        "who": "Who",
        "reversible": "Can be undone",
        "gateway": "Mailferry",
        "stage": "When",
        "source": "Source",
        "unknown": "This reply is not in the catalogue.",
        "class": "What its class says",
        "lines": "{count} lines",
    },
    "ja": {
        "cause": "原因",
        "cure": "対処方法",
        "who": "対処する人",
        "reversible": "解除の可否",
        "gateway": "Mailferry の動作",
        "stage": "発生する段階",
        "source": "出典",
        "unknown": "この応答は一覧に登録されていません。",
        "class": "応答コードの意味",
        "lines": "{count} 行",
    },
}
#: RFC 5321 section 4.2.1, the first digit; "" where there is no code.
_CLASSES: dict[str, dict[str, str]] = {
    "en": {
        "2": "2xx: done as asked. This is no refusal.",
        "3": "3xx: the server waits for more. This is no refusal.",
        "4": "4xx: a temporary refusal. Mailferry tries the message again by its schedule.",
        "5": "5xx: a permanent refusal. Mailferry returns the message to its sender with a report.",
        "": "There is no SMTP reply code and no AADSTS number in it.",
    },
    "ja": {
        "2": "2xx: 要求どおり処理されました。拒否ではありません。",
        "3": "3xx: サーバーが続きを待っています。拒否ではありません。",
        "4": "4xx: 一時的な拒否です。Mailferry は再送スケジュールに従って再送します。",
        "5": "5xx: 恒久的な拒否です。Mailferry は差出人に配信不能レポートを返します。",
        "": "SMTP の応答コードも AADSTS 番号も含まれていません。",
    },
}
#: RFC 3463 section 3, the second digit of an enhanced status.
_SUBJECTS: dict[str, dict[str, str]] = {
    "en": {
        "1": "x.1.x: it concerns an address.",
        "2": "x.2.x: it concerns a mailbox.",
        "3": "x.3.x: it concerns the mail system.",
        "4": "x.4.x: it concerns network or routing.",
        "5": "x.5.x: it concerns the SMTP protocol.",
        "6": "x.6.x: it concerns content or format.",
        "7": "x.7.x: it concerns security or policy.",
    },
    "ja": {
        "1": "x.1.x: アドレスに関するものです。",
        "2": "x.2.x: メールボックスに関するものです。",
        "3": "x.3.x: メール システムに関するものです。",
        "4": "x.4.x: ネットワークまたは経路に関するものです。",
        "5": "x.5.x: SMTP プロトコルに関するものです。",
        "6": "x.6.x: 内容または形式に関するものです。",
        "7": "x.7.x: セキュリティまたはポリシーに関するものです。",
    },
}
_STATUS = re.compile(r"\b[245]\.(\d{1,3})\.\d{1,3}\b")
_ANY_CODE = re.compile(r"^\s*([23])\d\d\b")


def rows(fact: ErrorFact, language: str) -> list[tuple[str, str]]:
    """Who can do something about it, and what else there is to say after cause and cure: key of WORDS and sentence."""
    found = [
        ("who", fact.who.label(language)),
        ("reversible", fact.reversible.label(language)),
        ("gateway", fact.disposition.label(language)),
        ("stage", fact.stage.label(language)),
        ("source", f"{fact.source.of(language)} [{fact.mark.label(language)}]"),
    ]
    return [(key, sentence(text, language)) for key, text in found]


def sentence(text: str, language: str) -> str:
    """As a line of its own begins."""
    return text[:1].upper() + text[1:] if language == "en" else text


def classes(text: str, language: str) -> list[str]:
    """What the class of an unknown reply says."""
    positive = _ANY_CODE.match(text)
    code = positive[1] if positive else str(reply_code(text) or "")[:1]
    status = _STATUS.search(text)
    subject = _SUBJECTS[language].get(status[1]) if status and code in ("4", "5") else None
    return [_CLASSES[language][code], *([subject] if subject else [])]
