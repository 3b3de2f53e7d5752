"""Delivery as a whole: mail goes out at once, is tried again, ends, and survives restarts."""

from __future__ import annotations

import asyncio

import pytest

from mailferry.mail.outcome import Outcome
from mailferry.routes.api import Limits
from mailferry.spool.api import Filter, SpoolError, SpoolFailed, SpoolFull, State, Turn
from support.delivery_world import World
from support.fake_transport import GREYLISTED, LOST, OK, FakeTransport, fault


async def test_mail_leaves_as_soon_as_it_is_committed(world: World) -> None:
    await world.started()
    message = await world.submit("a@example.net", "b@example.net")
    await world.settle()
    assert await world.states(message) == [State.DELIVERED, State.DELIVERED]
    assert [attempt.recipients for attempt in world.transport.attempts] == [("a@example.net", "b@example.net")]
    assert [fields["recipient"] for fields in world.events("delivered")] == ["a@example.net", "b@example.net"]


async def test_mail_that_waits_at_start_leaves_at_once(world: World) -> None:
    messages = [await world.submit(f"{number}@example.net") for number in range(250)]
    await world.started()
    await world.settle(200)
    assert {(await world.states(message))[0] for message in messages} == {State.DELIVERED}
    assert len(world.transport.attempts) == 250


async def test_a_deferred_recipient_is_tried_again_by_the_schedule(world: World) -> None:
    world.transport.outcomes["a@example.net"] = [GREYLISTED, GREYLISTED, OK]
    await world.started()
    message = await world.submit("a@example.net", "b@example.net")
    await world.settle()
    assert await world.states(message) == [State.DEFERRED, State.DELIVERED]
    await world.advance(420, step=1)
    assert await world.states(message) == [State.DELIVERED, State.DELIVERED]
    began = [attempt.began - world.transport.attempts[0].began for attempt in world.transport.attempts]
    assert [round(each) for each in began] == [0, 61, 362]  # whole seconds, rounded up: 60 and 300 of waiting
    assert world.transport.attempts[1].recipients == ("a@example.net",)


@pytest.mark.parametrize("outcome", [GREYLISTED, LOST])
async def test_recipients_that_were_tried_together_are_tried_again_together(world: World, outcome: Outcome) -> None:
    """Apart they would be a message each, and to Communication Services another operation than the one in doubt."""
    addresses = tuple(f"{number}@example.net" for number in range(8))
    world.transport.outcomes = {address: [outcome, OK] for address in addresses}
    await world.started(jitter=0.5)
    await world.submit(*addresses)
    await world.run(120)
    assert [attempt.recipients for attempt in world.transport.attempts] == [addresses, addresses]


async def test_recipients_in_doubt_are_not_tried_together_with_others(world: World) -> None:
    world.transport.outcomes = {"a@example.net": [LOST, OK], "b@example.net": [GREYLISTED, OK]}
    await world.started()
    await world.submit("a@example.net", "b@example.net")
    await world.run(120)
    first, *rest = [attempt.recipients for attempt in world.transport.attempts]
    assert (first, sorted(rest)) == (("a@example.net", "b@example.net"), [("a@example.net",), ("b@example.net",)])


async def test_a_service_hint_longer_than_the_schedule_is_kept(world: World) -> None:
    world.transport.outcomes["a@example.net"] = [fault("", retry_after=900), OK]
    await world.started()
    message = await world.submit()
    await world.advance(890, step=10)
    assert await world.states(message) == [State.DEFERRED]
    await world.advance(20, step=10)
    assert await world.states(message) == [State.DELIVERED]


async def test_a_restart_in_the_middle_loses_nothing(world: World) -> None:
    world.transport.outcomes = {f"{number}@example.net": [GREYLISTED, OK] for number in range(0, 40, 2)}
    first = await world.started()
    messages = [await world.submit(f"{number}@example.net") for number in range(40)]
    await world.settle(5)
    await first.stop()
    await world.started()
    await world.advance(70, step=1)
    assert {(await world.states(message))[0] for message in messages} == {State.DELIVERED}


async def test_a_long_deferred_backlog_is_found_time_by_time_after_a_restart(world: World) -> None:
    """The spool tells only the first due time of a lane; every later one must be found as well."""
    world.transport.default = GREYLISTED
    first = await world.started()
    messages = []
    for _ in range(5):
        messages.append(await world.submit())
        await world.advance(7)
    await first.stop()
    world.transport.default = OK
    await world.started()
    await world.advance(70, step=1)
    assert {(await world.states(message))[0] for message in messages} == {State.DELIVERED}


async def test_a_killed_attempt_is_resent(world: World) -> None:
    world.transport.latency = 10
    await world.started()
    message = await world.submit()
    await world.settle()
    assert await world.states(message) == [State.CLAIMED]
    await world.spool.open()  # a new process takes the spool over, the old one is gone
    assert await world.states(message) == [State.UNKNOWN]
    await world.started()
    await world.advance(30, step=1)
    assert await world.states(message) == [State.DELIVERED]
    assert len(world.transport.attempts) == 2


async def test_a_killed_attempt_is_held_where_that_is_the_policy(world: World) -> None:
    world.transport.latency = 10
    await world.started(unknown="hold")
    message = await world.submit()
    await world.settle()
    await world.spool.open()
    await world.started(unknown="hold")
    await world.advance(30, step=1)
    assert await world.states(message) == [State.HELD]
    await world.spool.release(Filter(ids=(message,)), world.clock.time(), "admin")
    await world.advance(30, step=1)
    assert await world.states(message) == [State.DELIVERED]


async def test_stop_puts_a_running_attempt_on_record_as_unknown(world: World) -> None:
    world.transport.latency = 1000
    scheduler = await world.started()
    message = await world.submit()
    await world.settle()
    await scheduler.stop()
    assert await world.states(message) == [State.UNKNOWN]
    assert sum(minute.messages for minute in await world.spool.used("exo/scan@example.com", 0)) == 1


async def test_drain_waits_for_what_is_under_way_and_takes_no_more(world: World) -> None:
    world.transport.latency = 5
    scheduler = await world.started()
    first = await world.submit()
    await world.settle()
    ended = []

    async def drain() -> None:
        ended.append(await scheduler.drain(30))

    task = asyncio.create_task(drain())
    await world.settle()
    later = await world.submit()
    await world.advance(6, step=1)
    await task
    assert ended == [True]
    assert (await world.states(first), await world.states(later)) == ([State.DELIVERED], [State.QUEUED])


async def test_drain_gives_up_when_its_time_is_over(world: World) -> None:
    world.transport.latency = 500
    scheduler = await world.started()
    await world.submit()
    await world.settle()
    task = asyncio.create_task(scheduler.drain(30))
    await world.settle()
    await world.advance(31)
    assert await task is False


async def test_leases_that_were_not_begun_go_back_at_stop(world: World) -> None:
    world.transports["exo"] = FakeTransport(world.clock, latency=1000)
    scheduler = await world.started(parallel=2)
    messages = [await world.submit() for _ in range(10)]
    await world.settle()
    await scheduler.stop()
    states = [(await world.states(message))[0] for message in messages]
    assert states.count(State.UNKNOWN) == 2
    assert states.count(State.QUEUED) == 8


async def test_mail_of_a_route_that_is_gone_is_kept_with_an_alarm(world: World) -> None:
    message = await world.submit(lane="gone/scan@example.com")
    first = await world.started()
    await world.advance(600, step=60)
    assert await world.states(message) == [State.QUEUED]
    assert await world.alarms() == ["lane:gone/scan@example.com"]
    await first.stop()
    world.transports["gone"] = FakeTransport(world.clock)
    await world.started()
    await world.settle()
    assert await world.states(message) == [State.DELIVERED]
    assert await world.alarms() == []


async def test_the_alarm_of_a_route_that_is_gone_goes_with_its_mail(world: World) -> None:
    await world.submit(lane="gone")
    await world.started()
    assert await world.alarms() == ["lane:gone"]
    await world.spool.drop(Filter(lane="gone"), world.clock.time(), "admin")
    await world.advance(120, step=10)
    assert await world.alarms() == []


async def test_what_another_process_released_is_found(world: World) -> None:
    await world.started()
    world.transport.default = GREYLISTED
    message = await world.submit()
    await world.settle()
    await world.spool.hold(Filter(ids=(message,)), world.clock.time(), "cli")
    world.transport.default = OK
    await world.spool.release(Filter(ids=(message,)), world.clock.time(), "cli")
    await world.settle()
    assert await world.states(message) == [State.DELIVERED]


async def test_the_mailbox_of_the_lane_is_the_one_sent_from(world: World) -> None:
    await world.started()
    world.transport.default = fault("", retry_after=1)
    message = await world.submit()
    await world.settle()
    world.transport.default = OK
    await world.spool.reroute(lambda *_: Turn("exo/fixed@example.com"))
    await world.advance(70, step=1)
    assert await world.states(message) == [State.DELIVERED]
    assert world.transport.attempts[-1].message.mailbox == "fixed@example.com"


async def test_a_result_that_cannot_be_stored_is_stored_later(world: World) -> None:
    real, failing = world.spool.record, True

    def record(lease, moves, use):  # type: ignore[no-untyped-def]
        if failing:
            future = asyncio.get_running_loop().create_future()
            future.set_exception(SpoolFailed("disk full"))
            return future
        return real(lease, moves, use)

    world.spool.record = record  # type: ignore[method-assign]
    await world.started()
    message = await world.submit()
    await world.settle()
    other = await world.submit()
    await world.advance(20, step=1)
    assert (await world.states(message), await world.states(other)) == ([State.CLAIMED], [State.QUEUED])
    assert await world.alarms() == ["spool:record"]
    failing = False
    await world.advance(10, step=1)
    assert (await world.states(message), await world.states(other)) == ([State.DELIVERED], [State.DELIVERED])
    assert await world.alarms() == []
    assert len(world.transport.attempts) == 2


async def test_a_result_that_cannot_be_stored_for_long_is_not_taken_for_a_lost_one(world: World) -> None:
    """A disk that was full for longer than a lease lasts made duplicates of what had been delivered."""
    real, failing = world.spool.record, True

    def record(lease, moves, use):  # type: ignore[no-untyped-def]
        if failing:
            future = asyncio.get_running_loop().create_future()
            future.set_exception(SpoolFull("disk full"))
            return future
        return real(lease, moves, use)

    world.spool.record = record  # type: ignore[method-assign]
    await world.started()
    message = await world.submit()
    await world.advance(2 * 3600, step=20)
    failing = False
    await world.advance(120, step=1)
    assert await world.states(message) == [State.DELIVERED]
    assert len(world.transport.attempts) == 1


async def test_attempts_do_not_wait_for_records_until_too_many_wait(world: World) -> None:
    real, kept = world.spool.record, []

    def record(lease, moves, use):  # type: ignore[no-untyped-def]
        future = asyncio.get_running_loop().create_future()
        kept.append((future, lease, moves, use))
        return future

    world.spool.record = record  # type: ignore[method-assign]
    world.transports["exo"] = FakeTransport(world.clock, Limits(connections=1))
    await world.started(record_backlog=5)
    messages = [await world.submit() for _ in range(20)]
    await world.settle()
    assert len(world.transport.attempts) == 5
    world.spool.record = real  # type: ignore[method-assign]
    for future, lease, moves, use in kept:
        future.set_result(await real(lease, moves, use))
    await world.settle()
    assert {(await world.states(message))[0] for message in messages} == {State.DELIVERED}


async def test_a_lost_lease_is_trouble_and_not_repeated(world: World) -> None:
    world.transport.latency = 10
    await world.started()
    await world.submit()
    await world.settle()
    await world.spool.open()
    world.transport.latency = 0
    await world.advance(11, step=1)
    assert world.events("lease lost before its result was stored")


async def test_a_claim_that_fails_is_made_again(world: World) -> None:
    real, failed = world.spool.claim, []

    def claim(*what, **more):  # type: ignore[no-untyped-def]
        if failed:
            return real(*what, **more)
        failed.append(what)
        future = asyncio.get_running_loop().create_future()
        future.set_exception(SpoolFailed("locked"))
        return future

    world.spool.claim = claim  # type: ignore[method-assign]
    await world.started()
    message = await world.submit()
    await world.advance(7, step=1)
    assert await world.states(message) == [State.DELIVERED]


async def test_nothing_is_sent_before_the_used_budget_is_known(world: World) -> None:
    real, failed = world.spool.used, []

    def used(*what):  # type: ignore[no-untyped-def]
        if failed:
            return real(*what)
        failed.append(what)
        future = asyncio.get_running_loop().create_future()
        future.set_exception(SpoolFailed("locked"))
        return future

    world.spool.used = used  # type: ignore[method-assign]
    world.transports["exo"] = FakeTransport(world.clock, Limits(30))
    await world.started()
    message = await world.submit()
    await world.settle()
    assert await world.states(message) == [State.QUEUED]
    await world.advance(7, step=1)
    assert await world.states(message) == [State.DELIVERED]


async def test_a_result_the_store_calls_wrong_does_not_stop_delivery(world: World) -> None:
    real, wrong = world.spool.record, []

    def record(lease, moves, use):  # type: ignore[no-untyped-def]
        if not wrong:
            wrong.append(lease)
            future = asyncio.get_running_loop().create_future()
            future.set_exception(SpoolError("no such move"))
            return future
        return real(lease, moves, use)

    world.spool.record = record  # type: ignore[method-assign]
    await world.started()
    await world.submit()
    await world.settle()
    other = await world.submit()
    await world.settle()
    assert await world.states(other) == [State.DELIVERED]
    assert world.events("result not stored")


async def test_lanes_can_be_looked_at(world: World) -> None:
    world.transports["exo"] = FakeTransport(world.clock, Limits(30, 3, 10_000), default=fault("login", code=535))
    scheduler = await world.started()
    await world.submit()
    await world.submit(lane="smart")
    await world.settle()
    exo, smart = scheduler.lanes()
    assert (exo.name, exo.reason, exo.messages, exo.recipients) == ("exo/scan@example.com", "login", 29, 9999)
    assert exo.until == world.clock.time() + 10
    assert (smart.reason, smart.until, smart.messages, smart.attempts) == ("", None, None, 0)


async def test_old_mail_raises_an_alarm_and_its_end_clears_it(world: World) -> None:
    world.transport.default = GREYLISTED
    await world.started()
    await world.submit()
    await world.advance(4 * 3600 + 130, step=60)
    assert await world.alarms() == ["queue:age"]
    world.transport.default = OK
    await world.advance(4 * 3600, step=60)
    assert await world.alarms() == []


async def test_an_attempt_that_outlasts_its_lease_is_cut_off(world: World) -> None:
    world.transport.latency = lambda number: 100_000 if number == 1 else 0
    await world.started()
    message = await world.submit()
    await world.advance(3700, step=30)
    assert await world.states(message) == [State.DELIVERED]
    assert len(world.transport.started) == 2
    kinds = [event.kind for event in (await world.view(message)).events]
    assert "unknown" in kinds


async def test_mail_from_a_future_that_was_none_is_not_left_to_wait_for_it(world: World) -> None:
    start = world.clock.time()
    world.transport.outcomes["deferred@example.net"] = [GREYLISTED, OK]
    world.clock.set(start + 10 * 365 * 86400)  # a wrong clock
    scheduler = await world.started()
    deferred = await world.submit("deferred@example.net")
    await world.settle()
    assert await world.states(deferred) == [State.DEFERRED]
    await scheduler.stop()
    world.clock.set(start)  # put right
    await world.started()
    normal = await world.submit("normal@example.net")
    await world.run(130)
    assert await world.states(normal) == [State.DELIVERED]
    assert await world.states(deferred) == [State.DELIVERED]
    assert any(line[1] == "clock was set back" for line in world.lines)
