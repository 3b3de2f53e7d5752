"""Alarms of enrolment in words.

Leaves to others: when they are raised (enrolment). Invariant: each says what to do, in both languages.
"""

from __future__ import annotations

from mailferry.alarms.api import Alarm, Code, Severity
from mailferry.m365.facts import Text


def homeless(window: str, accounts: int) -> Alarm:
    """Accounts that enrolled by a window which is no longer configured."""
    text = Text(
        f"Window {window} is not in the configuration: {accounts} enrolled accounts cannot log in.",
        f"登録期間 {window} が設定ファイルにないため、登録済みの {accounts} アカウントがログインできません。",
    )
    cure = Text(
        f'Bring [[enrolment]] name = "{window}" back: it may have closed, but its networks and limits hold for these '
        "accounts. Or `mailferry account revoke` them.",
        f'[[enrolment]] name = "{window}" を設定に戻してください（期間終了後も、ネットワークと制限の設定に必要です）。'
        "不要なアカウントは `mailferry account revoke` で無効にします。",
    )
    return Alarm(Code.ENROLMENT, f"window {window}", Severity.ERROR, text, cure)
