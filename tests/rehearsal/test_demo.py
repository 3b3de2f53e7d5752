"""`mailferry demo`, the main job: every client crosses, and the account notices when one does not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mailferry.rehearsal.cast import Part, cast
from mailferry.rehearsal.demo import play, take_account
from mailferry.rehearsal.stage import Stage
from mailferry.rehearsal.ways import WAYS, cross
from mailferry.sandbox.faults import Fault

pytestmark = pytest.mark.timeout(300)


def demo(*options: str) -> dict[str, Any]:
    command = [str(Path(sys.executable).parent / "mailferry"), "demo", "--short", "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_after_the_cut_off(tool: Callable[[str], str]) -> None:
    tool("curl"), tool("swaks")
    document = demo()
    assert len(document["clients"]) >= 10
    assert not document["left_out"]
    for client in document["clients"]:
        assert not client["straight"]["taken"], client
        assert client["straight"]["reply"].startswith(("550 5.7.30", "530 5.7.57", "421 4.7.66")), client
        assert client["through"]["reply"].startswith("250 2.0.0 queued as "), client
        assert set(client["copies"].values()) == {1}, client
        assert client["intact"], client
    account = document["reconciliation"]
    assert account["holds"]
    assert account["accepted"] == account["delivered"] == sum(len(client["copies"]) for client in document["clients"])
    assert [way["arrived"] for way in document["ways"]] == [True] * len(WAYS)


def test_before_the_cut_off() -> None:
    """Passwords still work then; what never could log in is refused all the same."""
    refused = {client["client"] for client in demo("--at", "2026-12-01")["clients"] if not client["straight"]["taken"]}
    assert "ERP job" not in refused
    assert {"UPS card", "scanner of 2008"} <= refused


def some(names: set[str]) -> list[Part]:
    return [part for part in cast(365) if part.client in names]


async def test_a_lost_or_changed_message_is_noticed() -> None:
    parts = some({"ERP job", "UPS card"})
    async with Stage(date(2027, 1, 5), parts) as stage:
        lines, account = await play(stage, parts, lambda _: None)
        assert account.holds
        stage.box.mail.clear()
        emptied = await take_account(stage, lines)
        assert not emptied.holds
        assert emptied.delivered == 0


async def test_a_copy_too_many_is_noticed() -> None:
    """The upstream took it and the answer was lost: it is in the box and in the queue, and the account says so."""
    parts = some({"ERP job", "UPS card"})
    async with Stage(date(2027, 1, 5), parts) as stage:
        stage.patience = 2.0
        stage.box.faults.add(Fault(surface="smtp", at="end", action="take-and-drop", count=1))
        _, account = await play(stage, parts, lambda _: None)
        assert (account.accepted, account.delivered, account.queued) == (2, 2, 1)
        assert not account.holds


async def test_every_way_out_by_its_own_door() -> None:
    parts = some({"UPS card"})
    async with Stage(date(2027, 1, 5), parts) as stage:
        crossings = await cross(stage)
        assert [one.recipient for one in crossings if not one.good] == []
        assert {one.recipient for one in crossings} == set(WAYS)
        senders = {one.recipient: one.sender for one in crossings}
        assert senders["ben@contoso.example"] == "<bulk@contoso.example>"
        assert senders["orders@fabrikam.example"] == "<donotreply@contoso.example>"
