"""The timeline in words, told alike by `mailferry timeline` and the console: how long is left, and what happens then.

Leaves to others: the dates and their sources (m365.schedule), what announcements change (marks), which days that makes
(in_force), the form (cli, console). Invariant: what Microsoft gave loosely is told loosely, what it has not said is
told as not said, and a day that an accepted announcement moved is told with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from mailferry.m365.schedule import NEW_TENANT_FROM, BasicAuthPhase, Phase, Revision, current, phase_at, schedule
from mailferry.ops.in_force import AS_SHIPPED, InForce, said
from mailferry.ops.in_force import document as moved_by

TITLE = {
    "en": "Basic authentication for SMTP AUTH client submission in Exchange Online",
    "ja": "Exchange Online の SMTP AUTH クライアント送信における基本認証",
}
WORDS: dict[str, dict[str, str]] = {
    "en": {
        "left": "{days} days left",
        "day_left": "1 day left",
        "today": "Today is the day",
        "over": "{days} days ago",
        "until": "until the end of December 2026",
        "since": "the end of December 2026 has passed",
        "until_day": "until {day}",
        "since_day": "{day} has passed",
        "now": "On {day}",
        "then": "Then",
        "since_then": "Since then",
        "existing": "Existing tenants",
        "new": "Tenants created after December 2026",
        "when": "When",
        "what": "What happens",
        "current": "The schedule in force",
        "assumed": "Microsoft names no day; this count assumes {day}.",
        "unpublished": "Not yet published by Microsoft",
        "beside": "Related",
        "earlier": "Earlier announcements, no longer in force",
        "source": "Source",
    },
    "ja": {
        "left": "あと {days} 日",
        "day_left": "あと 1 日",
        "today": "本日です",
        "over": "{days} 日経過",
        "until": "2026 年 12 月末まで",
        "since": "2026 年 12 月末を過ぎています",
        "until_day": "{day} まで",
        "since_day": "{day} を過ぎています",
        "now": "{day} 時点",
        "then": "その後",
        "since_then": "現在",
        "existing": "既存のテナント",
        "new": "2026 年 12 月より後に作成されたテナント",
        "when": "時期",
        "what": "内容",
        "current": "現在のスケジュール",
        "assumed": "正確な日付は公表されていないため、{day} と仮定して計算しています。",
        "unpublished": "Microsoft からまだ公表されていない事項",
        "beside": "関連する発表",
        "earlier": "過去の発表（現在は無効）",
        "source": "出典",
    },
}


@dataclass(frozen=True, slots=True)
class Count:
    """How long is left on a day: "37 days left" "until the end of December 2026". `near`: there is no time to lose."""

    days: int
    text: str
    rest: str
    near: bool


def count(day: date, language: str, found: InForce = AS_SHIPPED) -> Count:
    """What is left on `day`."""
    words, days = WORDS[language], (found.ends - day).days
    suffix = "_day" if found.ended_by is not None else ""
    until, since = (words[name + suffix].format(day=found.ends.isoformat()) for name in ("until", "since"))
    if days > 1:
        return Count(days, words["left"].format(days=days), until, days < 100)
    if days == 1:
        return Count(days, words["day_left"], until, near=True)
    if days == 0:
        return Count(days, words["today"], until, near=True)
    return Count(days, words["over"].format(days=-days), since, near=True)


def states(day: date, found: InForce = AS_SHIPPED) -> tuple[BasicAuthPhase, BasicAuthPhase]:
    """What Basic authentication is on `day` for existing tenants, and for those created after December 2026."""
    created = max(day, NEW_TENANT_FROM)
    new = phase_at(day, tenant_created=created, disabled=found.disabled_for_new, removed=found.removed)
    return phase_at(day, disabled=found.disabled, removed=found.removed), new


def present(day: date, language: str, found: InForce = AS_SHIPPED) -> list[tuple[str, str]]:
    """What Basic authentication is on `day`: for existing tenants, and for new ones once they are told apart."""
    words, (existing, new) = WORDS[language], states(day, found)
    rows = [(words["existing"], existing.label(language))]
    if day >= NEW_TENANT_FROM:
        rows.append((words["new"], new.label(language)))
    return rows


def then(day: date, language: str, found: InForce = AS_SHIPPED) -> tuple[str, str] | None:
    """What comes after the day of the cut-off, with the word before it; None where the schedule does not say, or Basic
    authentication is removed on that day."""
    if found.removed is not None and found.removed <= max(day, found.ends):
        return None
    phase = current().first(BasicAuthPhase.DISABLED_BY_DEFAULT)
    words = WORDS[language]
    left = day < found.ends
    return (words["then" if left else "since_then"], phase.text.of(language)) if phase is not None else None


def assumed(language: str, found: InForce = AS_SHIPPED) -> str:
    """Which day the count assumes where Microsoft names none, and which accepted announcements moved a day; a line
    each."""
    shipped = () if found.ended_by is not None else (WORDS[language]["assumed"].format(day=found.ends.isoformat()),)
    return "\n".join((*shipped, *said(found, language)))


def document(day: date, language: str, found: InForce = AS_SHIPPED) -> dict[str, Any]:
    """The timeline on `day` as JSON. `current` is the schedule as Mailferry ships it, `in_force` what moved it."""
    existing, new = states(day, found)
    return {
        "at": day.isoformat(),
        "days_left": (found.ends - day).days,
        "disabled_from": found.ends.isoformat(),
        "disabled_from_precision": found.ended_by.precision.value if found.ended_by is not None else "month",
        "removed_from": found.removed.isoformat() if found.removed is not None else None,
        "in_force": moved_by(found),
        "existing_tenants": existing.value,
        "new_tenants": new.value,
        "current": _revision(current(), language),
        "earlier": [_revision(revision, language) for revision in schedule().revisions[:-1]],
        "events": [
            {"when": event.when, "text": event.text.of(language), "source": str(event.source), "mark": event.mark.value}
            for event in schedule().events
        ],
        "unpublished": [text.of(language) for text in schedule().unpublished],
    }


def _revision(revision: Revision, language: str) -> dict[str, Any]:
    return {
        "id": revision.id,
        "published": revision.published.isoformat(),
        "title": revision.title.of(language),
        "source": {"title": revision.source.title, "url": revision.source.url},
        "mark": revision.mark.value,
        "phases": [_phase(phase, language) for phase in revision.phases],
    }


def _phase(phase: Phase, language: str) -> dict[str, Any]:
    return {
        "name": phase.name,
        "when": phase.when.of(language),
        "start": phase.start.isoformat() if phase.start else None,
        "end": phase.end.isoformat() if phase.end else None,
        "precision": phase.precision.value,
        "existing_tenants": phase.existing_tenants.value,
        "new_tenants": phase.new_tenants.value,
        "text": phase.text.of(language),
    }
