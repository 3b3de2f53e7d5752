"""The pains of other gateways' users that concern the queue, each by its number in the survey of issue threads."""

from __future__ import annotations

from mailferry.routes.api import Limits
from mailferry.routes.faults import Fault
from mailferry.spool.api import State
from support.delivery_world import World
from support.detours import SPARE, started
from support.fake_transport import GREYLISTED, NO_SUCH_USER, OK, fault


async def test_pain_02_a_dead_sign_in_stops_no_mail_in_silence(world: World) -> None:
    """Ten days went by unnoticed elsewhere. Here an alarm is raised at once, the mail waits and nothing bounces."""
    await world.started()
    world.transport.default = fault(Fault.TOKEN, "AADSTS700082: the refresh token has expired due to inactivity")
    message = await world.submit()
    await world.advance(10 * 86_400, step=1800)
    assert await world.states(message) == [State.DEFERRED]
    assert any("AADSTS700082" in alarm.text for alarm in await world.spool.alarms())
    assert await world.reports() == []
    world.transport.default = OK
    await world.run(3600)
    assert await world.states(message) == [State.DELIVERED]


async def test_pain_05_an_expired_secret_is_no_end_where_another_route_stands_behind(world: World) -> None:
    await started(world)
    world.transport.default = fault(Fault.TOKEN, "AADSTS7000222: the client secret has expired")
    message = await world.submit()
    await world.run(300)
    assert await world.states(message) == [State.DELIVERED]
    assert any(SPARE in event.lane for event in (await world.view(message)).events)


async def test_pain_16_many_messages_of_one_client_stay_apart(world: World) -> None:
    await world.started()
    messages = [await world.submit(f"{number}@example.net", data=b"n: %d\r\n\r\n" % number) for number in range(20)]
    await world.settle()
    assert sorted(world.transport.addresses()) == sorted(f"{number}@example.net" for number in range(20))
    assert len({attempt.message.id for attempt in world.transport.attempts}) == len(messages)


async def test_pain_17_what_was_rejected_is_reported_once_and_never_tried_again(world: World) -> None:
    await world.started()
    world.transport.default = NO_SUCH_USER
    message = await world.submit()
    await world.run(60)
    await world.crash()
    await world.started()
    await world.advance(86_400, step=1800)
    assert await world.states(message) == [State.FAILED]
    assert len(world.transport.attempts) == 1
    assert len(await world.reports()) == 1


async def test_pain_18_every_message_says_where_it_is_and_what_was_answered(world: World) -> None:
    await world.started()
    world.transport.outcomes = {"a@example.net": [GREYLISTED, OK]}
    message = await world.submit("a@example.net")
    await world.run(120)
    events = (await world.view(message)).events
    assert [event.kind for event in events] == ["accepted", "claimed", "deferred", "claimed", "delivered"]
    assert "come back later" in events[2].detail
    assert "OK" in events[-1].detail


async def test_pain_19_what_was_deferred_is_tried_again_for_days(world: World) -> None:
    await world.started()
    world.transport.default = GREYLISTED
    message = await world.submit()
    await world.advance(4 * 86_400, step=1800)
    assert await world.states(message) == [State.DEFERRED]
    assert len(world.transport.attempts) > 20
    world.transport.default = OK
    await world.advance(6 * 3600, step=600)
    assert await world.states(message) == [State.DELIVERED]


async def test_pain_20_the_queue_outlives_the_process(world: World) -> None:
    await world.started()
    world.transport.default = fault(Fault.CONNECTION)
    messages = [await world.submit() for _ in range(3)]
    await world.settle()
    await world.crash()
    world.transport.default = OK
    await world.started()
    await world.run(3600)
    assert [await world.states(message) for message in messages] == [[State.DELIVERED]] * 3


async def test_pain_24_devices_that_share_a_mailbox_share_its_budget_in_turns(world: World) -> None:
    """A device that floods delays the others of its mailbox by one message, not by all of its own."""
    world.transport.limits = Limits(messages_per_minute=2, connections=1)
    await world.started()
    for number in range(50):
        await world.submit(f"flood{number}@example.net", client="copier")
    await world.settle()
    for number in range(3):
        await world.submit(f"quiet{number}@example.net", client="scale")
    await world.run(200)
    sent = world.transport.addresses()
    assert len(sent) <= 8
    assert sum(address.startswith("quiet") for address in sent) == 3


async def test_pain_33_thirty_a_minute_and_three_at_once_are_kept_unasked(world: World) -> None:
    world.transport.limits = Limits(messages_per_minute=30, connections=3)
    world.transport.latency = 1.0
    await world.started()
    for number in range(70):
        await world.submit(f"{number}@example.net")
    await world.run(59)
    assert len(world.transport.attempts) <= 30
    assert max(world.transport.most.values()) == 3
    await world.run(150)
    assert len(world.transport.attempts) == 70


async def test_pain_34_the_limit_is_the_mailboxs_and_stops_no_other(world: World) -> None:
    await world.started()
    busy = fault(Fault.THROTTLE, "Application is over its MailboxConcurrency limit.", retry_after=120)
    world.transport.answer = lambda message, to: busy if message.mailbox.startswith("busy") else OK
    held = await world.submit(lane="exo/busy@example.com")
    free = await world.submit(lane="exo/free@example.com")
    await world.run(60)
    assert await world.states(held) == [State.DEFERRED]
    assert await world.states(free) == [State.DELIVERED]
    assert len([each for each in world.transport.attempts if each.message.mailbox.startswith("busy")]) == 1
