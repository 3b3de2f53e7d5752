"""What people do, in words: the steps that several rules share.

Leaves to others: which of them a client needs (rules) and commands of an administrator (m365.setup).
Invariant: every step says who acts on what; none of them carries a secret.
"""

from __future__ import annotations

from functools import cache

from mailferry.m365.facts import Text
from mailferry.planner.case import Case
from mailferry.planner.judgement import say
from mailferry.planner.limits import SIZE
from mailferry.planner.values import LimitCheck

#: How a step begins: who acts.
_ADMINISTRATOR = "Administrator: "
_OWNER = ("Owner: ", "担当者: ")

#: Where clients reach the gateway (RFC 6409), and those that know no TLS 1.2.
PORT = 587
OLD_PORT = 2587

TEST_MESSAGE = Text(
    "Send a test message and see it arrive.",
    "テスト メッセージを送信し、届くことを確認してください。",
)


def point_at_gateway(case: Case) -> tuple[Text, ...]:
    """What is changed on the client so that the gateway carries its mail."""
    return _pointing(case.gateway, case.old_tls)


@cache
def _pointing(gateway: str, old_tls: str) -> tuple[Text, ...]:
    """The same for all clients of one plan."""
    change = say(
        "In its mail settings: set the mail server to {gateway}, port {port} with STARTTLS. User name, password "
        "and sender stay as they are.",
        "メール設定で、メール サーバーを {gateway}、ポート {port}（STARTTLS）に変更してください。"
        "ユーザー名、パスワード、差出人アドレスはそのままで構いません。",
        gateway=gateway,
        port=OLD_PORT if old_tls else PORT,
    )
    if not old_tls:
        return change, TEST_MESSAGE
    listener = say(
        "Administrator: give it the gateway's listener for old devices; TLS {version} was seen.",
        "管理者: ゲートウェイの旧機器用リスナーを使用させてください。TLS {version} での接続が確認されています。",
        version=old_tls,
    )
    return listener, change, TEST_MESSAGE


def enable_submission(case: Case) -> tuple[Text, ...]:
    """The mailbox's switch governs OAuth as well (measured 2026-09-17, facts 8.5)."""
    if case.client.switches.disabled is not True or not case.client.sender:
        return ()
    return (
        say(
            "Administrator: Set-CASMailbox {mailbox} -SmtpClientAuthenticationDisabled $false; the switch stops OAuth "
            "as well.",
            "管理者: Set-CASMailbox {mailbox} -SmtpClientAuthenticationDisabled $false を実行してください。"
            "この設定が無効のままでは OAuth でも送信できません。",
            mailbox=case.client.sender,
        ),
    )


def raise_size(case: Case, checks: tuple[LimitCheck, ...]) -> tuple[Text, ...]:
    """A message that was larger than a mailbox sends by default."""
    if not case.client.sender or not any(check.limit == SIZE and check.note.en for check in checks):
        return ()
    return (
        say(
            "Administrator: Set-Mailbox {mailbox} -MaxSendSize 150MB; messages over the default of 35 MB were seen.",
            "管理者: Set-Mailbox {mailbox} -MaxSendSize 150MB を実行してください。"
            "既定値の 35 MB を超えるメッセージが確認されています。",
            mailbox=case.client.sender,
        ),
    )


def for_owner(step: Text) -> bool:
    """Whether it is the owner who acts."""
    return not step.en.startswith(_ADMINISTRATOR)


def addressed(step: str) -> str:
    """A step as the owner reads it, who need not be told that it is the owner."""
    text = step
    for prefix in _OWNER:
        text = text.removeprefix(prefix)
    return text[:1].upper() + text[1:]
