"""The words of delivery's alarms: causes and cures, in English and Japanese.

Leaves to others: when they are said (breaker, monitor, recorder, worker), what is published about an answer
(m365.errors). Invariant: every kind of fault that a route can name has its words.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailferry.m365.facts import Text
from mailferry.routes.faults import Fault

#: Kinds of trouble beside those a route names.
LOST = "lost"  # handed over whole, and the answer never came
BUG = "bug"  # the transport raised, which it must not
NO_ROUTE = "no such route"

#: Cause and cure per kind, where nothing better is known about the answer.
FAULTS: Mapping[str, tuple[Text, Text]] = MappingProxyType(
    {
        Fault.CONNECTION: (
            Text(
                "The next server cannot be reached, or hangs up.",
                "次のサーバーに接続できないか、接続が切断されます。",
            ),
            Text(
                "Check name resolution, firewall and proxy between this gateway and the host of the route.",
                "このゲートウェイと経路の宛先ホストとの間の名前解決、ファイアウォール、プロキシを確認してください。",
            ),
        ),
        Fault.TLS: (
            Text(
                "No encrypted connection could be made to the next server.",
                "次のサーバーとの間に暗号化した接続を確立できません。",
            ),
            Text(
                "Check the certificate and ca_file of the route, and that nothing between inspects TLS.",
                "経路の証明書と ca_file を確認し、途中に TLS を検査する装置がないことを確かめてください。",
            ),
        ),
        Fault.LOGIN: (
            Text("The next server refuses our login.", "次のサーバーがログインを拒否しています。"),
            Text(
                "Check the credential of the route and that the mailbox may submit mail.",
                "経路の資格情報と、そのメールボックスに送信が許可されているかを確認してください。",
            ),
        ),
        Fault.TOKEN: (
            Text("No access token could be had.", "アクセストークンを取得できません。"),
            Text(
                "Check that the application's secret or certificate is valid and that its consent stands.",
                "アプリケーションのシークレットまたは証明書が有効で、同意が取り消されていないかを確認してください。",
            ),
        ),
        Fault.THROTTLE: (
            Text(
                "The service has slowed this mailbox down for a long time.",
                "サービスによるこのメールボックスの送信制限が長く続いています。",
            ),
            Text(
                "Spread the mail over more mailboxes, or take a route with a higher limit.",
                "送信を複数のメールボックスに分散するか、上限の高い経路を使用してください。",
            ),
        ),
        Fault.SENDER: (
            Text(
                "The sending mailbox is refused, or may not send as this sender.",
                "送信メールボックスが拒否されたか、この送信者として送信する権限がありません。",
            ),
            Text(
                "Grant SendAs, or set rewrite_from for the client so that its mail is sent as the mailbox.",
                "SendAs を付与するか、クライアントに rewrite_from を設定してメールボックスとして送信してください。",
            ),
        ),
        Fault.SERVICE: (
            Text(
                "The service refuses every message of this mailbox.",
                "サービスがこのメールボックスからのメールをすべて拒否しています。",
            ),
            Text(
                "Look the answer up: a switch, a permission or a block has to be changed on the other side.",
                "応答の意味を調べ、サービス側の設定、権限またはブロックを変更してください。",
            ),
        ),
        Fault.CONFIGURATION: (
            Text(
                "The route cannot be used as it is configured.",
                "現在の設定ではこの経路を使用できません。",
            ),
            Text("Check the configuration and correct the route.", "設定を確認し、経路を修正してください。"),
        ),
        LOST: (
            Text(
                "Messages are handed over but the answers do not come back.",
                "メールを渡した後、サーバーの応答が返ってきません。",
            ),
            Text(
                "Check firewalls and scanners between this gateway and the next server: one of them cuts connections.",
                "次のサーバーとの間のファイアウォールや検査装置を確認してください。いずれかが接続を切断しています。",
            ),
        ),
        BUG: (
            Text(
                "The route failed in a way that should not be possible.",
                "経路で想定外のエラーが発生しました。",
            ),
            Text(
                "Look for `attempt failed` in the log and report it; mail is kept and tried again.",
                "ログの `attempt failed` を確認して報告してください。メールは保持され、再送されます。",
            ),
        ),
        NO_ROUTE: (
            Text(
                "Mail waits for a route that is not configured.",
                "設定に存在しない経路を待っているメールがあります。",
            ),
            Text(
                "Configure a route of that name again, or drop the mail; until then it is kept.",
                "同じ名前の経路を再び設定するか、メールを削除してください。それまで保持されます。",
            ),
        ),
    }
)

CLAIM = Text(
    "Mail cannot be taken from the spool, sending stands still",
    "スプールからメールを取り出せないため、送信が停止しています",
)
RECORD = Text(
    "Results of deliveries cannot be stored, sending stands still",
    "配送結果を保存できないため、送信が停止しています",
)
SPOOL_CURE = Text(
    "Free space on the disk of the spool and check its health; sending goes on by itself then.",
    "スプールのディスクの空きを増やし、状態を確認してください。回復すると送信は自動的に再開します。",
)
BODY = Text(
    "The stored bytes of message {name} are missing or short; its recipients are held.",
    "メール {name} の保存データが欠落または破損しています。宛先への送信を保留しました。",
)
BODY_CURE = Text(
    "Restore the file from a backup of the spool and release the message, or drop it and tell its sender.",
    "スプールのバックアップからファイルを復元して保留を解除するか、メールを削除して差出人に連絡してください。",
)
MESSAGE = Text("This gateway fails over message {name}", "メール {name} の処理に失敗しています")
MESSAGE_CURE = Text(
    "Look for `delivery failed` in the log and report it; the message is kept and tried again.",
    "ログの `delivery failed` を確認して報告してください。メールは保持され、再送されます。",
)
AGE_CURE = Text(
    "Look at it with `mailferry queue show`, and at the lanes for pauses and budgets that are used up.",
    "`mailferry queue show` で内容を確認し、レーンの一時停止や送信枠の枯渇がないか調べてください。",
)
UNKNOWN = Text(
    "Recipients may or may not have got their message: the answer to an attempt was lost.",
    "送信の応答が失われたため、宛先に届いたかどうか不明なメールがあります。",
)
UNKNOWN_CURE = Text(
    "Ask the recipient or search the message trace by Message-ID. If it arrived, `mailferry queue settle` it; "
    "if not, `queue release` what is held and `queue retry` the rest to send it again.",
    "受信者に確認するか、Message-ID でメッセージ追跡を検索してください。届いていれば `mailferry queue settle`、"
    "届いていなければ保留分を `queue release`、残りを `queue retry` で再送します。",
)
LOOKUP = Text(
    "A message whose answer was lost cannot be looked for",
    "送信の応答が失われたメールを検索できません",
)
LOOKUP_CURE = Text(
    "Grant the permission that `mailferry check` names for the route's `lookup` (Mail.Read, or "
    'ExchangeMessageTrace.Read.All), or set lookup = "none"; until then [delivery] unknown decides.',
    "`mailferry check` が経路の `lookup` に必要と示す権限（Mail.Read または ExchangeMessageTrace.Read.All）を"
    '付与するか、lookup = "none" を設定してください。それまでは [delivery] unknown の設定に従います。',
)
RETURNS = Text(
    "Reports of mail that came back cannot be read",
    "届かなかったメールの配信不能レポートを読み取れません",
)
RETURNS_CURE = Text(
    "Grant the permission Mail.Read for the sending mailboxes, as `mailferry check` names it, or set bounces = false.",
    "`mailferry check` が示すとおり、送信用メールボックスに対する Mail.Read を付与するか、"
    "bounces = false を設定してください。",
)
UNREPORTED = Text(
    "Recipients were refused for good and there is nobody who may be told.",
    "配送できないことが確定したものの、通知先がないメールがあります。",
)
UNREPORTED_CURE = Text(
    "Look at them with `mailferry queue list --state held`; drop them, or release them to try again.",
    "`mailferry queue list --state held` で確認し、削除するか、保留を解除して再送してください。",
)


def named(text: Text, name: str) -> Text:
    """`text` with the queue id in its place."""
    return Text(text.en.format(name=name), text.ja.format(name=name))


def about(text: Text, cause: str) -> Text:
    """`text` and its cause, as somebody else told it."""
    return Text(f"{text.en}: {cause}", f"{text.ja}: {cause}")


def age(limit: str, name: str, reply: str) -> Text:
    """Mail that waits too long."""
    english = f" Last answer: {reply}" if reply else ""
    japanese = f" 最後の応答: {reply}" if reply else ""
    return Text(
        f"Mail waits longer than {limit}; the oldest is {name}.{english}",
        f"{limit} を超えて待機しているメールがあります。最も古いものは {name} です。{japanese}",
    )
