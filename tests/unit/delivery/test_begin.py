"""A kill leaves in doubt what was attempted; what was only claimed ahead was never tried."""

from __future__ import annotations

from collections import Counter

import pytest

from mailferry.delivery.settings import UnknownPolicy
from mailferry.mail.message import MessageId
from mailferry.routes.api import Limits
from mailferry.spool.api import Filter, SpoolFailed, State, UsedMinute
from support.delivery_world import World


async def submitted(world: World, number: int) -> list[MessageId]:
    messages = []
    for _ in range(number):
        world.clock.advance(0.001)
        messages.append(await world.submit())
    await world.settle()
    return messages


async def test_of_mail_claimed_ahead_a_kill_leaves_little_in_doubt(world: World) -> None:
    world.transport.limits = Limits(connections=3)
    world.transport.latency = 1000
    messages = await submitted(world, 60)
    await world.started()
    await world.settle()
    assert [await world.states(each) for each in messages] == [[State.CLAIMED]] * 60
    await world.spool.open()  # as after a kill: nobody has recorded anything
    found = Counter([(await world.states(each))[0] for each in messages])
    assert len(world.transport.started) == 3
    assert found[State.UNKNOWN] <= 3 + 4
    assert found[State.QUEUED] >= 60 - 7
    used = await world.spool.used("exo/scan@example.com", 0)
    assert used == [UsedMinute(int(world.clock.time() // 60), found[State.UNKNOWN], found[State.UNKNOWN])]


async def test_nothing_is_sent_before_its_beginning_is_on_record(world: World) -> None:
    """Whatever the lane's width, whoever is attempted was begun; and each message goes once."""
    world.transport.limits = Limits(connections=2)
    begun: list[bool] = []

    async def watched(message, body, recipients, deliver=world.transport.deliver):  # type: ignore[no-untyped-def]
        entry = world.spool._entries[message.id]
        begun.extend(row.begun for row in entry.rows)
        return await deliver(message, body, recipients)

    world.transport.deliver = watched  # type: ignore[method-assign]
    messages = await submitted(world, 100)
    await world.started()
    await world.run(60)
    assert [await world.states(each) for each in messages] == [[State.DELIVERED]] * 100
    assert begun == [True] * 100
    assert len(world.transport.attempts) == 100


async def test_few_records_serve_many_beginnings(world: World) -> None:
    world.transport.limits = Limits(connections=10)
    asked: list[int] = []
    real = world.spool.begin

    def counted(leases):  # type: ignore[no-untyped-def]
        asked.append(len(leases))
        return real(leases)

    world.spool.begin = counted  # type: ignore[method-assign]
    await submitted(world, 200)
    await world.started()
    await world.run(60)
    assert len(world.transport.attempts) == 200
    assert len(asked) <= 200 / 4


async def test_what_cannot_be_begun_goes_back_and_is_tried_later(world: World) -> None:
    world.transport.limits = Limits(connections=1)
    real, failing = world.spool.begin, True

    def begin(leases):  # type: ignore[no-untyped-def]
        if not failing:
            return real(leases)
        future = real([])
        failed = future.get_loop().create_future()
        failed.set_exception(SpoolFailed("disk"))
        return failed

    world.spool.begin = begin  # type: ignore[method-assign]
    messages = await submitted(world, 5)
    await world.started()
    await world.advance(1)
    failing = False
    await world.run(60)
    assert [await world.states(each) for each in messages] == [[State.DELIVERED]] * 5
    assert len(world.transport.attempts) == 5


@pytest.mark.parametrize("seconds", [7200.0, -7200.0])
async def test_a_clock_that_is_set_cuts_no_attempt_off(world: World, seconds: float) -> None:
    world.transport.latency = 300
    message = await world.submit()
    await world.started()
    await world.settle()
    world.clock.step(seconds)
    await world.advance(120, step=10)
    assert await world.states(message) == [State.CLAIMED]
    await world.advance(200, step=10)
    assert await world.states(message) == [State.DELIVERED]
    assert len(world.transport.attempts) == 1


async def test_who_retries_what_is_in_doubt_has_it_sent_under_hold(world: World) -> None:
    world.transport.latency = 1000
    message = await world.submit()
    await world.started(unknown=UnknownPolicy.HOLD)
    await world.settle()
    await world.spool.open()
    assert await world.states(message) == [State.UNKNOWN]
    await world.spool.retry(Filter(ids=(message,)), world.clock.time(), "anna")
    world.transport.latency = 0
    await world.run(60)
    assert await world.states(message) == [State.DELIVERED]
