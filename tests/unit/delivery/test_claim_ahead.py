"""What is claimed ahead has a bound over all lanes, and no lane goes hungry for it."""

from __future__ import annotations

import asyncio
from asyncio import Future

from mailferry.spool.api import Lease, SpoolFull, State
from support.delivery_world import World

LANES, EACH, BOUND, PARALLEL = 30, 5, 10, 3


async def most_claimed(world: World) -> int:
    """The most recipients that were claimed at a time until everything was delivered."""
    most = 0
    for _ in range(LANES * EACH * 2):
        counts = await world.spool.counts()
        most = max(most, counts.get(State.CLAIMED, 0))
        if len(world.transport.attempts) == LANES * EACH:
            break
        await world.advance(0.5)
    assert len(world.transport.attempts) == LANES * EACH
    return most


async def test_all_lanes_together_claim_no_more_than_the_bound(world: World) -> None:
    world.transport.latency = 0.5
    scheduler = await world.started(parallel=PARALLEL, claim_ahead_all=BOUND)
    for number in range(LANES * EACH):
        await world.submit(f"{number}@example.net", lane=f"exo/box{number % LANES}@example.com")
    await world.settle()
    assert PARALLEL < await most_claimed(world) <= BOUND + PARALLEL
    assert scheduler._dispatcher._ahead == 0
    assert not scheduler._dispatcher._hungry


async def test_lanes_take_turns_when_claims_are_scarce(world: World) -> None:
    """Nobody waits for all of another's mail."""
    world.transport.latency = 0.5
    await world.started(parallel=PARALLEL, claim_ahead_all=PARALLEL, claim_ahead=1)
    for number in range(LANES * EACH):
        await world.submit(f"{number}@example.net", lane=f"exo/box{number % LANES}@example.com")
    await most_claimed(world)
    first = {attempt.message.mailbox for attempt in world.transport.attempts[: LANES * 2]}
    assert len(first) == LANES


async def test_a_claim_that_fails_gives_its_share_back(world: World) -> None:
    def refusing(*what: object, **more: object) -> Future[list[Lease]]:
        future: Future[list[Lease]] = asyncio.get_running_loop().create_future()
        future.set_exception(SpoolFull("no space"))
        return future

    world.spool.claim = refusing  # type: ignore[method-assign]
    scheduler = await world.started(claim_ahead_all=BOUND)
    for number in range(LANES):
        await world.submit(lane=f"exo/box{number}@example.com")
    await world.run(30)
    assert scheduler._dispatcher._ahead == 0
