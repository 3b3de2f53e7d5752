"""The words of a report, in English and Japanese.

Leaves to others: the words of the alarm itself (whoever raises it). Pure.
Invariant: a line is one line: what a server said cannot begin another.
"""

from __future__ import annotations

from mailferry.alarms.report import Change, Notice, Report, worst
from mailferry.clock import utc

_WORDS = {
    "en": {
        "raised": "alarm",
        "repeated": "still stands",
        "resolved": "resolved",
        "summary": "Mailferry {gateway}: {what}",
        "several": "{bad} alarms",
        "over": "{over} resolved",
        "and": ", ",
        "since": "Since",
        "lasted": "Lasted",
        "cure": "What to do",
        "what": "What",
        "gateway": "Gateway",
        "severity": "Severity",
        "more": "and {count} more",
        "warning": "warning",
        "error": "error",
        "critical": "critical",
    },
    "ja": {
        "raised": "警報",
        "repeated": "継続中",
        "resolved": "解消",
        "summary": "Mailferry {gateway}：{what}",
        "several": "警報 {bad} 件",
        "over": "解消 {over} 件",
        "and": "、",
        "since": "発生時刻",
        "lasted": "継続時間",
        "cure": "対処方法",
        "what": "対象",
        "gateway": "ゲートウェイ",
        "severity": "重大度",
        "more": "ほか {count} 件",
        "warning": "注意",
        "error": "エラー",
        "critical": "緊急",
    },
}


def word(key: str, language: str) -> str:
    return _WORDS["ja" if language == "ja" else "en"][key]


def one_line(text: str) -> str:
    """`text` without line breaks and other control characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def summary(report: Report, language: str) -> str:
    """One line that says how bad it is."""
    bad = sum(each.bad for each in report.notices) + report.more
    over = len(report.notices) + report.more - bad
    if len(report.notices) == 1 and not report.more:
        what = headline(report.notices[0], language)
    else:
        parts = [word("several", language).format(bad=bad)] if bad else []
        parts += [word("over", language).format(over=over)] if over else []
        level = worst(report)
        what = word("and", language).join(parts) + (f" ({word(level.value, language)})" if level else "")
    return word("summary", language).format(gateway=report.gateway, what=what)


def headline(notice: Notice, language: str) -> str:
    """What kind of alarm, about what, and whether it stands."""
    alarm = notice.alarm
    state = word(alarm.severity.value if notice.change is Change.RAISED else notice.change.value, language)
    return one_line(f"{alarm.code.label(language)} ({state}): {alarm.key}")


def line(notice: Notice, language: str) -> str:
    """All of it in one line, for syslog."""
    alarm = notice.alarm
    parts = [headline(notice, language), alarm.text.of(language)]
    if notice.bad and alarm.cure.of(language):
        parts.append(f"{word('cure', language)}: {alarm.cure.of(language)}")
    return one_line(" - ".join(part for part in parts if part))


def when(seconds: float) -> str:
    """A time for people, in UTC, which is the same for everybody who reads the channel."""
    return f"{utc(seconds):%Y-%m-%d %H:%M} UTC"


def length(seconds: float, language: str) -> str:
    """A duration, to the minute."""
    minutes = max(0, round(seconds / 60))
    days, hours, minutes = minutes // 1440, minutes % 1440 // 60, minutes % 60
    names = ("日", "時間", "分") if language == "ja" else (" d", " h", " min")
    parts = [f"{count}{name}" for count, name in zip((days, hours, minutes), names, strict=True) if count]
    return " ".join(parts) or f"0{names[2]}"
