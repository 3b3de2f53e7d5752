"""The plan as CSV.

UTF-8 with a byte order mark, without which Excel reads Japanese as Windows-1252 or CP932.
Leaves to others: the columns (columns). Invariant: no cell is a formula to a spreadsheet that opens the file (OWASP,
CSV Injection), whatever an export said.
"""

from __future__ import annotations

import csv
import io

from mailferry.planner.papers import columns
from mailferry.planner.papers.view import View

#: What a spreadsheet takes for the beginning of a formula; also behind blanks.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def render(view: View) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns.head(view))
    for row in columns.rows(view):
        writer.writerow([harmless(value) if isinstance(value, str) else value for value in row])
    return text.getvalue().encode("utf-8-sig")


def harmless(text: str) -> str:
    """`text` behind an apostrophe where it would be a formula."""
    if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA):
        return f"'{text}"
    return text
