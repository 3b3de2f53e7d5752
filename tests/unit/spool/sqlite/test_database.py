"""The database file: made two ways, recognised, guarded."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from mailferry.spool.api import FINAL, MOVES, WAITING, SpoolFailed, SpoolFull, State
from mailferry.spool.sqlite import actions
from mailferry.spool.sqlite.database import APPLICATION, connect, explain, prepare, split, translate
from mailferry.spool.sqlite.queries import SIZES, fitting, many_rows, migrations, queries, read_sql


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.db"


@pytest.fixture
def database(path: Path) -> Iterator[sqlite3.Connection]:
    prepare(path)
    connection = connect(path)
    yield connection
    connection.close()


def shape(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    """Everything in sqlite_master, blanks and comments aside."""
    rows = connection.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master ORDER BY type, name")
    return [tuple(" ".join(part.split()) for part in row) for row in rows]


def test_schema_and_migrations_lead_to_the_same(tmp_path: Path) -> None:
    made = []
    for number, scripts in enumerate(([read_sql("schema.sql")], [read_sql(f"migrations/{m}") for m in migrations()])):
        connection = sqlite3.connect(tmp_path / f"{number}.db")
        for script in scripts:
            connection.executescript(script)
        moves = connection.execute("SELECT origin, target FROM move ORDER BY 1, 2").fetchall()
        made.append((shape(connection), moves))
        connection.close()
    assert made[0] == made[1]


def test_migrations_are_numbered_without_gaps() -> None:
    assert [int(name[:4]) for name in migrations()] == list(range(1, len(migrations()) + 1))


def test_every_statement_compiles(database: sqlite3.Connection) -> None:
    for statement in queries().values():
        plan(database, statement)


def test_the_table_of_moves_is_the_one_of_the_contract(database: sqlite3.Connection) -> None:
    rows = database.execute("SELECT origin, target FROM move").fetchall()
    assert {(State(origin), State(target)) for origin, target in rows} == {
        (origin, target) for origin, targets in MOVES.items() for target in targets
    }


@pytest.mark.parametrize(("origin", "target"), list(product(State, State)))
def test_no_statement_leaves_the_table_of_moves(database: sqlite3.Connection, origin: State, target: State) -> None:
    database.execute(
        "INSERT INTO recipient (id, message, number, address, notify, lane, state, attempts, last_reply)"
        " VALUES (1, 1, 0, 'a@example.org', 0, 'lane', ?, 0, '')",
        (origin,),
    )
    if target in MOVES[origin]:
        database.execute("UPDATE recipient SET state = ? WHERE id = 1", (target,))
    else:
        with pytest.raises(sqlite3.IntegrityError, match="move not allowed"):
            database.execute("UPDATE recipient SET state = ? WHERE id = 1", (target,))


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("verb", ["hold", "release", "retry", "drop", "settle", "interrupt", "reroute"])
def test_the_guard_of_each_statement_is_that_of_its_verb(database: sqlite3.Connection, verb: str, state: State) -> None:
    database.execute(
        "INSERT INTO recipient (id, message, number, address, notify, lane, state, attempts, last_reply)"
        " VALUES (1, 1, 0, 'a@example.org', 0, 'lane', ?, 0, '')",
        (state,),
    )
    known = {
        "hold": actions.HOLD.origins,
        "release": actions.RELEASE.origins,
        "retry": actions.RETRY.origins,
        "drop": actions.DROP.origins,
        "settle": actions.SETTLE.origins,
        "interrupt": {State.CLAIMED},
        "reroute": WAITING | {State.HELD},
    }
    parameters = {"chosen": "[1]", "ids": "[1]", "at": 5, "changes": json.dumps([[1, "lane", state, "new", "why", 9]])}
    changed = database.execute(queries()[verb], parameters).rowcount
    assert changed == (state in known[verb])


def test_the_states_in_the_statements_are_those_of_the_contract() -> None:
    waiting = "('queued', 'deferred', 'unknown')"
    assert {State(each) for each in ("queued", "deferred", "unknown")} == WAITING
    assert {State(each) for each in ("delivered", "failed", "expired", "dropped")} == FINAL
    assert f"WHERE state IN {waiting}" in read_sql("schema.sql")


def plan(connection: sqlite3.Connection, statement: str) -> str:
    named = dict.fromkeys(re.findall(r":([a-z]+)", statement), "[]")
    return "; ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", named))


def in_trigger(start: str) -> str:
    """A statement of a trigger, with constants for what it would be given."""
    text = read_sql("schema.sql")
    statement = text[text.index(start) :]
    return re.sub(r"NEW\.\w+", "5", statement[: statement.index(";")])


def test_claiming_walks_through_no_more_than_it_takes(database: sqlite3.Connection) -> None:
    found = plan(database, in_trigger("UPDATE recipient SET\n        came_from"))
    assert "SEARCH recipient USING INDEX recipient_message (message=?)" in found
    assert "SEARCH recipient USING INDEX recipient_waiting (lane=? AND client>?)" in found  # from client to client
    assert "SEARCH recipient USING INDEX recipient_waiting (lane=? AND client=? AND next_attempt<?)" in found
    assert "SCAN recipient" not in found


def test_reading_uses_the_indexes(database: sqlite3.Connection) -> None:
    named = queries()
    assert "recipient_waiting" in plan(database, named["lanes"])
    assert "recipient_claimed" in plan(database, named["leased"])
    for name in ("find-open", "open-messages", "open-files"):
        found = plan(database, named[name])
        assert "message_finished" in found, name
        assert "USE TEMP B-TREE FOR ORDER BY" not in found, name


def test_a_new_file_is_private_and_marked(path: Path) -> None:
    prepare(path)
    assert path.stat().st_mode & 0o777 == 0o600
    connection = connect(path)
    assert connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(migrations())
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    connection.execute("INSERT INTO alarm VALUES ('k', 1, 't', 'c')")
    assert Path(f"{path}-wal").stat().st_mode & 0o777 == 0o600
    connection.close()


def test_preparing_again_changes_nothing(path: Path) -> None:
    prepare(path)
    connection = connect(path)
    connection.execute("INSERT INTO alarm VALUES ('k', 1, 't', 'c')")
    connection.close()
    before = path.read_bytes()
    prepare(path)
    assert path.read_bytes() == before


def damage_header(path: Path) -> str:
    path.write_bytes(b"this is not a database at all, but some text that somebody put here" * 100)
    return "damaged"


def damage_page(path: Path) -> str:
    prepare(path)
    data = bytearray(path.read_bytes())
    data[4096:8192] = b"\xff" * 4096
    path.write_bytes(data)
    return "damaged"


def another_program(path: Path) -> str:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE cookies (name)")
    connection.close()
    return "another program"


def newer_version(path: Path) -> str:
    prepare(path)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(migrations()) + 1}")
    connection.close()
    return "newer version"


@pytest.mark.parametrize("spoil", [damage_header, damage_page, another_program, newer_version])
def test_a_file_that_cannot_be_used_is_left_as_it_was(path: Path, spoil: object) -> None:
    expected = spoil(path)  # type: ignore[operator]
    before = path.read_bytes()
    with pytest.raises(SpoolFailed, match=expected) as caught:
        prepare(path)
    assert "nothing was changed" in str(caught.value)
    assert path.read_bytes() == before


def test_an_old_sqlite_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 31, 1))
    with pytest.raises(SpoolFailed, match=r"too old, 3\.33\.0 is needed"):
        prepare(path)
    assert not path.exists()


def test_errors_become_what_the_client_may_hear(path: Path) -> None:
    def error(code: int) -> sqlite3.OperationalError:
        made = sqlite3.OperationalError("said")
        made.sqlite_errorcode = code
        return made

    assert isinstance(translate(error(sqlite3.SQLITE_FULL), path), SpoolFull)
    assert isinstance(translate(error(sqlite3.SQLITE_IOERR_SHMSIZE), path), SpoolFull)
    assert isinstance(translate(error(sqlite3.SQLITE_IOERR_FSYNC), path), SpoolFailed)
    assert isinstance(translate(OSError(28, "No space left on device"), path), SpoolFull)
    assert isinstance(translate(OSError(5, "Input/output error"), path), SpoolFailed)
    kept = SpoolFull("x")
    assert translate(kept, path) is kept
    assert "Restore" in explain(error(sqlite3.SQLITE_CORRUPT), path)


def test_a_script_is_split_at_whole_statements() -> None:
    parts = split(read_sql("schema.sql"))
    assert all(sqlite3.complete_statement(part) for part in parts)
    assert "".join(parts).strip() == read_sql("schema.sql").strip()
    assert sum(part.lstrip().startswith("CREATE TRIGGER") or "\nCREATE TRIGGER" in part for part in parts) == 5


def test_rows_fit_into_few_statements() -> None:
    assert [fitting(number) for number in (1, 4, 5, 53, 1024)] == [1, 4, 6, 64, 1024]
    assert all(fitting(number) <= number * 3 / 2 for number in range(2, 1025))
    assert many_rows("v", 2, 1) == "INSERT INTO v VALUES (?, ?)"
    assert many_rows("v", 1, 4).count("?") == 4
    assert max(SIZES) * 21 < 32_766  # parameters of one statement, where SQLite was built with its defaults
