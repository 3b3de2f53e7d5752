"""Large bodies: synced before their row, removed after their message, swept after a crash."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest

from mailferry.mail.body import BodyGone
from mailferry.spool.api import Filter, SpoolFailed, SpoolFull, State
from mailferry.spool.sqlite import transaction
from support.spool_contract import SETTINGS, accepted, eventually

LARGE = b"Subject: large\r\n\r\n" + b"0123456789abcdef" * 20_000


async def gone(bench) -> None:
    """Wait until no file is left."""

    async def empty() -> bool:
        return not bench.files()

    await eventually(empty)


async def test_the_file_is_synced_then_its_folder_then_the_row(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    kit = await bench.open()
    sync = transaction.sync_directory

    def folder(path: Path) -> None:
        bench.points.append("folder synced")
        sync(path)

    monkeypatch.setattr(transaction, "sync_directory", folder)
    await kit.put(body=LARGE)
    assert [point for point in bench.points if "body" in point or "folder" in point or "commit" in point] == [
        "spool.body-started",
        "spool.body-written",
        "folder synced",
        "spool.before-commit",
        "spool.after-commit",
    ]
    assert bench.disk.calls[-1] == "sync"


async def test_one_folder_sync_serves_a_batch(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    kit = await bench.open()
    synced: list[Path] = []
    monkeypatch.setattr(transaction, "sync_directory", synced.append)
    await asyncio.gather(*(kit.put(body=LARGE) for _ in range(20)))
    assert len(set(synced)) == 1
    assert len(synced) <= kit.spool.batches


async def test_the_file_goes_when_the_last_recipient_is_final(bench) -> None:
    kit = await bench.open()
    message = await kit.put("a@example.org", "b@example.org", body=LARGE)
    (path,) = bench.files()
    assert path.stat().st_mode & 0o777 == 0o600
    lease = await kit.one()
    await kit.record(lease, kit.move(lease.claims[0]), kit.move(lease.claims[1], State.DEFERRED, "450 later", 0))
    lease = await kit.one()
    assert path.exists()
    await kit.record(lease, kit.move(lease.claims[0], State.FAILED, "550 no"))
    await gone(bench)
    assert await kit.spool.body(message) is None
    assert bench.points.count("spool.before-unlink") == 1
    with pytest.raises(BodyGone, match="missing"):
        [chunk async for chunk in lease.body.chunks()]


async def test_dropping_removes_the_file(bench) -> None:
    kit = await bench.open()
    await kit.put(body=LARGE)
    await kit.spool.drop(Filter(), kit.clock.time(), "anna")
    await gone(bench)


@pytest.mark.parametrize("call", ["create", "write", "sync"])
@pytest.mark.parametrize(("number", "error"), [(errno.ENOSPC, SpoolFull), (errno.EIO, SpoolFailed)])
async def test_a_disk_that_fails_keeps_nothing(bench, call: str, number: int, error: type[Exception]) -> None:
    kit = await bench.open()
    bench.disk.failing[call] = number
    with pytest.raises(error):
        await kit.put(body=LARGE)
    bench.disk.failing.clear()
    assert bench.files() == []
    assert await kit.spool.find(Filter()) == []
    assert await kit.content(await kit.put(body=LARGE)) == LARGE


async def test_an_aborted_file_is_removed(bench) -> None:
    kit = await bench.open()
    draft = kit.spool.draft()
    draft.write(LARGE)
    draft.abort()
    await bench.close()
    assert bench.disk.calls[-1] == "unlink"
    assert bench.files() == []


async def test_a_row_that_cannot_be_written_takes_its_file_along(bench) -> None:
    kit = await bench.open()
    draft, again = kit.spool.draft(), kit.spool.draft()
    again.id = draft.id
    draft.write(b"small")
    await draft.commit(accepted("a@example.org"))
    again.write(LARGE)
    with pytest.raises(SpoolFailed):
        await again.commit(accepted("a@example.org"))
    await gone(bench)
    assert await kit.content(draft.id) == b"small"


async def test_reading_stops_while_the_disk_is_behind(bench) -> None:
    kit = await bench.open()
    draft = kit.spool.draft()
    assert draft.drain() is None
    waited = 0
    for _ in range(30):
        draft.write(b"x" * 200_000)
        if (room := draft.drain()) is not None:
            waited += 1
            await room
    message = await draft.commit(accepted("a@example.org"))
    assert waited > 0
    assert len(await kit.content(message) or b"") == 6_000_000


async def test_orphans_are_swept_at_the_start(bench) -> None:
    kit = await bench.open()
    await kit.put(body=LARGE)
    keep = bench.files()
    (bench.directory / "bodies" / "05" / "0000000000000").write_bytes(b"nobody knows me")
    await bench.close()
    await bench.open()
    assert bench.files() == keep


async def test_finished_files_are_swept_at_the_start(bench) -> None:
    kit = await bench.open()
    await kit.put(body=LARGE)
    (path,) = bench.files()
    lease = await kit.one()
    await kit.record(lease, kit.move(lease.claims[0]))
    await bench.close()
    path.write_bytes(LARGE)
    await bench.open()
    assert bench.files() == []


@pytest.mark.parametrize("short", [False, True])
async def test_a_missing_file_is_said_loudly_once(bench, short: bool) -> None:
    kit = await bench.open()
    message = await kit.put(body=LARGE)
    (path,) = bench.files()
    await bench.close()
    if short:
        path.write_bytes(LARGE[:-1])
    else:
        path.unlink()
    for _ in range(2):
        kit = await bench.open()
        assert [event.kind for event in await kit.events(message)] == ["accepted", "note"]
        (alarm,) = await kit.spool.alarms()
        assert alarm.key.startswith("body:")
        assert "missing or short" in alarm.text
        with pytest.raises(BodyGone):
            await kit.content(message)
        await bench.close()


async def test_a_missing_row_of_a_body_is_no_empty_message(bench) -> None:
    kit = await bench.open(SETTINGS.model_copy(update={"cache": 0}))
    message = await kit.put()
    await bench.close()
    database = bench.connect(bench.directory / "spool.db")
    database.execute("DELETE FROM body")
    database.close()
    kit = await bench.open()
    with pytest.raises(BodyGone):
        await kit.content(message)
    lease = await kit.one()
    assert lease.body.inline is None
    with pytest.raises(BodyGone):
        [chunk async for chunk in lease.body.chunks()]


async def test_a_draft_that_outlives_the_spool_fails(bench) -> None:
    kit = await bench.open()
    small, large, late = (kit.spool.draft() for _ in range(3))
    small.write(b"x")
    large.write(LARGE)
    committed = late.commit
    late.write(LARGE)
    future = committed(accepted("a@example.org"))
    await bench.close()
    assert await future == late.id
    for draft in (small, large):
        with pytest.raises(SpoolFailed, match="closed"):
            await draft.commit(accepted("a@example.org"))


async def test_the_sweep_takes_nothing_but_bodies_of_its_own(bench) -> None:
    await bench.open()
    await bench.close()
    bodies = bench.directory / "bodies"
    strays = [bodies / "lost+found", bodies / "00" / "snapshot", bodies / "notes.txt", bodies / "00" / "body.bak"]
    for stray in strays:
        if "." in stray.name:
            stray.write_text("somebody put this here")
        else:
            stray.mkdir()
    orphan = bodies / "3f" / "0B5C2JW000000"
    orphan.write_bytes(b"what a kill left")
    await bench.open()
    assert not orphan.exists()
    assert all(stray.exists() for stray in strays)


async def test_a_body_may_be_given_up_while_the_store_closes(bench) -> None:
    kit = await bench.open()
    files = kit.spool._engine.files
    await bench.close()
    files.remove([1])  # nothing: the sweep at the next start takes it


async def test_an_older_database_costs_no_body_that_is_newer(bench) -> None:
    """Somebody restored the database of yesterday beside the bodies of today."""
    kit = await bench.open()
    await kit.put(body=LARGE)
    known = bench.files()
    await bench.close()
    newer = bench.directory / "bodies" / "3f" / "7ZZZZZZZZZZZZ"
    newer.write_bytes(b"mail of today")
    kit = await bench.open()
    count, directory = kit.spool.strays
    assert (count, (directory / newer.name).read_bytes()) == (1, b"mail of today")
    assert bench.files() == known
    await bench.close()
    kit = await bench.open()
    assert kit.spool.strays[0] == 0
