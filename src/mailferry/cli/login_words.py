"""What `mailferry login` says, in English and Japanese.

Leaves to others: when (login). Invariant: a refusal that is known is explained with its cure in the same language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailferry.tokens.api import TokenError


@dataclass(frozen=True, slots=True)
class Words:
    language: str
    device: str
    browser: str
    no_browser: str
    waiting: str
    waiting_plain: str
    too_late: str
    again: str
    done: str
    gateway: str
    aside: str
    failed: str
    bad_config: str
    no_tenant: str
    known: str
    no_sign_in: str
    add_sign_in: str


WORDS: Mapping[str, Words] = {
    "en": Words(
        language="en",
        device="Open {address} in a browser on any device, enter this code, and sign in as the account that sends:",
        browser="Open this address in a browser on this machine, and sign in as the account that sends. "
        "On a machine without one, stop this (Ctrl+C) and use --device-code.",
        no_browser="No browser could be opened; open the address yourself.",
        waiting="Waiting for the sign-in, {left} left ...",
        waiting_plain="Waiting for the sign-in ...",
        too_late="Nobody signed in in time; nothing was kept",
        again="run the command again",
        done="{user} is signed in for {tenant}: {permissions}.",
        gateway="The sign-in is kept encrypted. A running gateway takes it up within five minutes.",
        aside="The sign-in from before could not be read with the present key; it was kept as {file}.",
        failed="Not signed in: {cause}",
        bad_config="the configuration has errors",
        no_tenant='there is no tenant "{tenant}"',
        known="there are: {names}",
        no_sign_in='tenant "{tenant}" does not need a sign-in: its identity is proved by {kind}',
        add_sign_in="to let a user sign in instead, put sign_in = {} in its place",
    ),
    "ja": Words(
        language="ja",
        device="任意の端末のブラウザーで {address} を開き、次のコードを入力して、"
        "送信に使うアカウントでサインインしてください。",
        browser="この端末のブラウザーで次の URL を開き、送信に使うアカウントでサインインしてください。"
        "ブラウザーがない場合は Ctrl+C で中断し、--device-code を指定してください。",
        no_browser="ブラウザーを起動できませんでした。URL を手動で開いてください。",
        waiting="サインインを待っています（残り {left}）...",
        waiting_plain="サインインを待っています ...",
        too_late="制限時間内にサインインが行われませんでした。何も保存していません",
        again="コマンドをもう一度実行してください",
        done="{user} が {tenant} にサインインしました: {permissions}",
        gateway="サインイン情報は暗号化して保存しました。稼働中のゲートウェイには 5 分以内に反映されます。",
        aside="以前のサインイン情報は現在の鍵では復号できないため、{file} として残しました。",
        failed="サインインできませんでした: {cause}",
        bad_config="設定に誤りがあります",
        no_tenant='テナント "{tenant}" はありません',
        known="設定済みのテナント: {names}",
        no_sign_in='テナント "{tenant}" にサインインは不要です（{kind} で認証します）',
        add_sign_in="ユーザーのサインインを使う場合は、代わりに sign_in = {} を指定してください",
    ),
}


def cured(error: TokenError, words: Words) -> tuple[str, str]:
    """The cause and the cure of a refusal, where its number is known; else the cause alone."""
    from mailferry.m365.errors import token_error

    fact = token_error(error.code) if error.code else None
    if fact is None:
        return error.cause, ""
    return f"{fact.cause.of(words.language)} ({error.code})", fact.cure.of(words.language)
