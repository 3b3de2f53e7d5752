"""The gateway's own history: the database of the spool, read and never written.

Leaves to others: what the gateway does with mail (spool). Invariant: the file is opened read-only, and one moment of it
is read; a gateway may run beside.
"""

from __future__ import annotations

import sqlite3
from importlib import resources
from pathlib import Path

from mailferry.inventory.errors import InventoryError
from mailferry.inventory.names import fields
from mailferry.inventory.readers.base import Reader, Target
from mailferry.inventory.sample import Shape
from mailferry.m365.facts import Text
from mailferry.spool.sqlite.database import APPLICATION

MAGIC = b"SQLite format 3\0"
_MANY = 10_000

READER = Reader(
    kind="gateway",
    label=Text("the gateway's own history", "ゲートウェイの履歴"),
    target=Target.EVENTS,
    shapes=frozenset({Shape.NDJSON}),
    fields=fields(
        happened="received",
        id="message",
        number="number",
        account="mailbox",
        login="login",
        sender="sender",
        address="address",
        name="helo",
        tls="tls",
        state="state",
        reply="reply",
        via="lane",
        message_id="headerid header_id",
        subject="subject",
        recipient="recipient",
        size="size",
    ),
    known_by=(("login",), ("state",), ("via",), ("id",)),
    reasons={"bad-time": Text("no date and time that can be read", "日時を読み取れない")},
)


def unload(database: Path, name: str, target: Path) -> None:
    """The history as objects, a line a recipient; SQLite builds them, so that no row passes through Python's hands."""
    query = resources.files(__package__).joinpath("history.sql").read_text("utf-8")
    try:
        connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)
        try:
            if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
                raise InventoryError(name, "this database is not the spool of a gateway")
            rows = connection.execute(query)
            with target.open("w", encoding="utf-8") as out:
                while chunk := rows.fetchmany(_MANY):
                    out.writelines(f"{line}\n" for (line,) in chunk)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise InventoryError(name, f"the history cannot be read: {error}") from error
