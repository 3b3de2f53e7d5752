"""What `mailferry account list`, `approve`, `revoke` and `forget` say, in English and Japanese."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "none": "No account has enrolled. Clients of the configuration are shown by `mailferry check`.",
        "broken": "{name} is no record of an account: its device cannot log in. Bring the file back, or "
        "`mailferry account forget` it.",
        "orphans": 'There is no [[enrolment]] "{window}" any more: its accounts cannot log in.',
        "unreadable": "the accounts cannot be read: {why}",
        "unknown": "{account} has not enrolled; nothing was changed",
        "who": "`mailferry account list` shows who has",
        "cannot": "{account} cannot be changed: {why}",
        "user": "run it as the gateway's user: sudo -u mailferry mailferry account …",
        "approved": "{account} may send now; a running gateway lets it in within 5 seconds.",
        "revoked": "{account} may send no more; a running gateway turns it away within 5 seconds.",
        "forgotten": "{account} is forgotten; in an open window it may enrol again.",
    },
    "ja": {
        "none": "登録されたアカウントはありません。設定ファイルのクライアントは `mailferry check` で確認できます。",
        "broken": "{name} は読み取れないため、機器はログインできません。ファイルを復元するか、"
        "`mailferry account forget` で削除してください。",
        "orphans": "[[enrolment]] 「{window}」が設定にないため、そのアカウントはログインできません。",
        "unreadable": "登録情報を読み取れません: {why}",
        "unknown": "{account} は登録されていません。何も変更していません",
        "who": "`mailferry account list` で一覧を確認できます",
        "cannot": "{account} を変更できません: {why}",
        "user": "ゲートウェイのユーザーで実行してください: sudo -u mailferry mailferry account …",
        "approved": "{account} を承認しました。稼働中のゲートウェイには 5 秒以内に反映されます。",
        "revoked": "{account} を取り消しました。稼働中のゲートウェイには 5 秒以内に反映されます。",
        "forgotten": "{account} の登録情報を削除しました。登録期間中であれば再登録できます。",
    },
}
HEADS: Mapping[str, tuple[str, ...]] = {
    "en": ("account", "status", "proof", "window", "from", "since"),
    "ja": ("アカウント", "状態", "確認方法", "登録期間", "送信元", "登録日"),
}
STATUSES: Mapping[str, Mapping[str, str]] = {
    "en": {},
    "ja": {
        "active": "有効",
        "pending": "承認待ち",
        "revoked": "取り消し",
        "verified": "確認済み",
        "first-use": "初回使用",
    },
}
