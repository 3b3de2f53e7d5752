"""`mailferry queue`: what an administrator sees and does, on a spool that no gateway holds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from typer.testing import CliRunner, Result

from mailferry.cli.queue import queue
from mailferry.clock import SystemClock
from mailferry.mail.message import IdSource, MessageId, format_id
from mailferry.spool.api import Alarm, Filter, Move, State, Use
from mailferry.spool.sqlite.store import SqliteSpool
from support.spool_contract import LANE, SETTINGS, TEXT, accepted

T = TypeVar("T")
CONFIG = """
[gateway]
hostname = "gw.example.com"
state = "{state}"
postmaster = "postmaster@example.com"

[[listener]]
name = "devices"
address = "127.0.0.1:2525"
tls = "none"
authentication = "none"

[[client]]
name = "scanner"
networks = ["192.0.2.0/24"]
recipients = "anywhere"

[[route]]
name = "relay"
type = "smarthost"
host = "relay.example.com"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mailferry.toml"
    path.write_text(CONFIG.format(state=tmp_path), encoding="utf-8")
    return path


def run(config: Path, *arguments: str) -> Result:
    runner = CliRunner(env={"COLUMNS": "200", "LANG": "C.UTF-8"})
    return runner.invoke(queue, [*arguments, "--config", str(config)])


def served(config: Path, work: Callable[[SqliteSpool, float], Awaitable[T]]) -> T:
    """Do `work` as the gateway that holds the spool."""

    async def run() -> T:
        clock = SystemClock()
        spool = SqliteSpool(config.parent / "spool", clock, IdSource(clock), SETTINGS)
        await spool.open()
        try:
            return await work(spool, clock.time())
        finally:
            await spool.close()

    return asyncio.run(run())


def lost(config: Path, state: State, *, sender: str = "sender@example.com") -> MessageId:
    """A message in the spool whose answer was lost."""

    async def work(spool: SqliteSpool, now: float) -> MessageId:
        draft = spool.draft(len(TEXT))
        draft.write(TEXT)
        message = await draft.commit(accepted("user@example.org", sender=sender))
        (lease,) = await spool.claim(LANE, now + 5, 1, 600)
        reply = "held, may have been delivered: 451 4.4.2 no answer came"
        assert await spool.record(lease, [Move(lease.claims[0].id, state, now, reply, now)], Use(1, 1))
        return message

    return served(config, work)


def state(config: Path, message: MessageId) -> str:
    shown = json.loads(run(config, "show", format_id(message), "--json").stdout)
    return str(shown["recipients"][0]["state"])


@pytest.mark.parametrize("before", [State.UNKNOWN, State.HELD])
def test_settle_marks_what_arrived_as_delivered(config: Path, before: State) -> None:
    message = lost(config, before)
    done = run(config, "settle", format_id(message))
    assert done.exit_code == 0, done.output
    assert "settle: 1 recipient" in done.stderr
    assert state(config, message) == "delivered"
    assert run(config, "settle", format_id(message)).exit_code == 1


def test_release_sends_again_what_is_held_for_a_lost_answer(config: Path) -> None:
    message = lost(config, State.HELD)
    assert run(config, "release", format_id(message)).exit_code == 0
    assert state(config, message) == "deferred"


@pytest.mark.parametrize("action", ["settle", "drop"])
def test_nothing_is_ended_without_saying_what(config: Path, action: str) -> None:
    message = lost(config, State.UNKNOWN)
    assert run(config, action).exit_code == 2
    assert state(config, message) == "unknown"


def test_what_others_wrote_is_shown_as_it_is(config: Path) -> None:
    message = lost(config, State.UNKNOWN, sender='"[/b]"@example.com')
    text = "550 5.7.1 refused [/x] [mail.example.com]"

    async def alarm(spool: SqliteSpool, now: float) -> None:
        await spool.raise_alarm(Alarm("lane:exo", now, text, "do [this]"))
        await spool.hold(Filter(), now, "[/who]")

    served(config, alarm)
    listed = run(config, "list")
    assert listed.exit_code == 0, listed.output
    assert text in listed.stderr
    assert "cure: do [this]" in listed.stderr
    assert '"[/b]"@example.com' in listed.stdout
    shown = run(config, "show", format_id(message))
    assert shown.exit_code == 0
    assert "by [/who]" in shown.stdout
