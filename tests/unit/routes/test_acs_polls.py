"""States of operations are asked for no more often than Azure Communication Services tells them."""

from __future__ import annotations

import asyncio

from mailferry.clock import ManualClock
from mailferry.mail.outcome import Delivered, Unknown
from mailferry.routes import presets
from mailferry.routes.acs_polls import Polls
from mailferry.routes.api import Limits
from mailferry.routes.settings import RouteSettings
from support.acs_upstream import AcsUpstream, QuickClock, acs_rest_bench, tells
from support.transport_contract import kinds

PUBLISHED = Limits(messages_per_minute=30, messages_per_hour=100)


async def looks(polls: Polls, clock: QuickClock, number: int, until: float) -> list[float]:
    found = []
    for _ in range(number):
        async with polls.turn(until) as granted:
            if granted:
                found.append(clock.time())
    return found


async def test_sixty_a_minute_and_two_hundred_an_hour() -> None:
    clock = QuickClock()
    start = clock.time()
    found = await looks(Polls(clock, PUBLISHED), clock, 260, start + 7200)  # type: ignore[arg-type]
    assert len(found) == 260
    for at in found:
        assert len([other for other in found if at <= other < at + 60]) <= 60
        assert len([other for other in found if at <= other < at + 3600]) <= 200
    assert len([at for at in found if at < start + 3600]) == 200


async def test_a_turn_that_comes_too_late_is_said_at_once_and_costs_nothing() -> None:
    clock = QuickClock()
    start = clock.time()
    polls = Polls(clock, PUBLISHED)  # type: ignore[arg-type]
    assert len(await looks(polls, clock, 60, start)) == 60
    assert await looks(polls, clock, 5, start + 30) == []
    assert clock.time() == start
    assert len(await looks(polls, clock, 1, start + 60)) == 1


async def test_a_look_that_is_under_way_counts() -> None:
    clock = ManualClock()
    polls = Polls(clock, Limits(messages_per_minute=1, messages_per_hour=100))
    ends = asyncio.Event()

    async def look() -> None:
        async with polls.turn(clock.time() + 1000):
            await ends.wait()

    running = [asyncio.create_task(look()) for _ in range(2)]
    await asyncio.sleep(0)
    async with polls.turn(clock.time()) as granted:
        assert not granted
    ends.set()
    await asyncio.gather(*running)


def test_a_limit_that_was_raised_or_is_an_azure_managed_domains_is_taken_for_both() -> None:
    """Learn: 30 and 100 to send, 60 and 200 to look; of an Azure-managed domain 5 and 10, 10 and 20."""
    route = {
        "name": "r",
        "type": "acs-rest",
        "endpoint": "https://c.communication.azure.com",
        "access_key": {"env": "K"},
    }
    for rate, hour in (("5/minute", 10), ("300/minute", 3000)):
        settings = RouteSettings.model_validate(route | {"limits": {"rate": rate, "messages_per_hour": hour}})
        polls = Polls(ManualClock(), presets.limits(settings))
        assert polls._minute.limit == 2 * int(rate.partition("/")[0])
        assert polls._hour.limit == 2 * hour


async def test_a_message_whose_state_may_not_be_asked_for_any_more_is_unknown_and_is_not_sent_again() -> None:
    upstream = AcsUpstream()
    upstream.answers["status"] = [tells("Running")] * 40
    limits = {"rate": "1/minute", "messages_per_hour": 4}
    async with acs_rest_bench(upstream=upstream, limits=limits, timeouts={"end": 600}) as bench:
        result = await bench.send()
        assert kinds(result) == [Unknown]
        assert len(upstream.looks) <= 8
        upstream.answers["status"].clear()
        assert kinds(await bench.send()) != [Delivered]  # nor is it sent again before it was looked up
        assert len(upstream.sent) == 1
