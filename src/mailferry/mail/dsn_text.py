"""The sentences of a delivery status notification, in English, or in Japanese with the English below.

Leaves to others: the report's structure (mail.dsn). Invariant: every text names the message, the client that sent it
and each recipient with the reply word for word, so that whoever gets it can act without asking.
"""

from __future__ import annotations

from collections.abc import Iterator

from mailferry.mail.dsn import Action, Language, Report
from mailferry.mail.headers import format_date
from mailferry.mail.message import format_id

_SUBJECT = {
    Action.FAILED: ("Undelivered mail", "メールを配信できませんでした"),
    Action.DELAYED: ("Delayed mail (still being tried)", "メールの配信が遅れています（再送を続けます）"),
    Action.RELAYED: ("Mail was passed on", "メールを次のサーバーへ引き渡しました"),
}
_OPENING = {
    Action.FAILED: (
        "The message below could not be delivered to the recipients named here.\nIt will not be tried again.",
        "下記のメールは、次の宛先に配信できませんでした。\n再送は行いません。",
    ),
    Action.DELAYED: (
        "The message below has not been delivered to the recipients named here yet.\n"
        "It is still being tried; nothing needs to be done, and it need not be sent again.",
        "下記のメールは、次の宛先にまだ配信できていません。\n"
        "再送を続けていますので、操作は不要です。送り直す必要もありません。",
    ),
    Action.RELAYED: (
        "The message below was passed on to the next mail server for the recipients named here.\n"
        "That server does not report deliveries, so this is the last you hear of it unless it fails.",
        "下記のメールを、次の宛先について次のメールサーバーへ引き渡しました。\n"
        "そのサーバーは配信の通知を行わないため、失敗した場合を除き、これが最後のお知らせです。",
    ),
}
_EXPIRED = (
    "It was tried until the time allowed was over; the last answer was:",
    "定められた期間再送を続けましたが、配信できませんでした。最後の応答:",
)
_ANSWER = ("The answer was:", "応答:")
_LABELS = (("Queue id", "管理番号"), ("Received", "受付日時"), ("Client", "送信元機器"), ("Sender", "差出人"))
_SUBJECT_LABEL = ("Subject", "件名")
_SIGNATURE = ("This is the mail gateway {host}.", "メールゲートウェイ {host} からの自動通知です。")


def subject(report: Report) -> str:
    """The Subject, with the original's where it is known and short."""
    english, japanese = _SUBJECT[report.action]
    title = japanese if report.language is Language.JAPANESE else english
    original = report.original.subject
    return f"{title}: {_plain(original[:100])}" if original else title


def text(report: Report) -> str:
    """The first part, lines ended by LF."""
    if report.language is Language.JAPANESE:
        return "\n".join([*_lines(report, 1), "", "-" * 60, "", *_lines(report, 0), ""])
    return "\n".join([*_lines(report, 0), ""])


def _lines(report: Report, language: int) -> Iterator[str]:
    yield _SIGNATURE[language].format(host=report.hostname)
    yield ""
    yield _OPENING[report.action][language]
    yield ""
    for recipient in report.recipients:
        yield f"<{_plain(recipient.address)}>"
        yield f"    {(_EXPIRED if recipient.expired else _ANSWER)[language]}"
        yield from (f"    {line}" for line in _wrapped(recipient.diagnostic[:2000]))
        yield ""
    original = report.original
    origin = f"{original.origin.client} [{original.origin.address}]"
    values = (format_id(original.id), format_date(original.received_at), origin, original.envelope.reverse_path)
    for label, value in zip(_LABELS, values, strict=True):
        yield f"{label[language]}: {_plain(value)}"
    if original.subject:
        yield f"{_SUBJECT_LABEL[language]}: {_plain(original.subject)}"


def _wrapped(value: str, width: int = 72) -> Iterator[str]:
    """Lines of about `width` characters; a longer word is cut, since a text line has an end (RFC 5322: 998 octets)."""
    line = ""
    for word in _plain(value).split():
        pieces = [word[start : start + width] for start in range(0, len(word), width)]
        for piece in pieces:
            if line and len(line) + 1 + len(piece) > width:
                yield line
                line = piece
            else:
                line = f"{line} {piece}" if line else piece
    yield line


def _plain(value: str) -> str:
    return "".join(char if char.isprintable() else " " for char in value)
