"""Outside recipients of a tenant are counted, foretold, and warned of before the limit."""

from __future__ import annotations

from mailferry.delivery.external import External
from mailferry.mail.outcome import Deferred
from support.delivery_world import World
from support.fake_transport import fault


def external(world: World, limit: int = 100) -> External:
    return External({"contoso": limit}, {"exo": "contoso"}, ["example.com"], world.clock, world.log.metrics)


def rendered(world: World) -> bytes:
    return world.log.metrics.render()


async def test_only_outside_recipients_that_were_taken_count(world: World) -> None:
    counter = external(world)
    world.transport.outcomes = {"later@example.net": fault("throttle")}
    assert isinstance(world.transport.outcomes["later@example.net"], Deferred)
    world.transports = counter.counted(world.transports)  # type: ignore[assignment]
    await world.started()
    await world.submit("a@example.net", "b@Example.com", "c@example.org", "later@example.net")
    await world.submit("d@example.net", lane="smart")  # not over the tenant
    await world.settle()
    assert counter.forecasts()[0].used == 2


async def test_the_warning_comes_before_the_limit_and_goes_when_it_is_far_again(world: World) -> None:
    counter = external(world)
    world.transports = counter.counted(world.transports)  # type: ignore[assignment]
    scheduler = world.scheduler()
    scheduler._external = counter
    await scheduler.start()
    for number in range(70):
        await world.submit(f"{number}@example.net")
    await world.run(130)
    (alarm,) = [each for each in await world.spool.alarms() if each.key.startswith("queue:external")]
    assert "70 outside recipients in 24 hours of 100" in alarm.text
    assert "it is met at 2027-01-15 08:" in alarm.text
    assert b'mailferry_external_recipients{tenant="contoso"} 70.0' in rendered(world)
    assert b'mailferry_external_recipients_limit{tenant="contoso"} 100.0' in rendered(world)
    await world.advance(90_000, step=600)
    assert not [each for each in await world.spool.alarms() if each.key.startswith("queue:external")]


async def test_what_an_earlier_run_sent_counts(world: World) -> None:
    await world.started()
    await world.submit("a@example.net", "b@example.com")
    await world.settle()
    later = external(world)
    await later.learn(world.spool)
    assert later.forecasts()[0].used == 1
