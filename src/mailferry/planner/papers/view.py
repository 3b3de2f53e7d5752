"""The plan as the reports show it: figures and rows, in one language, without any form.

Leaves to others: the form (html, markdown, table, sheet). Invariant: every figure is counted from the plan's items, so
the papers cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from mailferry.planner.limits import NAMES, figure
from mailferry.planner.papers.rehearsed import Rehearsed
from mailferry.planner.papers.words import Words, label
from mailferry.planner.progress import Snapshot
from mailferry.planner.values import Item, LimitCheck, Plan, Way


@dataclass(frozen=True, slots=True)
class LimitRow:
    client: str
    limit: str
    published: str
    observed: str
    kept: str
    note: str
    source: str


class View:
    """One plan in one language."""

    def __init__(
        self,
        plan: Plan,
        language: str,
        history: tuple[Snapshot, ...] = (),
        rehearsed: Rehearsed | None = None,
    ) -> None:
        self.plan = plan
        self.words = Words(language)
        self.history = history
        self.rehearsed = rehearsed

    @property
    def busy(self) -> list[Item]:
        """The items that somebody has to do something about."""
        return [item for item in self.plan.items if item.wave]

    @property
    def days_left(self) -> int:
        return (self.plan.cutoff - self.plan.made).days

    @property
    def late(self) -> list[Item]:
        end = self.plan.deadline
        return [item for item in self.busy if end is not None and item.day is not None and item.day > end]

    def figures(self) -> list[tuple[str, str]]:
        """The overview: name and value."""
        plan, words = self.plan, self.words
        rows = [
            (words["made"], plan.made.isoformat()),
            (words["cutoff"], plan.cutoff.isoformat()),
            (words["days_left"], str(self.days_left)),
        ]
        if plan.deadline is not None:
            rows.append((words["deadline"], plan.deadline.isoformat()))
        rows += [
            (words["clients"], f"{len(plan.items):,}"),
            (words["to_change"], f"{len(self.busy):,}"),
            (words["fine"], f"{len(plan.items) - len(self.busy):,}"),
            (words["late"], f"{len(self.late):,}"),
        ]
        if self.history:
            rows.append((words["moved"], f"{self.history[-1].moved:,} / {self.history[-1].planned:,}"))
        return rows

    def ways(self) -> list[tuple[str, int]]:
        """How many clients go each way, the most frequent first."""
        counts: dict[Way, int] = {}
        for item in self.plan.items:
            counts[item.way] = counts.get(item.way, 0) + 1
        return [(self.words.way(way), counts[way]) for way in sorted(counts, key=lambda way: (-counts[way], way))]

    def burndown(self) -> list[tuple[date, int]]:
        """By the plan: how many are still to be changed in the evening of each day on which that changes."""
        left, points = len(self.busy), [(self.plan.made, len(self.busy))]
        counts: dict[date, int] = {}
        for item in self.busy:
            if item.day is not None:
                counts[item.day] = counts.get(item.day, 0) + 1
        for day in sorted(counts):
            left -= counts[day]
            points.append((day, left))
        return points

    def limit_rows(self) -> Iterator[LimitRow]:
        """The limits of the tenant, and those of clients that were reached by four fifths, the tightest first."""
        for check in self.plan.limits:
            yield self._limit(self.words["tenant"], check)
        near = [(item, check) for item in self.busy for check in item.limits if _near(check)]
        seen: set[tuple[str, str]] = set()
        for item, check in sorted(near, key=lambda pair: (-_share(pair[1]), label(pair[0].client), pair[1].limit)):
            key = label(item.client), check.limit
            if key not in seen:  # a limit is the mailbox's, whatever sends as it
                seen.add(key)
                yield self._limit(key[0], check)

    def _limit(self, client: str, check: LimitCheck) -> LimitRow:
        words = self.words
        kept = words["unknown"] if check.kept is None else words["yes"] if check.kept else words["no"]
        return LimitRow(
            client=client,
            limit=NAMES[check.limit].of(words.language) if check.limit in NAMES else check.limit,
            published=figure(check, check.published),
            observed=words["unknown"] if check.observed is None else figure(check, check.observed),
            kept=kept,
            note=check.note.of(words.language),
            source=check.source,
        )


def _share(check: LimitCheck) -> float:
    return (check.observed or 0) / check.published if check.published else 0.0


def _near(check: LimitCheck) -> bool:
    return check.kept is False or bool(check.note.en) or _share(check) >= 0.8
