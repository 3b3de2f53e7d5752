"""The plan as columns: what the CSV file and the spreadsheet have in common.

Leaves to others: the form. Invariant: one row for each client of the plan, in the plan's order.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from mailferry.planner.papers.view import View
from mailferry.planner.papers.words import label

Value = str | int | date | None

NAMES = (
    "client", "id", "product", "addresses", "site", "owner", "way", "wave", "day", "effort", "risk", "messages",
    "last_seen", "reason", "steps", "refused", "evidence", "rule", "source",
)  # fmt: skip


def head(view: View) -> list[str]:
    return [view.words[name] for name in NAMES]


def rows(view: View) -> Iterator[list[Value]]:
    words = view.words
    for item in view.plan.items:
        client = item.client
        yield [
            label(client),
            client.id,
            item.product,
            ", ".join(client.addresses),
            client.site,
            item.owner,
            words.way(item.way),
            item.wave or None,
            item.day,
            words.effort(item.effort) if item.wave else "",
            words.risk(item.risk) if item.wave else "",
            client.volume.messages,
            client.last_seen.date() if client.last_seen else None,
            words.text(item.reason),
            " / ".join(words.text(step) for step in item.steps),
            " / ".join(f"{words.way(other.way)}: {words.text(other.reason)}" for other in item.refused),
            " / ".join(words.evidence(line) for line in item.evidence),
            item.rule,
            item.source,
        ]
