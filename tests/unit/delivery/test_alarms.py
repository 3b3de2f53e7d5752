"""Alarms are stored, kept true and cleared, whatever the store does meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from mailferry.delivery.alarms import Alarms
from mailferry.m365.facts import Text
from mailferry.spool.api import Alarm, Filter, SpoolFull, State
from support.delivery_world import World
from support.fake_transport import OK, fault


class Stubborn:
    """A store of alarms that refuses while it is told to."""

    def __init__(self) -> None:
        self.refuses = False
        self.stored: dict[str, Alarm] = {}

    def raise_alarm(self, alarm: Alarm) -> asyncio.Future[bool]:
        return self._do(lambda: self.stored.update({alarm.key: alarm}))

    def clear_alarm(self, key: str) -> asyncio.Future[bool]:
        return self._do(lambda: self.stored.pop(key, None))

    def _do(self, change) -> asyncio.Future[bool]:  # type: ignore[no-untyped-def]
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if self.refuses:
            future.set_exception(SpoolFull("no space"))
        else:
            change()
            future.set_result(True)
        return future


async def test_what_a_full_disk_refused_is_stored_later(world: World) -> None:
    store = Stubborn()
    alarms = Alarms(store, world.clock, world.log)  # type: ignore[arg-type]
    alarms.sound("kept", Text("it stands", "it stands"), Text("do this", "do this"))
    alarms.sound("over", Text("it stands", "it stands"), Text("do this", "do this"))
    await asyncio.sleep(0)
    store.refuses = True
    alarms.sound("late", Text("it stands too", "it stands too"), Text("do that", "do that"))
    alarms.clear("over")
    await asyncio.sleep(0)
    assert set(store.stored) == {"kept", "over"}
    store.refuses = False
    alarms.again()
    await asyncio.sleep(0)
    assert set(store.stored) == {"kept", "late"}
    store.stored.clear()
    alarms.again()
    assert store.stored == {}


async def test_the_last_word_wins(world: World) -> None:
    store = Stubborn()
    alarms = Alarms(store, world.clock, world.log)  # type: ignore[arg-type]
    store.refuses = True
    alarms.sound("key", Text("one", "one"), Text("", ""))
    alarms.clear("key")
    alarms.sound("key", Text("two", "two"), Text("", ""))
    store.refuses = False
    alarms.again()
    await asyncio.sleep(0)
    assert {alarm.text for alarm in store.stored.values()} == {"two"}


async def test_an_alarm_tells_the_cause_of_today(world: World) -> None:
    world.transport.default = fault("connection", "cannot connect")
    await world.started()
    await world.submit()
    await world.settle()
    world.transport.default = fault("login", "login refused")
    await world.run(120)
    [alarm] = [each for each in await world.spool.alarms() if each.key.startswith("lane:")]
    assert "login refused" in alarm.text
    assert len([line for line in world.events("alarm") if line["key"] == alarm.key]) == 1


async def test_mail_that_cannot_be_taken_from_the_spool_raises_an_alarm(world: World) -> None:
    claim, full = world.spool.claim, True

    def refusing(*what, **more):  # type: ignore[no-untyped-def]
        if not full:
            return claim(*what, **more)
        future = asyncio.get_running_loop().create_future()
        future.set_exception(SpoolFull("no space"))
        return future

    world.spool.claim = refusing  # type: ignore[method-assign]
    await world.started()
    messages = [await world.submit(), await world.submit(lane="smart")]
    await world.run(30)
    assert await world.alarms() == ["spool:claim"]
    assert len(world.events("alarm")) == 1
    full = False
    await world.run(30)
    assert [await world.states(message) for message in messages] == [[State.DELIVERED]] * 2
    assert await world.alarms() == []


async def test_alarms_of_the_spool_do_not_outlive_the_run_that_raised_them(world: World) -> None:
    for key in ("spool:claim", "spool:record"):
        await world.spool.raise_alarm(Alarm(key, world.clock.time(), "no space"))
    await world.started()
    await world.submit()
    await world.settle()
    assert await world.alarms() == []


@pytest.mark.parametrize("kind", ["login", "sender"])
async def test_an_alarm_nobody_waits_for_any_more_is_cleared(world: World, kind: str) -> None:
    world.transport.default = fault(kind)
    await world.started()
    await world.submit(sender="a/b@example.com")
    await world.run(200)
    assert len(await world.alarms()) == 1
    await world.spool.drop(Filter(states=frozenset(State)), world.clock.time(), "anna")
    await world.run(200)
    assert await world.alarms() == []
    await world.submit(sender="a/b@example.com")
    await world.run(2000)
    assert len(await world.alarms()) == 1
    world.transport.default = OK
    await world.run(7200)
    assert await world.alarms() == []
