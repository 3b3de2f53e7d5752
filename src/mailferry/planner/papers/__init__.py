"""The papers that carry the plan out: one module for each form.

Leaves to others: where they are put (cli). Invariants: every paper is a function of the plan, its language and the
progress so far; a file name is made of harmless letters only, whatever an export called an owner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mailferry.planner.papers import calendar, gateway, html, letters, markdown, scripts, sheet, table
from mailferry.planner.papers.rehearsed import Rehearsed
from mailferry.planner.papers.view import View
from mailferry.planner.progress import Snapshot
from mailferry.planner.values import Plan

LANGUAGES = ("en", "ja")

_FORMS: tuple[tuple[str, Callable[[View], bytes]], ...] = (
    ("report.{language}.html", html.render),
    ("report.{language}.md", markdown.render),
    ("plan.{language}.csv", table.render),
    ("plan.{language}.xlsx", sheet.render),
    ("waves.{language}.ics", calendar.render),
)


def write(
    plan: Plan,
    languages: Sequence[str] = LANGUAGES,
    history: tuple[Snapshot, ...] = (),
    rehearsed: Rehearsed | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Every paper with its file name, relative to the folder they are put into."""
    yield "gateway.toml", gateway.render(plan)
    for language in languages:
        view = View(plan, language, history, rehearsed)
        for name, render in _FORMS:
            yield name.format(language=language), render(view)
        yield from letters.write(view)
        yield from scripts.write(view)
