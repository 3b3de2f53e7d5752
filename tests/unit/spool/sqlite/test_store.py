"""What is the SQLite store's own: group commit, processes beside it, its memory, its log, its checkpoints."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable, Sequence

import pytest

from mailferry.spool.api import Filter, SpoolBusy, SpoolFailed, State
from mailferry.spool.checkpoints import NAMES
from support.spool_contract import LANE, SETTINGS, TEXT, Kit, accepted, eventually

LARGE = b"x" * 100_000


def drafts(kit: Kit, number: int) -> list[asyncio.Future[int]]:
    """Commits that wait for the writer together."""
    made = []
    for _ in range(number):
        draft = kit.spool.draft()
        draft.write(TEXT)
        made.append(draft.commit(accepted("user@example.org")))
    return made


async def test_what_arrives_together_shares_a_sync(kit: Kit) -> None:
    before = kit.spool.batches
    await asyncio.gather(*drafts(kit, 200))
    assert kit.spool.batches - before < 20


async def test_a_batch_is_answered_by_one_call(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    calls: list[Callable[..., object]] = []
    threadsafe = loop.call_soon_threadsafe

    def count(callback: Callable[..., object], *arguments: object) -> asyncio.Handle:
        calls.append(callback)
        return threadsafe(callback, *arguments)

    monkeypatch.setattr(loop, "call_soon_threadsafe", count)
    before = kit.spool.batches
    await asyncio.gather(*drafts(kit, 100))
    settles = [each for each in calls if getattr(each, "__name__", "") == "_settle"]
    assert len(settles) == kit.spool.batches - before


async def test_a_batch_has_an_end(bench) -> None:
    kit = await bench.open(SETTINGS.model_copy(update={"batch": 10}))
    before = kit.spool.batches
    await asyncio.gather(*drafts(kit, 100))
    assert kit.spool.batches - before >= 10


async def test_one_gateway_at_a_time(bench) -> None:
    await bench.open()
    with pytest.raises(SpoolBusy):
        await bench.open()
    await bench.close()
    await bench.open()


async def test_beside_a_gateway_nothing_is_taken_or_leased(bench) -> None:
    kit = await bench.open()
    message = await kit.put()
    lease = await kit.one()
    beside = await bench.open(serve=False)
    with pytest.raises(SpoolBusy):
        beside.spool.draft()
    with pytest.raises(SpoolBusy):
        await beside.claim()
    assert await beside.states(message) == [State.CLAIMED]
    assert await kit.record(lease, kit.move(lease.claims[0]))
    assert await beside.states(message) == [State.DELIVERED]


async def test_the_queue_can_be_worked_on_without_a_gateway(bench) -> None:
    kit = await bench.open()
    message = await kit.put(body=LARGE)
    await bench.close()
    beside = await bench.open(serve=False)
    assert await beside.content(message) == LARGE
    assert await beside.spool.drop(Filter(), 5.0, "anna") == 1
    await bench.close()
    assert bench.files() == []


async def test_a_change_by_another_process_is_noticed(bench) -> None:
    kit = await bench.open()
    message = await kit.put()
    await kit.bring(message, State.HELD)
    beside = await bench.open(serve=False)
    await kit.forget()
    await beside.spool.release(Filter(), kit.clock.time(), "anna")

    async def told() -> bool:
        return None in kit.told

    await eventually(told)
    assert set(map(str, kit.told)) == {"None"}
    assert len(await kit.claim()) == 1


async def test_own_changes_are_not_taken_for_those_of_others(kit: Kit) -> None:
    for _ in range(5):
        message = await kit.put()
        kit.spool._poll()
        await kit.bring(message, State.HELD)
        await kit.claim()
    assert None not in kit.told


async def test_everything_is_private(bench) -> None:
    kit = await bench.open()
    await kit.put(body=LARGE)
    await kit.put()
    for path in [bench.directory, *bench.directory.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


async def test_a_directory_that_is_a_file(bench) -> None:
    bench.directory.write_bytes(b"")
    with pytest.raises(SpoolFailed, match="spool"):
        await bench.open()


async def test_a_start_that_fails_leaves_the_lock(bench) -> None:
    bench.directory.mkdir()
    (bench.directory / "spool.db").write_bytes(b"no database" * 1000)
    for _ in range(2):
        with pytest.raises(SpoolFailed, match="damaged"):
            await bench.open()


async def test_what_was_submitted_before_closing_is_stored(bench) -> None:
    kit = await bench.open()
    futures = drafts(kit, 50)
    await bench.close()
    ids = await asyncio.gather(*futures)
    kit = await bench.open()
    assert [view.message.id for view in await kit.spool.find(Filter())] == ids


async def test_closing_twice_and_a_spool_that_was_never_open(bench) -> None:
    kit = await bench.open()
    await kit.spool.close()
    await kit.spool.close()


async def test_the_log_stays_short_under_load(bench) -> None:
    kit = await bench.open(SETTINGS.model_copy(update={"journal": 4 << 20}))
    longest = 0
    for _ in range(40):
        await asyncio.gather(*(kit.put(body=b"x" * 20_000) for _ in range(50)))
        longest = max(longest, bench.log_size())
    assert longest < 16 << 20


@pytest.mark.parametrize("cache", [0, 3000, 32 << 20])
async def test_claims_are_the_same_whatever_is_in_memory(bench, cache: int) -> None:
    kit = await bench.open(SETTINGS.model_copy(update={"cache": cache}))
    bodies = {await kit.put(body=b"%d" % number, sender=f"s{number}@example.com"): number for number in range(8)}
    leases = await kit.claim()
    assert [lease.message.id for lease in leases] == list(bodies)
    for lease in leases:
        number = bodies[lease.message.id]
        assert lease.body.inline == b"%d" % number
        assert lease.message.envelope.reverse_path == f"s{number}@example.com"
        assert lease.claims[0].recipient == lease.message.envelope.recipients[0]


async def test_every_checkpoint_is_passed(bench) -> None:
    kit = await bench.open()
    await kit.put(body=LARGE)
    lease = await kit.one()
    await kit.record(lease, kit.move(lease.claims[0]))

    async def all_passed() -> bool:
        return set(bench.points) == set(NAMES)

    await eventually(all_passed)
    order: Sequence[str] = [name for name in bench.points if "folder" not in name]
    assert order == list(NAMES)


async def test_long_queues_are_claimed_in_step(kit: Kit) -> None:
    await asyncio.gather(*drafts(kit, 300))
    taken = 0
    while leases := await kit.claim(limit=64):
        taken += len(leases)
        for lease in leases:
            assert lease.body.inline == TEXT
        await asyncio.gather(*(kit.record(lease, kit.move(lease.claims[0])) for lease in leases))
    assert taken == 300
    assert await kit.spool.lanes() == []
    assert [use.recipients for use in await kit.spool.used(LANE, 0)] == [300]
