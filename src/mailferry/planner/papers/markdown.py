"""The report as Markdown, for a wiki or a ticket.

Leaves to others: figures (view) and the text's shape (templates/report.md). Invariant: what an export said can neither
end a table's cell nor start markup.
"""

from __future__ import annotations

import re

from mailferry.planner.papers.templating import text_templates
from mailferry.planner.papers.view import View
from mailferry.planner.papers.words import label

#: CommonMark section 2.4: any ASCII punctuation may be escaped by a backslash; a table's bar must be.
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~!])")
_BREAKS = re.compile(r"[\r\n\u0085\u2028\u2029]+")


def render(view: View) -> bytes:
    template = text_templates().get_template("report.md")
    text = template.render(
        view=view, words=view.words, plan=view.plan, label=label, cell=cell, limits=list(view.limit_rows())
    )
    return text.encode()


def cell(value: object) -> str:
    """Any text as the content of one cell or line."""
    return _MARKUP.sub(r"\\\1", _BREAKS.sub(" ", str(value)))
