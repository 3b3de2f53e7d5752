"""The inventory's database file: how it is opened, what statements there are, and what it may take of the machine.

Leaves to others: what is written (staging, merging) and read (join). Invariant: SQL comes from .sql files of this
room; memory and threads stay within the settings however large the exports are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from mailferry.inventory.errors import InventoryError

if TYPE_CHECKING:
    import duckdb

VERSION = 1
_NAME = re.compile(r"^-- name: ([a-z-]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Share:
    """What of the machine the inventory may use. The process takes some 150 MB besides."""

    memory: str = "512MB"
    threads: int = 2


DEFAULT_SHARE = Share()


@cache
def statements(file: str) -> Mapping[str, str]:
    """A .sql file of this package as {name: text}."""
    text = resources.files("mailferry.inventory").joinpath(file).read_text("utf-8")
    parts = _NAME.split(text)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def connect(file: Path, *, read_only: bool, share: Share = DEFAULT_SHARE) -> duckdb.DuckDBPyConnection:
    """The database at `file`, made where it is missing. Raises InventoryError with what to do."""
    import duckdb

    spill = file.with_suffix(".spill")
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": share.memory,
        "threads": share.threads,
        "temp_directory": str(spill),
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,  # nothing is fetched from the network
        "autoload_known_extensions": False,
    }
    try:
        connection = duckdb.connect(file, read_only=read_only, config=settings)
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise InventoryError(
                str(file), "another command is using the inventory", cure="wait until it has ended"
            ) from error
        raise InventoryError(str(file), f"the inventory cannot be opened: {_short(error)}") from error
    except duckdb.Error as error:
        raise InventoryError(str(file), f"the inventory cannot be opened: {_short(error)}") from error
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")  # it is drawn on standard output, among the data
    connection.execute(statements("macros.sql")["macros"])
    _made(connection, file, read_only)
    return connection


def _made(connection: duckdb.DuckDBPyConnection, file: Path, read_only: bool) -> None:
    known = connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'version'").fetchone()
    if known == (0,) and not read_only:
        connection.execute("BEGIN")
        connection.execute(statements("schema.sql")["schema"])
        connection.execute("COMMIT")
        return
    number = connection.execute("SELECT number FROM version").fetchone() if known == (1,) else None
    if number != (VERSION,):
        connection.close()
        raise InventoryError(
            str(file),
            "this inventory was made by another version of mailferry",
            cure=f"move {file} away and import the exports again",
        )


def _short(error: Exception) -> str:
    return str(error).splitlines()[0]
