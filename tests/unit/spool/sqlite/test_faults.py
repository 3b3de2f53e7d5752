"""A database that fails: whom it meets, whom it does not, and that it passes."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailferry.clock import ManualClock
from mailferry.mail.message import IdSource, MessageId
from mailferry.spool.api import Alarm, Filter, SpoolError, SpoolFailed, SpoolFull, State, Use
from mailferry.spool.settings import SpoolSettings
from mailferry.spool.sqlite.store import SqliteSpool
from support.spool_contract import SETTINGS, TEXT, Kit, accepted, eventually

SPENT = Use(1, 1)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (sqlite3.SQLITE_FULL, SpoolFull),
        (sqlite3.SQLITE_IOERR_FSYNC, SpoolFailed),
        (sqlite3.SQLITE_IOERR_WRITE, SpoolFailed),
    ],
)
@pytest.mark.parametrize("where", ["arrival", "COMMIT", "BEGIN"])
async def test_a_failing_database_fails_its_batch_and_recovers(
    bench, code: int, error: type[SpoolError], where: str
) -> None:
    kit = await bench.open(faulty=True)
    first = await kit.put()
    bench.faults.code, bench.faults.where = code, where
    alarm = kit.spool.raise_alarm(Alarm("k", 1.0, "t"))  # two kinds in a batch make it BEGIN and COMMIT
    results = await asyncio.gather(*(kit.put() for _ in range(5)), alarm, return_exceptions=True)
    assert any(isinstance(result, error) for result in results)
    assert all(isinstance(result, error | int) for result in results)
    bench.faults.code = 0
    stored = [result for result in results[:-1] if isinstance(result, int)]
    last = await kit.put()
    assert [view.message.id for view in await kit.spool.find(Filter())] == [first, *stored, last]


async def test_a_failing_record_keeps_the_lease(bench) -> None:
    kit = await bench.open(faulty=True)
    message = await kit.put()
    lease = await kit.one()
    bench.faults.code, bench.faults.where = sqlite3.SQLITE_FULL, "verdict"
    with pytest.raises(SpoolFull):
        await kit.record(lease, kit.move(lease.claims[0]))
    bench.faults.code = 0
    assert await kit.states(message) == [State.CLAIMED]
    assert await kit.content(message) == TEXT
    assert await kit.record(lease, kit.move(lease.claims[0]))


async def test_a_failing_read_of_leases_is_told_and_gives_them_back(bench) -> None:
    kit = await bench.open(faulty=True)
    message = await kit.put()
    bench.faults.code, bench.faults.where = sqlite3.SQLITE_IOERR, "json_group_array"
    with pytest.raises(SpoolFailed):
        await kit.claim()
    bench.faults.code = 0

    async def given_back() -> bool:
        return await kit.kinds(message) == ["accepted", "claimed", "queued"]

    await eventually(given_back)
    assert (await kit.recipients(message))[0].attempts == 0
    (lease,) = await kit.claim()
    assert (lease.claims[0].state, lease.claims[0].attempts) == (State.QUEUED, 0)


async def test_one_poisoned_operation_fails_alone(bench) -> None:
    kit = await bench.open()
    lost = await kit.put("lost@example.org")
    (lease,) = await kit.claim(lease=1.0)
    kit.clock.advance(2)
    (again,) = await kit.claim()
    drafts = [kit.spool.draft() for _ in range(6)]
    drafts[3].id = lost  # the same number again: the row cannot be written
    for draft in drafts:
        draft.write(TEXT)
    futures = [draft.commit(accepted("user@example.org")) for draft in drafts]
    stale = kit.spool.record(lease, [kit.move(lease.claims[0])], SPENT)
    valid = kit.spool.record(again, [kit.move(again.claims[0])], SPENT)
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert [isinstance(result, SpoolFailed) for result in results] == [False] * 3 + [True] + [False] * 2
    assert await stale is False
    assert await valid is True
    assert len(await kit.spool.find(Filter())) == 5


async def test_a_cancelled_claim_goes_back(bench) -> None:
    kit = await bench.open()
    message = await kit.put()
    kit.spool.claim("exo/scan@example.com", kit.clock.time(), 10, 600).cancel()
    assert await kit.spool.alarms() == []  # a turn of writer and reader

    async def back() -> bool:
        return await kit.states(message) == [State.QUEUED]

    await eventually(back)
    assert (await kit.recipients(message))[0].attempts == 0


async def test_after_closing_everything_is_refused(bench) -> None:
    kit = await bench.open()
    await kit.put()
    lease = await kit.one()
    await kit.spool.close()
    for future in (
        kit.spool.claim("x", 0.0, 1, 1.0),
        kit.spool.record(lease, [], SPENT),
        kit.spool.find(Filter()),
        kit.spool.raise_alarm(Alarm("k", 1.0, "t")),
    ):
        with pytest.raises(SpoolFailed, match="closed"):
            await future


async def test_the_gate_refuses_drafts(bench) -> None:
    kit = await bench.open(SETTINGS.model_copy(update={"min_free": 1 << 60}))
    assert "are free in the spool" in kit.spool.full()
    with pytest.raises(SpoolFull):
        kit.spool.draft()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


async def test_a_full_disk_refuses_and_recovers(small_disk: Path, clock: ManualClock) -> None:
    settings = SpoolSettings(min_free=0, min_inodes=0, journal=4 << 20)

    async def open_(before: object) -> SqliteSpool:
        spool = SqliteSpool(small_disk / "spool", clock, IdSource(clock), settings)
        await spool.open()
        return spool

    kit = Kit(clock, open_)
    await kit.open()
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 12_000_000)
    stored: list[MessageId] = []
    refused = 0
    while refused < 3:
        draft = kit.spool.draft()  # without a size: the gate lets it in, the commit meets the full disk
        draft.write(b"x" * 50_000)
        try:
            stored.append(await draft.commit(accepted("user@example.org")))
        except SpoolFull:
            refused += 1
    assert stored
    ballast.unlink()
    kit.clock.advance(2)
    last = await kit.put(body=b"after")
    assert [view.message.id for view in await kit.spool.find(Filter(), 1000)] == [*stored, last]
    for _ in stored:
        (lease,) = await kit.claim(limit=1)
        assert await kit.record(lease, kit.move(lease.claims[0]))
    assert await kit.content(last) == b"after"
    with pytest.raises(SpoolFull):
        await kit.put(body=b"x" * 30_000_000)
    await kit.spool.close()
