"""The report as one HTML page that needs nothing else: no script, no font, no picture from anywhere.

Leaves to others: figures (view), charts (charts), the page's shape (templates/report.html).
Invariants: whatever an export said is escaped; the policy in the page forbids every request.
"""

from __future__ import annotations

from markupsafe import Markup

from mailferry.planner.papers import charts
from mailferry.planner.papers.templating import page_templates
from mailferry.planner.papers.view import View
from mailferry.planner.papers.words import label
from mailferry.planner.waves import PILOT

#: Rows that a browser shows without effort; the spreadsheet has them all.
ROWS = 2000
LIMIT_ROWS = 200


def render(view: View) -> bytes:
    words = view.words
    drawings = [
        (words["by_way"], ", ".join(f"{way}: {count}" for way, count in view.ways()), charts.by_way(view)),
        (words["burndown"], _told(view), charts.burndown(view)),
    ]
    page = (
        page_templates()
        .get_template("report.html")
        .render(
            view=view,
            words=words,
            plan=view.plan,
            pilot=bool(view.plan.waves) and view.plan.waves[0].reason == PILOT,
            label=label,
            rows=view.plan.items[:ROWS],
            limits=list(view.limit_rows())[:LIMIT_ROWS],
            # SVG of our own making from texts that the renderer escapes
            drawings=[(title, told, Markup(charts.svg(spec))) for title, told, spec in drawings],  # noqa: S704
        )
    )
    return page.encode()


def _told(view: View) -> str:
    """The burn-down in words, for who cannot see it."""
    points = view.burndown()
    shown = [points[0], *points[1 :: max(1, len(points) // 10)], points[-1]]
    return ", ".join(f"{day.isoformat()}: {left}" for day, left in dict.fromkeys(shown))
