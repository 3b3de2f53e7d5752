"""What announcements change in the schedule, told in the same words by `mailferry timeline` and the console.

Leaves to others: keeping changes (bulletin.changes) and showing them (cli, console). Invariant: a change is always told
with its source, the page's own sentence and who accepted it; one that nobody accepted never passes for one in force.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mailferry.bulletin.changes import Change, Changes, ChangesError
from mailferry.m365.schedule import schedule

__all__ = ["ACCEPTED", "PROPOSED", "Change", "ChangesError", "Marks", "cure", "marks", "title", "told"]

#: What stands beside a change: one in force, one that waits for a person.
ACCEPTED, PROPOSED = "✎", "?"

_WORDS = {
    "en": {
        "accepted": "Changed by an accepted announcement",
        "proposed": "Proposed by an announcement, not accepted yet",
        "by": "{publisher}, {published}; accepted by {by} on {day}",
        "read": "{publisher}, {published}; read on {day}. The schedule has: {schedule}",
        "undated": "no date",
        "cure": "Read it; if it is right: `mailferry bulletin accept {id}`",
    },
    "ja": {
        "accepted": "承認済みの発表による変更",
        "proposed": "発表による変更の提案（未承認）",
        "by": "{publisher}（{published}）。{day} に {by} が承認",
        "read": "{publisher}（{published}）。{day} に取得。現在のスケジュール: {schedule}",
        "undated": "日付なし",
        "cure": "内容を確認し、正しければ `mailferry bulletin accept {id}` を実行してください",
    },
}


@dataclass(frozen=True, slots=True)
class Marks:
    """The changes in force and those that wait for a person, each by their date."""

    accepted: tuple[Change, ...]
    proposed: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.accepted or self.proposed)


def marks(state: Path) -> Marks:
    """What is kept in the state directory. Raises ChangesError."""
    kept = Changes(state)
    return Marks(_by_date(kept.accepted()), _by_date(kept.proposed()))


def title(language: str, *, accepted: bool) -> str:
    """What stands over the changes."""
    return _WORDS[language]["accepted" if accepted else "proposed"]


def told(change: Change, language: str) -> str:
    """Who published it when, and who accepted it, or what the schedule has instead."""
    words = _WORDS[language]
    day = change.accepted or change.read
    return words["by" if change.accepted_by else "read"].format(
        publisher=change.publisher or change.title,
        published=change.published.isoformat() if change.published else words["undated"],
        by=change.accepted_by,
        day=day.isoformat(),
        schedule=_scheduled(change, language),
    )


def _scheduled(change: Change, language: str) -> str:
    """What the schedule has, which a change keeps in English."""
    spans = (phase.when for revision in schedule().revisions for phase in revision.phases)
    return next((when.of(language) for when in spans if when.en == change.schedule), change.schedule)


def cure(change: Change, language: str) -> str:
    """What a person does about one that nobody accepted; the command stands between backticks."""
    return _WORDS[language]["cure"].format(id=change.id)


def _by_date(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    return tuple(sorted(changes, key=lambda change: change.first))
