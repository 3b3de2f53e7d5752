"""The words of the pages, in English and Japanese.

Leaves to others: what ops tells in both languages already. Invariant: whatever has a word in one language has one in
the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailferry.m365.facts import Text
from mailferry.spool.api import State

STATES: Mapping[str, Text] = MappingProxyType(
    {
        State.QUEUED: Text("queued", "待機中"),
        State.CLAIMED: Text("sending", "送信中"),
        State.DEFERRED: Text("deferred", "再送待ち"),
        State.UNKNOWN: Text("unknown", "結果不明"),
        State.HELD: Text("held", "保留中"),
        State.DELIVERED: Text("delivered", "配送済み"),
        State.FAILED: Text("failed", "配送不能"),
        State.EXPIRED: Text("expired", "期限切れ"),
        State.DROPPED: Text("dropped", "破棄済み"),
    }
)
#: What happened to a message, besides that it came into a state.
EVENTS: Mapping[str, Text] = MappingProxyType(
    {
        **STATES,
        "accepted": Text("accepted", "受け付け"),
        "claimed": Text("attempt begins", "送信開始"),
        "interrupted": Text("interrupted", "中断"),
        "released": Text("released", "保留解除"),
        "retried": Text("retried", "再送指示"),
        "bounced": Text("report sent", "不達通知を送付"),
        "returned": Text("came back", "返送を確認"),
        "note": Text("note", "注記"),
    }
)

_WORDS: Mapping[str, Text] = MappingProxyType(
    {
        "name": Text("Mailferry", "Mailferry"),
        "skip": Text("Skip to the content", "本文へ移動"),
        "pages": Text("Pages", "ページ"),
        "languages": Text("Language", "言語"),
        "overview": Text("Overview", "概要"),
        "timeline": Text("Timeline", "スケジュール"),
        "messages": Text("Messages", "メール"),
        "message": Text("Message", "メール"),
        "login": Text("Sign in", "サインイン"),
        "logout": Text("Sign out", "サインアウト"),
        "as_of": Text("As of {} UTC", "{} UTC 時点"),
        "reload": Text("Reload", "再読み込み"),
        # -- signing in
        "password": Text("Password", "パスワード"),
        "wrong": Text("That did not let you in.", "サインインできませんでした。"),
        "locked": Text(
            "Too many failed attempts. Try again in {} seconds.",
            "失敗が続いたため受け付けていません。{} 秒後にもう一度お試しください。",
        ),
        "busy": Text("Too many are signing in at the moment. Try again.", "混み合っています。もう一度お試しください。"),
        "only_link": Text(
            "This console has no password. Open the link that `mailferry console` printed on its terminal. It lets in "
            "once; the terminal then shows the next one.",
            "このコンソールにはパスワードが設定されていません。`mailferry console` が端末に表示したリンクを"
            "開いてください。リンクは一度だけ有効で、使用されると端末に次のリンクが表示されます。",
        ),
        "set_password": Text(
            "For a password, write what `mailferry account hash` prints into the configuration, as `password` under "
            "`[console]`, and start the console again.",
            "パスワードを使うには、`mailferry account hash` の出力を設定ファイルの `[console]` に `password` として"
            "記入し、コンソールを再起動してください。",
        ),
        # -- errors
        "error": Text("That did not work", "処理できませんでした"),
        "error_400": Text("The request makes no sense here.", "要求の内容が正しくありません。"),
        "error_403": Text(
            "The page was too old or came from elsewhere, or you are no longer signed in. Nothing was changed.",
            "ページが古いか、別の場所から送信されたか、サインインの有効期限が切れています。何も変更していません。",
        ),
        "error_404": Text(
            "There is no such page, or no such message any more.", "ページまたはメールが見つかりません。"
        ),
        "error_405": Text("That cannot be done with this page.", "このページではその操作はできません。"),
        "error_other": Text(
            "Something failed; the console's log says what.",
            "内部エラーが発生しました。詳細はコンソールのログをご確認ください。",
        ),
        "start_again": Text("Go to the overview", "概要へ戻る"),
        # -- overview
        "no_alarms": Text("No alarm is open.", "発生中の警報はありません。"),
        "alarms": Text("Open alarms", "発生中の警報"),
        "alarms_caption": Text(
            "What somebody has to act on, the worst first (times in UTC)",
            "対応が必要な事象（重大なものから順。時刻は UTC）",
        ),
        "severity": Text("Severity", "重大度"),
        "warning": Text("warning", "警告"),
        "severity_error": Text("error", "エラー"),
        "critical": Text("critical", "重大"),
        "since": Text("Since", "発生時刻"),
        "what": Text("What", "内容"),
        "cure": Text("What to do", "対処方法"),
        "queue": Text("Queue", "キュー"),
        "queue_caption": Text("Recipients in the queue by state", "状態ごとの宛先数"),
        "state": Text("State", "状態"),
        "recipients": Text("Recipients", "宛先数"),
        "empty": Text("The queue is empty.", "キューは空です。"),
        "no_gateway": Text(
            "No gateway is configured here, so there is no mail to show. `mailferry init` writes a configuration.",
            "ゲートウェイが設定されていないため、表示するメールはありません。設定は `mailferry init` で作成できます。",
        ),
        "no_spool": Text("The queue cannot be shown", "キューを表示できません"),
        "clients": Text("Clients", "クライアント"),
        "known": Text("Clients known", "クライアント総数"),
        "break": Text("Break at the cut-off", "送信できなくなる数"),
        "mailboxes": Text("Mailboxes they send from", "メールボックス数"),
        "moved": Text("Changed so far", "移行済み"),
        "due": Text("Due by the plan", "計画上の期日到来分"),
        "burndown": Text("Clients still to be changed", "未移行クライアント数の推移"),
        "burndown_caption": Text(
            "Clients still to be changed in the evening of each day of the plan",
            "計画上の未移行クライアント数（各日の終業時点）",
        ),
        "day": Text("Day", "日付"),
        "left": Text("Still to be changed", "未移行"),
        "no_inventory": Text(
            "Nothing is known of your clients yet: `mailferry inventory import` reads exports of Exchange and Entra.",
            "クライアントの情報がまだありません。`mailferry inventory import` で Exchange と Entra の"
            "エクスポートを取り込めます。",
        ),
        "no_plan": Text(
            "There is no plan yet: `mailferry plan make` finds a way and a day for each client.",
            "計画がまだありません。`mailferry plan make` が各クライアントの移行方法と日程を決めます。",
        ),
        "marks": Text("Changed by announcements", "発表による変更"),
        "page_of": Text("Announcement", "発表"),
        "to_timeline": Text("The whole schedule", "スケジュール全体"),
        # -- timeline
        "in_force": Text("in force", "現在有効"),
        "replaced": Text("replaced by a later announcement", "後の発表により失効"),
        "now": Text("now", "現在"),
        "phases_caption": Text("Phases announced on {}", "{} の発表による段階"),
        "published": Text("Published", "公表日"),
        "date": Text("Date", "日付"),
        "events_caption": Text("Announced beside the schedule", "スケジュールに関連する発表"),
        # -- messages
        "filter": Text("Filter", "絞り込み"),
        "waiting": Text("not finished", "未完了"),
        "all": Text("everything", "すべて"),
        "sender": Text("Sender", "送信者"),
        "recipient": Text("Recipient", "宛先"),
        "client": Text("Client", "クライアント"),
        "lane": Text("Route/mailbox", "経路/メールボックス"),
        "received_within": Text("Received", "受信時期"),
        "any_time": Text("any time", "指定なし"),
        "last": Text("in the last {}", "過去 {} 以内"),
        "longer": Text("longer than the last {}", "{} より前"),
        "age_15m": Text("15 minutes", "15 分"),
        "age_1h": Text("hour", "1 時間"),
        "age_1d": Text("day", "1 日"),
        "age_1w": Text("week", "1 週間"),
        "wildcard": Text("* stands for any text", "* は任意の文字列"),
        "show": Text("Show", "表示"),
        "clear": Text("Clear", "解除"),
        "messages_caption": Text("Messages, the oldest first (times in UTC)", "メール（古い順。時刻は UTC）"),
        "no_messages": Text("No message matches.", "該当するメールはありません。"),
        "choose": Text("Choose", "選択"),
        "choose_one": Text("Choose message {}", "メール {} を選択"),
        "id": Text("Queue id", "キュー ID"),
        "received": Text("Received", "受信日時"),
        "tries": Text("Tries", "試行回数"),
        "reply": Text("Last reply", "最後の応答"),
        "more": Text("Later messages", "次のメール"),
        "more_recipients": Text("and {} more", "ほか {} 件"),
        "do": Text("Do with those chosen", "選択したメールの操作"),
        "do_one": Text("Actions", "操作"),
        "hold": Text("Hold", "保留"),
        "release": Text("Release", "保留解除"),
        "retry": Text("Try now", "今すぐ再送"),
        "drop": Text("Drop…", "破棄…"),
        "settle": Text("It arrived…", "到着確認済み…"),
        "none_chosen": Text("No message was chosen.", "メールが選択されていません。"),
        "done_hold": Text("Recipients held: {}.", "保留にした宛先: {} 件。"),
        "done_release": Text("Recipients released: {}.", "保留を解除した宛先: {} 件。"),
        "done_retry": Text("Recipients tried now: {}.", "今すぐ再送する宛先: {} 件。"),
        "done_drop": Text("Recipients dropped: {}.", "破棄した宛先: {} 件。"),
        "done_settle": Text("Recipients marked as delivered: {}.", "配送済みにした宛先: {} 件。"),
        "confirm_drop": Text("Drop for good?", "破棄しますか？"),
        "confirm_settle": Text("Mark as delivered?", "配送済みにしますか？"),
        "explain_drop": Text(
            "What waits or is held of these messages is removed for good, and nobody gets a report. The history keeps "
            "that you did it.",
            "待機中または保留中の宛先を完全に削除します。差出人への通知は行いません。操作は履歴に残ります。",
        ),
        "explain_settle": Text(
            "Only for mail whose answer was lost and that somebody saw arrive. It is not sent again.",
            "応答が失われたものの、到着を確認できたメールにのみ使用します。再送は行いません。",
        ),
        "yes_drop": Text("Drop for good ({})", "{} 通を破棄する"),
        "yes_settle": Text("Mark as delivered ({})", "{} 通を配送済みにする"),
        "cancel": Text("Cancel", "キャンセル"),
        # -- one message
        "facts": Text("What was accepted", "受け付けた内容"),
        "origin": Text("From", "送信元"),
        "mailbox": Text("Sent from mailbox", "送信に使うメールボックス"),
        "subject": Text("Subject", "件名"),
        "size": Text("Size", "サイズ"),
        "octets": Text("{} octets", "{} バイト"),
        "recipients_caption": Text("Recipients and how each stands (times in UTC)", "宛先とその状態（時刻は UTC）"),
        "next": Text("Next try", "次回試行"),
        "history": Text("History", "履歴"),
        "history_caption": Text(
            "Everything that happened to it (times in UTC)", "このメールに起きたこと（時刻は UTC）"
        ),
        "when": Text("When", "日時"),
        "event": Text("Event", "出来事"),
        "detail": Text("Detail", "詳細"),
        "meaning": Text("What the last reply means", "最後の応答の意味"),
        "commands": Text("Commands", "コマンド"),
        "only_last": Text(
            "The last {}; `mailferry queue show` has all of them.",
            "直近の {} 件。すべては `mailferry queue show` で確認できます。",
        ),
        "only_first": Text(
            "The first {}; `mailferry queue show` has all of them.",
            "最初の {} 件。すべては `mailferry queue show` で確認できます。",
        ),
    }
)


class Words:
    """The words of one language, by their key."""

    def __init__(self, language: str) -> None:
        self._language = language

    def __getitem__(self, key: str) -> str:
        return _WORDS[key].of(self._language)

    def __contains__(self, key: str) -> bool:
        return key in _WORDS
