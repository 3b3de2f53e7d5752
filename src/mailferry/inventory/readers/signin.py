"""Entra sign-in logs: portal CSV of every age, re-exported CSV, JSON lists and pages of Graph.

Leaves to others: the columns' meaning (signin.sql). The names are those of Graph's `signIn` and of the portal, whose
header of December 2025 has `Application ID ` with a blank and `Incoming token type` twice.
"""

from __future__ import annotations

from mailferry.inventory.names import fields
from mailferry.inventory.readers.base import Reader, Target
from mailferry.inventory.sample import Shape
from mailferry.m365.facts import Text

READER = Reader(
    kind="signin",
    label=Text("Entra sign-in log", "Entra サインインログ"),
    target=Target.EVENTS,
    shapes=frozenset({Shape.CSV, Shape.JSON, Shape.NDJSON, Shape.LIST}),
    fields=fields(
        happened="dateutc createddatetimeutc createddatetime date 日付utc 日付 作成日時",
        id="requestid id 要求id",
        account="username userprincipalname ユーザー名 ユーザープリンシパル名 signinidentifier",
        client="clientapp clientappused クライアントアプリ",
        address="ipaddress ipアドレス",
        agent="useragent ユーザーエージェント",
        code="signinerrorcode status.errorcode errorcode サインインエラーコード",
        reason="failurereason status.failurereason エラーの理由 失敗の理由",
        status="status 状態",
        protocol="authenticationprotocol 認証プロトコル",
        bearer="incomingtokentype 受信トークンの種類",
        credential="clientcredentialtype",
        principal="serviceprincipalid",
    ),
    known_by=(("happened",), ("client", "principal"), ("address",)),
    dated="happened",
    own=("happened", "id"),
    batched=True,
    numbered="id",
    reasons={
        "not-smtp": Text("sign-in of another kind of client", "SMTP 以外のクライアントのサインイン"),
        "other-clients": Text(
            'client app "Other clients": SMTP is not told apart from other old protocols',
            "クライアント アプリが「その他のクライアント」のため SMTP かどうか不明",
        ),
        "application": Text(
            "sign-in of an application: names no mailbox", "アプリケーションのサインイン (メールボックスの記載なし)"
        ),
        "bad-time": Text("no date and time that can be read", "日時を読み取れない"),
        "no-user": Text("no user name that is an address", "アドレス形式のユーザー名がない"),
    },
)
