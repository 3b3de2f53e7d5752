"""A route at fault gives its mail to the next one, and what waits comes back when it is well."""

from __future__ import annotations

from mailferry.routes.faults import Fault
from mailferry.spool.api import Filter, State
from support.delivery_world import World
from support.detours import HOME, SPARE, detour, started
from support.fake_transport import GREYLISTED, LOST, NO_SUCH_USER, OK, fault

DOWN = fault(Fault.CONNECTION, "cannot connect")


async def test_a_lasting_fault_sends_the_mail_by_the_next_route_and_says_so(world: World) -> None:
    await started(world)
    world.transport.default = DOWN
    message = await world.submit("a@example.net")
    await world.run(50)
    assert world.transports["spare"].attempts == []  # a fault may pass
    await world.run(60)
    assert await world.states(message) == [State.DELIVERED]
    assert world.transports["spare"].addresses() == ["a@example.net"]
    view = await world.view(message)
    (left,) = [event for event in view.events if event.kind == "note"]
    assert left.lane == SPARE
    assert f"leaves by {SPARE} instead of {HOME}, because of connection: 451 4.7.0 cannot connect" in left.detail
    assert world.events("note") or world.lines


async def test_mail_that_comes_meanwhile_takes_the_same_way_and_later_mail_the_first_again(world: World) -> None:
    await started(world)
    world.transport.default = DOWN
    await world.submit("a@example.net")
    await world.run(150)
    second = await world.submit("b@example.net")
    await world.run(60)
    assert await world.states(second) == [State.DELIVERED]
    assert "b@example.net" in world.transports["spare"].addresses()
    world.transport.default = OK
    await world.run(120)
    third = await world.submit("c@example.net")
    await world.run(60)
    assert await world.states(third) == [State.DELIVERED]
    assert world.transport.addresses()[-1] == "c@example.net"


async def test_what_still_waits_returns_when_the_first_route_is_well(world: World) -> None:
    """The second route takes nothing either for now: one message after the other probes the first."""
    await started(world)
    world.transport.default = DOWN
    world.transports["spare"].default = GREYLISTED
    messages = [await world.submit(f"{number}@example.net") for number in range(5)]
    await world.run(150)
    assert {each.lane for message in messages for each in (await world.view(message)).recipients} >= {SPARE}
    world.transport.default = OK
    await world.run(7200)
    assert [await world.states(message) for message in messages] == [[State.DELIVERED]] * 5
    assert sorted(world.transport.addresses()[-5:]) == [f"{number}@example.net" for number in range(5)]
    details = [event.detail for event in (await world.view(messages[0])).events]
    assert any("is taken again" in detail for detail in details)


async def test_a_refusal_is_no_reason_for_another_route(world: World) -> None:
    await started(world)
    world.transport.outcomes = {"gone@example.net": NO_SUCH_USER, "later@example.net": GREYLISTED}
    await world.submit("gone@example.net")
    later = await world.submit("later@example.net")
    await world.run(3600)
    assert world.transports["spare"].attempts == []
    assert await world.states(later) == [State.DEFERRED]


async def test_what_may_have_arrived_stays(world: World) -> None:
    await started(world)
    world.transport.default = LOST
    message = await world.submit("a@example.net")
    await world.settle()
    world.transport.default = DOWN
    await world.submit("b@example.net")
    await world.run(600)
    assert world.transports["spare"].addresses() == ["b@example.net"]
    assert (await world.view(message)).recipients[0].lane == HOME
    assert await world.states(message) == [State.UNKNOWN]


async def test_what_somebody_holds_stays_held(world: World) -> None:
    await started(world)
    world.transport.default = DOWN
    held = await world.submit("a@example.net")
    await world.spool.hold(Filter(ids=(held,)), world.clock.time(), "anna")
    await world.submit("b@example.net")
    await world.run(300)
    assert [each.lane for each in (await world.view(held)).recipients] == [HOME]


async def test_the_third_way_says_what_changes(world: World) -> None:
    await started(world)
    world.transport.default = world.transports["spare"].default = DOWN
    message = await world.submit("a@example.com", "b@example.net")
    await world.run(900)
    assert world.transports["smart"].addresses() == ["a@example.com"]  # the only one that `smart` reaches
    details = [event.detail for event in (await world.view(message)).events if event.lane == "smart"]
    assert any("those who receive it see another from, headers" in detail for detail in details)


async def test_a_fault_of_an_earlier_run_counts(world: World) -> None:
    scheduler = await started(world)
    world.transport.default = DOWN
    world.transports["spare"].default = DOWN
    await world.submit("a@example.net")
    await world.run(120)
    await scheduler.stop()
    world.transports["spare"].default = OK
    await started(world)
    await world.run(45)
    assert world.transports["spare"].addresses()[-1] == "a@example.net"


async def test_a_pool_shares_what_one_mailbox_may_not_send(world: World) -> None:
    from mailferry.routes.api import Limits

    world.transport.limits = Limits(messages_per_minute=5)
    boxes = ("p1@example.com", "p2@example.com", "p3@example.com")
    await started(world, detour(boxes))
    for number in range(30):
        await world.submit(f"{number}@example.net", lane="exo/p1@example.com")
    await world.run(110)
    sent = [each.message.mailbox for each in world.transport.attempts]
    assert len(sent) == 30  # two minutes' worth of three mailboxes
    assert {box: sent.count(box) for box in boxes} == dict.fromkeys(boxes, 10)
    assert len(set(world.transport.addresses())) == 30
