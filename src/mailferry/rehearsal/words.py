"""What a rehearsal says in whole sentences, in English and Japanese: what was assumed, and why a client was not played.

Leaves to others: which of them apply (voice, casting, tenant). Invariant: nothing is assumed without one of these.
"""

from __future__ import annotations

from mailferry.m365.facts import Text

# What was assumed of a client.
EHLO = Text(
    "The name it gives itself in EHLO was not seen; an address stands in its place.",
    "EHLO で名乗る名前が確認されていないため、IP アドレスを使用しました。",
)
TLS = Text(
    "The TLS version was not seen; what the service prefers was spoken.",
    "TLS のバージョンが確認されていないため、サービス側の推奨バージョンで接続しました。",
)
OLDEST_TLS = Text(
    "Several TLS versions were seen; the oldest was spoken.",
    "複数の TLS バージョンが確認されているため、最も古いバージョンで接続しました。",
)
SIZE = Text(
    "The size of its messages was not seen; 4 KB were sent.",
    "メッセージのサイズが確認されていないため、4 KB で送信しました。",
)
RECIPIENTS = Text(
    "Its recipients were not seen; one in the organisation was written to.",
    "受信者が確認されていないため、組織内の 1 名に送信しました。",
)
INSIDE = Text(
    "Its address inside the network was not seen; one was made up.",
    "社内ネットワークでの IP アドレスが確認されていないため、仮のアドレスを使用しました。",
)
TOKEN = Text(
    "How it gets its token was not seen; a user who signed in once was assumed.",
    "トークンの取得方法が確認されていないため、サインイン済みのユーザーと仮定しました。",
)
PASSWORD_PART = Text(
    "It was seen with passwords and with OAuth; today's way is the one with the password.",
    "パスワードと OAuth の両方が確認されています。現在の方法としてはパスワードで接続しました。",
)
REFUSAL = Text(
    "The sandbox has no such refusal as it gets today; it was played with a wrong password.",
    "現在の拒否応答をサンドボックスで再現できないため、誤ったパスワードで代用しました。",
)

# What was assumed of the tenant.
LEGACY_TLS = Text(
    "TLS 1.0 or 1.1 was seen, so the tenant is taken to allow it (AllowLegacyTLSClients).",
    "TLS 1.0 または 1.1 が確認されているため、テナントで許可されている（AllowLegacyTLSClients）とみなしました。",
)
SWITCH = Text(
    "The tenant's SMTP AUTH switch was not exported; it is taken to be on.",
    "テナントの SMTP AUTH 設定がエクスポートに含まれていないため、有効とみなしました。",
)
EXTERNAL_LIMIT = Text(
    "The limit of external recipients of the whole tenant in a day is not rehearsed: one message of each client is.",
    "テナント全体の 1 日あたりの外部受信者数の制限は対象外です（各クライアントの 1 通を送信します）。",
)

BRIEF = Text(
    "Large messages, and those to many, are played only so large and to so many that every published limit judges them "
    "as it would the seen ones.",
    "大きなメッセージや宛先の多いメッセージは、公表されている各制限の判定が変わらない範囲で、サイズと宛先数を減らして送信しました。",
)

# Why a client was not played.
NO_SENDER = Text(
    "No export tells by which address it sends.",
    "送信元アドレスがエクスポートに含まれていません。",
)
RELAY = Text(
    "Its mail goes to a mail server of yours; how that sends on is not known here.",
    "自組織のメール サーバー経由で送信しており、その先の送信方法が不明です。",
)
MOVED = Text(
    "It comes through this gateway already; `mailferry queue` shows its mail.",
    "すでにこのゲートウェイを経由しています。メールは `mailferry queue` で確認できます。",
)
UNKNOWN_SIGN_IN = Text(
    "No export tells how it signs in.",
    "サインインの方法がエクスポートに含まれていません。",
)
NO_OLD_TLS = Text(
    "This machine's OpenSSL cannot speak TLS below 1.2.",
    "このコンピューターの OpenSSL は TLS 1.2 未満に対応していません。",
)
