"""Published limits are kept to the message and used to the full, over a simulated day and across restarts."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Sequence

import pytest

from mailferry.mail.message import MessageId
from mailferry.routes.api import Limits
from mailferry.spool.api import State
from support.delivery_world import World
from support.fake_transport import FakeTransport, fault

EXCHANGE = Limits(messages_per_minute=30, connections=3, recipients_per_day=10_000, recipients_per_message=500)


def most_in(times: Sequence[float], length: float, weights: Sequence[int] | None = None) -> int:
    """The most units in any half-open window of `length`; `times` ascending."""
    weights = weights or [1] * len(times)
    sums = [0]
    for weight in weights:
        sums.append(sums[-1] + weight)
    return max((sums[bisect.bisect_left(times, at + length)] - sums[i] for i, at in enumerate(times)), default=0)


def check(transport: FakeTransport, limits: Limits) -> None:
    """Whether the upstream counts an attempt at its start or at its end, no window holds too many."""
    for key in ("began", "ended"):
        attempts = sorted(transport.attempts, key=lambda attempt: getattr(attempt, key))
        times = [getattr(attempt, key) for attempt in attempts]
        assert most_in(times, 60) <= limits.messages_per_minute
        if limits.recipients_per_day:
            recipients = [len(attempt.recipients) for attempt in attempts]
            assert most_in(times, 86400, recipients) <= limits.recipients_per_day
    assert max(transport.most.values()) <= limits.connections


async def test_a_minute_never_sees_more_than_its_messages(world: World) -> None:
    limits = Limits(messages_per_minute=30, connections=3)
    world.transports["exo"] = FakeTransport(world.clock, limits, latency=0.5)
    await world.started()
    for _ in range(400):
        await world.submit()
    await world.advance(600, step=0.25)
    check(world.transport, limits)
    assert len(world.transport.attempts) >= 0.98 * 300
    assert world.transport.most["scan@example.com"] == 3


@pytest.mark.timeout(120)  # three seconds of work, on a machine that has them
async def test_a_whole_day_is_used_to_the_full_and_never_exceeded(world: World) -> None:
    world.transports["exo"] = FakeTransport(world.clock, EXCHANGE, latency=0.5)
    await world.started()
    start, waiting = world.clock.time(), 0
    while world.clock.time() < start + 1.5 * 86400:
        done = len(world.transport.attempts)
        while waiting - done < 40:
            await world.submit(*(f"{number}@example.net" for number in range(10)))
            waiting += 1
        await world.spool.purge(world.clock.time())
        await world.run(60)
    check(world.transport, EXCHANGE)
    first_day = [each for each in world.transport.attempts if each.ended < start + 86400]
    assert 9_800 <= sum(len(each.recipients) for each in first_day) <= 10_000
    assert 14_000 <= len(world.transport.addresses()) <= 20_000


async def test_a_restart_does_not_give_the_budget_again(world: World) -> None:
    limits = Limits(messages_per_minute=30, connections=3, recipients_per_day=45)
    world.transports["exo"] = FakeTransport(world.clock, limits)
    messages: list[MessageId] = []
    for _ in range(8):
        scheduler = await world.started()
        messages += [await world.submit() for _ in range(10)]
        await world.advance(7, step=1)
        await scheduler.stop()
    assert len(world.transport.attempts) == 30
    await world.started()
    await world.advance(86400 - 3600, step=600)
    assert len(world.transport.attempts) == 45
    check(world.transport, limits)
    await world.advance(7200, step=60)
    check(world.transport, limits)
    assert {(await world.states(message))[0] for message in messages} == {State.DELIVERED}


async def test_the_clock_jumping_ahead_makes_no_storm(world: World) -> None:
    limits = Limits(messages_per_minute=30, connections=3)
    world.transports["exo"] = FakeTransport(world.clock, limits)
    await world.started()
    for _ in range(200):
        await world.submit()
    await world.settle()
    assert len(world.transport.attempts) == 30
    world.clock.advance(3600)
    await world.settle()
    assert len(world.transport.attempts) == 60
    check(world.transport, limits)


async def test_the_clock_jumping_back_neither_stops_the_lane_nor_makes_a_storm(world: World) -> None:
    limits = Limits(messages_per_minute=30, connections=3, recipients_per_day=1000)
    world.transports["exo"] = FakeTransport(world.clock, limits)
    await world.started()
    for _ in range(100):
        await world.submit()
    await world.settle()
    world.clock.advance(-3600)
    for _ in range(50):  # due now, which what was there before is not: the spool has it an hour ahead
        await world.submit()
    await world.settle()
    assert len(world.transport.attempts) == 30
    await world.advance(130, step=1)
    assert 60 <= len(world.transport.attempts) <= 90


async def test_a_machine_that_slept_for_a_week_bounces_nothing(world: World) -> None:
    world.transport.default = fault("", code=451)
    await world.started()
    message = await world.submit()
    await world.settle()
    world.clock.advance(7 * 86400)
    await world.settle()
    await world.advance(7200, step=60)
    assert await world.states(message) == [State.DEFERRED]
    assert await world.reports() == []


async def test_a_message_that_was_not_handed_over_costs_nothing(world: World) -> None:
    world.transports["exo"] = FakeTransport(world.clock, Limits(messages_per_minute=2), handed_over=False)
    world.transport.default = fault("", retry_after=5)
    await world.started(retry=(5,))
    await world.submit()
    await world.advance(60, step=1)
    assert len(world.transport.attempts) >= 9
    assert await world.spool.used("exo/scan@example.com", 0) == []


async def test_more_recipients_than_a_message_may_have_go_in_parts(world: World) -> None:
    world.transports["exo"] = FakeTransport(world.clock, Limits(recipients_per_message=50))
    await world.started()
    addresses = [f"{number}@example.net" for number in range(120)]
    message = await world.submit(*addresses)
    await world.settle()
    assert [len(attempt.recipients) for attempt in world.transport.attempts] == [50, 50, 20]
    assert sorted(world.transport.addresses()) == sorted(addresses)
    assert set(await world.states(message)) == {State.DELIVERED}


async def test_a_big_message_waits_for_a_worthwhile_part_of_the_day(world: World) -> None:
    limits = Limits(recipients_per_day=1000, recipients_per_message=500)
    world.transports["exo"] = FakeTransport(world.clock, limits)
    await world.started()
    for _ in range(7):
        await world.submit(*(f"{number}@example.net" for number in range(150)))
    await world.settle()
    sizes = [len(attempt.recipients) for attempt in world.transport.attempts]
    assert sizes == [150, 150, 150, 150, 150, 150, 100]
    await world.advance(86400 + 120, step=600)
    check(world.transport, Limits(10**9, 20, 1000))
    assert len(world.transport.addresses()) == 7 * 150


async def test_a_lane_with_a_long_queue_does_not_starve_another(world: World) -> None:
    world.transports["exo"] = FakeTransport(world.clock, Limits(connections=3), latency=1)
    await world.started(parallel=4)
    for _ in range(2000):
        await world.submit(lane="exo/bulk@example.com")
    await world.advance(2, step=1)
    began = world.clock.time()
    few = [await world.submit(lane="exo/few@example.com") for _ in range(3)]
    await world.advance(4, step=1)
    assert {(await world.states(message))[0] for message in few} == {State.DELIVERED}
    assert world.clock.time() - began <= 5


async def test_lanes_take_turns_when_attempts_are_scarce(world: World) -> None:
    world.transports["exo"] = FakeTransport(world.clock, Limits(connections=20), latency=1)
    await world.started(parallel=2)
    for _ in range(300):
        await world.submit(lane="exo/bulk@example.com")
    await world.settle()
    for _ in range(20):
        await world.submit(lane="exo/a@example.com")
        await world.submit(lane="exo/b@example.com")
    await world.advance(40, step=1)
    by_box = Counter(attempt.message.mailbox for attempt in world.transport.attempts)
    assert by_box["a@example.com"] == by_box["b@example.com"] == 20
    assert len(world.transport.attempts) >= 78, "no attempt's place stays empty"
