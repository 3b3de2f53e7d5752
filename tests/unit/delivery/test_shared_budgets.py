"""Routes over one subscription, or to one mailbox, share what may be sent; lanes that nobody uses are forgotten."""

from __future__ import annotations

from mailferry.delivery.budgets import strictest
from mailferry.delivery.detour import Detour
from mailferry.delivery.dispatch import last_served
from mailferry.routes.api import Limits
from mailferry.routes.faults import Fault
from mailferry.routes.presets import budget, limits
from mailferry.routes.settings import RouteSettings
from support.delivery_world import World
from support.detours import started
from support.fake_transport import FakeTransport, fault

ONE = Detour(budgets={"first": "azure", "second": "azure"})


async def subscription(world: World, limits: Limits) -> None:
    for name in ("first", "second"):
        world.transports[name] = FakeTransport(world.clock, limits)
    await started(world, ONE)


async def test_two_routes_of_one_subscription_share_one_budget_in_turns(world: World) -> None:
    await subscription(world, Limits(messages_per_minute=6))
    for number in range(30):
        await world.submit(f"{number}@example.net", lane="first")
    await world.settle()
    for number in range(30):
        await world.submit(f"{number}@example.com", lane="second")
    await world.run(179)
    first, second = (len(world.transports[name].attempts) for name in ("first", "second"))
    assert first + second == 18
    assert second >= 6


async def test_what_one_route_was_throttled_for_the_other_does_not_ask_again(world: World) -> None:
    await subscription(world, Limits(messages_per_minute=100))
    world.transports["first"].default = fault(Fault.THROTTLE, "TooManyRequests", retry_after=100)
    await world.submit(lane="first")
    await world.settle()
    await world.submit(lane="second")
    await world.run(90)
    assert world.transports["second"].attempts == []
    await world.run(30)
    assert len(world.transports["second"].attempts) == 1


async def test_a_shared_budget_is_remembered_over_a_restart(world: World) -> None:
    await subscription(world, Limits(messages_per_hour=5))
    for number in range(4):
        await world.submit(f"{number}@example.net", lane="first")
    await world.run(5)
    await world.crash()
    await started(world, ONE)
    for number in range(4):
        await world.submit(f"{number}@example.net", lane="second")
    await world.run(600)
    assert len(world.transports["second"].attempts) == 1


async def test_lanes_that_nobody_uses_are_forgotten(world: World) -> None:
    scheduler = await world.started()
    for number in range(20):
        await world.submit(lane=f"exo/{number}@example.com")
    await world.settle()
    assert len(scheduler.lanes()) == 20
    await world.advance(7300, step=60)
    assert scheduler.lanes() == []
    await world.submit(lane="exo/3@example.com")
    await world.settle()
    assert len(world.transport.attempts) == 21


def test_the_strictest_of_the_limits_holds() -> None:
    found = strictest([Limits(messages_per_minute=30), Limits(messages_per_minute=5, messages_per_hour=10)])
    assert (found.messages_per_minute, found.messages_per_hour) == (5, 10)
    assert strictest([]) == Limits()


def test_mailboxes_and_subscriptions_are_what_routes_share() -> None:
    def route(**given: object) -> str:
        return budget(RouteSettings.model_validate({"name": "x", **given}))

    smtp = route(type="exchange-smtp", tenant="contoso")
    assert smtp == route(type="graph", tenant="contoso")
    assert smtp != route(type="graph", tenant="fabrikam")
    assert route(type="smarthost", host="h") == "route x"
    assert route(type="smarthost", host="h", budget="b") == route(type="exchange-smtp", tenant="t", budget="b")


def test_who_was_served_last_is_the_last_in_the_last_round() -> None:
    assert last_served("b", []) == "b"
    assert last_served("", ["a", "b", "c"]) == "c"
    assert last_served("b", ["c", "a", "b", "c"]) == "c"
    assert last_served("b", ["c", "a"]) == "a"


async def test_the_octets_of_five_minutes_are_kept(world: World) -> None:
    """Three messages of 100 octets where 250 may be uploaded: the third waits, and is not asked for again and again."""
    world.transport.limits = Limits(octets_per_5_minutes=250)
    await world.started()
    for number in range(3):
        await world.submit(f"{number}@example.net", data=b"Subject: x\r\n\r\n" + b"y" * 86)
    await world.run(300)
    assert len(world.transport.attempts) == 2
    await world.run(120)
    assert len(world.transport.attempts) == 3


async def test_a_days_recipients_of_a_high_volume_account_are_kept_over_a_restart(world: World) -> None:
    """Nothing is published of them; where the route says how many there are, they are counted as a mailbox's are."""
    route = {"name": "hve", "type": "hve", "tenant": "contoso", "mailbox": "scan@example.com"}
    given = limits(RouteSettings.model_validate(route | {"limits": {"recipients_per_day": 5}}))
    assert limits(RouteSettings.model_validate(route)).recipients_per_day == 0
    world.transports["hve"] = FakeTransport(world.clock, given)
    await world.started()
    for number in range(3):
        await world.submit(f"{number}@example.com", lane="hve/scan@example.com")
    await world.run(5)
    await world.crash()
    await world.started()
    for number in range(4):
        await world.submit(f"later{number}@example.com", lane="hve/scan@example.com")
    await world.run(600)
    assert len(world.transports["hve"].attempts) == 5
    await world.advance(86_400, step=600)
    assert len(world.transports["hve"].attempts) == 7
