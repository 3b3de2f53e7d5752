"""The gateway's own history: what has moved, what has not, and that the spool is only read."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mailferry.spool.sqlite.database import prepare
from support.exports import Desk, eac, portal, signin

DAY = datetime(2026, 11, 22, 9, tzinfo=UTC)


def history(path: Path, *messages: tuple[datetime, str, str, str]) -> Path:
    """A spool whose messages are (when, mailbox, recipient, state)."""
    prepare(path)
    connection = sqlite3.connect(path)
    for number, (when, mailbox, recipient, state) in enumerate(messages, 1):
        connection.execute(
            "INSERT INTO message (id, received_at, size, filed, reverse_path, smtputf8, client, address, helo, "
            "account, tls, listener, mailbox, header_id, subject) VALUES (?, ?, 900, 0, ?, 0, 'printer', '10.1.2.3', "
            "'MFP7', 'printer', 'TLSv1.2', 'lan', ?, '<1@mfp>', '')",
            (number, int(when.timestamp() * 1e6), mailbox, mailbox),
        )
        connection.execute(
            "INSERT INTO recipient (id, message, number, address, notify, lane, state, attempts, last_reply) "
            "VALUES (?, ?, 0, ?, 0, 'exo/scan', ?, 1, '250 OK')",
            (number, number, recipient, state),
        )
    connection.commit()
    connection.close()
    return path


def test_a_client_that_moved(desk: Desk) -> None:
    spool = history(desk.folder / "spool.db", (DAY, "scan@contoso.com", "anna@contoso.com", "delivered"))
    before = spool.read_bytes()
    desk.take(portal([signin(1, when="2026-11-20T08:00:00Z")]), eac([("scan@contoso.com", "Basic", 9)]))
    (source,) = desk.inventory.import_paths([spool])
    assert (source.kind, source.taken) == ("gateway", 1)
    assert spool.read_bytes() == before
    (client,) = desk.inventory.clients()
    assert (client.addresses, client.names, client.tls) == (("203.0.113.7", "10.1.2.3"), ("MFP7",), ("1.2",))
    assert client.fate.value == "continues"
    assert [finding.code for finding in client.findings] == ["moved"]


def test_a_client_that_still_does_both_breaks(desk: Desk) -> None:
    early = DAY - timedelta(days=5)
    spool = history(desk.folder / "spool.db", (early, "scan@contoso.com", "a@contoso.com", "delivered"))
    desk.take(portal([signin(1)]))
    desk.inventory.import_paths([spool])
    (client,) = desk.inventory.clients()
    assert client.fate.value == "breaks"
    assert "still-both" in [finding.code for finding in client.findings]


def test_microsoft_sees_it_and_we_do_not(desk: Desk) -> None:
    spool = history(desk.folder / "spool.db", (DAY, "ups@contoso.com", "a@contoso.com", "delivered"))
    desk.take(portal([signin(1)]))
    desk.inventory.import_paths([spool])
    scan = next(client for client in desk.inventory.clients() if client.sender == "scan@contoso.com")
    assert [finding.code for finding in scan.findings] == ["breaks-on-date", "not-yet-through-us"]
