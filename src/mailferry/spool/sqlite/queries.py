"""The statements by name, read from the .sql files of this package.

Leaves to others: running them. Invariant: no SQL of the mail path is put together from strings, except how often a
row of parameters repeats.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

_NAME = re.compile(r"^-- name: ([a-z-]+)$", re.MULTILINE)
#: Rows of one multi-row statement. Few sizes, so that every one stays prepared; what is left over is padding, of which
#: a row costs a quarter of a message.
SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)


def read_sql(name: str) -> str:
    """The text of a file beside this module."""
    return resources.files(__package__).joinpath(name).read_text("utf-8")


@cache
def queries() -> dict[str, str]:
    """queries.sql as {name: statement}."""
    parts = _NAME.split(read_sql("queries.sql"))
    return {name: text.strip().rstrip(";") for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def migrations() -> list[str]:
    """The names of the migration files in their order; the position is the version that each leads to, from 1."""
    folder = resources.files(__package__).joinpath("migrations")
    return sorted(each.name for each in folder.iterdir() if each.name.endswith(".sql"))


@cache
def many_rows(view: str, columns: int, rows: int) -> str:
    """An INSERT of `rows` rows; a row whose first column is NULL is padding."""
    row = f"({', '.join('?' * columns)})"
    values = ", ".join([row] * rows)
    if rows == 1:
        return f"INSERT INTO {view} VALUES {values}"  # noqa: S608
    return f"INSERT INTO {view} SELECT * FROM (VALUES {values}) WHERE column1 IS NOT NULL"  # noqa: S608


def fitting(rows: int) -> int:
    """The smallest size that holds `rows`."""
    return next(size for size in SIZES if size >= rows)
