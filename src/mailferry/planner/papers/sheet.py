"""The plan as an Excel workbook: plan, waves, limits, warnings.

Leaves to others: columns and figures. Invariants: every text is written as a text, so no cell is a formula or a link;
the same plan gives the same workbook.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from datetime import date, datetime, time
from typing import Any

from mailferry.planner.papers import columns
from mailferry.planner.papers.columns import Value
from mailferry.planner.papers.view import View

#: What one cell holds at most (Microsoft Support, Excel specifications and limits).
_CELL = 32_767
_WIDTHS = {
    "client": 32,
    "reason": 60,
    "steps": 70,
    "refused": 60,
    "evidence": 50,
    "source": 40,
    "way": 30,
    "effort": 26,
}
_NARROW = 14


def render(view: View) -> bytes:
    import xlsxwriter  # type: ignore[import-untyped] # it has no annotations

    out, words = io.BytesIO(), view.words
    plain = dict.fromkeys(("strings_to_formulas", "strings_to_urls", "strings_to_numbers"), False)
    with xlsxwriter.Workbook(out, {"constant_memory": True, **plain}) as book:
        made = datetime.combine(view.plan.made, time())
        book.set_properties({"title": words["title"], "created": made})
        writer = _Writer(book)
        widths = [_WIDTHS.get(name, _NARROW) for name in columns.NAMES]
        writer.sheet(words["plan"], columns.head(view), columns.rows(view), widths)
        writer.sheet(
            words["waves"],
            [words[name] for name in ("wave", "first", "last", "clients", "why")],
            ([one.number, one.first, one.last, len(one.clients), words.text(one.reason)] for one in view.plan.waves),
            [_NARROW, _NARROW, _NARROW, _NARROW, 80],
        )
        writer.sheet(
            words["limits"],
            [words[name] for name in ("client", "limit", "published", "observed", "kept", "note", "source")],
            (list(astuple(row)) for row in view.limit_rows()),
            [32, 36, _NARROW, _NARROW, _NARROW, 60, 60],
        )
        warnings = view.plan.warnings
        texts = [words.text(text) for text in warnings] if warnings else [words["no_warnings"]]
        writer.sheet(words["warnings"], [words["warnings"]], ([text] for text in texts), [120])
    return out.getvalue()


class _Writer:
    """Sheets of one workbook, all of one look."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._head = book.add_format({"bold": True, "bg_color": "#E8ECF2", "bottom": 1, "valign": "top"})
        self._cell = book.add_format({"text_wrap": True, "valign": "top"})
        self._date = book.add_format({"num_format": "yyyy-mm-dd", "align": "left", "valign": "top"})

    def sheet(self, name: str, head: Sequence[str], rows: Iterable[Sequence[Value]], widths: Sequence[int]) -> None:
        sheet = self._book.add_worksheet(name[:31])
        for column, (title, width) in enumerate(zip(head, widths, strict=True)):
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, title, self._head)
        last = 0
        for last, row in enumerate(rows, 1):
            for column, value in enumerate(row):
                self._write(sheet, last, column, value)
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, last, len(head) - 1)

    def _write(self, sheet: Any, row: int, column: int, value: Value) -> None:
        if isinstance(value, date):
            sheet.write_datetime(row, column, datetime.combine(value, time()), self._date)
        elif isinstance(value, int):
            sheet.write_number(row, column, value, self._cell)
        elif value:
            sheet.write_string(row, column, value[:_CELL], self._cell)
