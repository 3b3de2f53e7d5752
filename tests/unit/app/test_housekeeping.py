"""Chores on a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

from mailferry.alarms.api import Alarm, Code, Severity
from mailferry.app.housekeeping import Housekeeping
from mailferry.clock import ManualClock
from mailferry.listener.tls import Contexts
from mailferry.mail.message import IdSource
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.spool.api import Spool
from mailferry.spool.memory import MemorySpool
from support.spool_contract import accepted


class Ending:
    """Certificates of one listener that end soon."""

    def __init__(self, when: float) -> None:
        self.when = when

    def expiries(self) -> dict[str, float]:
        return {"submission": self.when}


class Broken(MemorySpool):
    async def fail(self) -> int:
        raise OSError("the disk is gone")

    def purge(self, before: float) -> asyncio.Future[int]:
        return asyncio.ensure_future(self.fail())


async def chores(spool: Spool, clock: ManualClock, tmp_path: Path) -> tuple[list[str], Metrics]:
    """Run everything once; what was logged, and the metrics."""
    said: list[str] = []
    metrics = Metrics()
    log = MailLog(lambda level, event, fields: said.append(event), metrics)
    contexts = cast("Contexts", Ending(clock.time() + 20 * 86400))
    house = Housekeeping(spool, tmp_path, 30 * 86400.0, contexts, clock, log)
    house.start()
    for _ in range(20):
        await asyncio.sleep(0)
    await house.stop()
    return said, metrics


async def test_gauges_follow_the_spool(clock: ManualClock, tmp_path: Path) -> None:
    spool = MemorySpool(clock, IdSource(clock))
    await spool.open()
    draft = spool.draft()
    draft.write(b"Subject: x\r\n\r\n")
    await draft.commit(accepted("a@example.net"))
    said, metrics = await chores(spool, clock, tmp_path)
    assert b'mailferry_queue_recipients{state="queued"} 1.0' in metrics.render()
    assert metrics.free_bytes._value.get() > 0
    assert said == ["expiry warning"]


async def test_one_failing_chore_stops_no_other(clock: ManualClock, tmp_path: Path) -> None:
    spool = Broken(clock, IdSource(clock))
    await spool.open()
    said, metrics = await chores(spool, clock, tmp_path)
    assert "housekeeping failed" in said
    assert "expiry warning" in said
    assert b'mailferry_queue_recipients{state="queued"} 0.0' in metrics.render()


class Sink:
    """Keeps what stands."""

    def __init__(self) -> None:
        self.standing: dict[tuple[Code, str], Alarm] = {}

    def raise_(self, alarm: Alarm) -> None:
        self.standing[alarm.code, alarm.key] = alarm

    def resolve(self, code: Code, key: str) -> None:
        self.standing.pop((code, key), None)


async def test_no_room_and_certificates_are_alarms(clock: ManualClock, tmp_path: Path) -> None:
    class Full(MemorySpool):
        reason = "only 3 MB are free"

        def full(self, size: int = 0) -> str:
            return self.reason

    spool, sink = Full(clock, IdSource(clock)), Sink()
    await spool.open()
    ending = Ending(clock.time() + 5 * 86400)
    log = MailLog(lambda level, event, fields: None, Metrics())
    house = Housekeeping(spool, tmp_path, 86400.0, cast("Contexts", ending), clock, log, sink)
    house.start()
    for _ in range(20):
        await asyncio.sleep(0)
    assert set(sink.standing) == {(Code.SPACE, "spool"), (Code.EXPIRY, "listener:submission")}
    assert "3 MB" in sink.standing[Code.SPACE, "spool"].text.ja
    assert sink.standing[Code.EXPIRY, "listener:submission"].severity is Severity.ERROR
    Full.reason, ending.when = "", clock.time() + 90 * 86400
    clock.advance(86400)
    for _ in range(20):
        await asyncio.sleep(0)
    await house.stop()
    assert sink.standing == {}
