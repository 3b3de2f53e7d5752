"""What one application may ask of one mailbox in Microsoft Graph is kept to, whatever it is that asks."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from mailferry.clock import ManualClock
from mailferry.m365.facts import Fact
from mailferry.m365.limits import GraphLimits, graph
from mailferry.routes.graph_quota import Full, Quota, Quotas

BOX = "scan@example.com"


def few(**changes: int) -> GraphLimits:
    """The published limits with some figures in their place."""
    found = {name: Fact(value, "x", graph().concurrent_requests.source, graph().concurrent_requests.mark)
             for name, value in changes.items()}  # fmt: skip
    return replace(graph(), **found)


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def hold(quota: Quota, done: asyncio.Event, running: list[int], octets: int = 0) -> None:
    async with quota.turn(octets):
        running[0] += 1
        running[1] = max(running[0], running[1])
        await done.wait()
        running[0] -= 1


async def test_four_at_once_and_the_fifth_when_one_has_ended() -> None:
    quota, done, running = Quota(ManualClock(), graph()), asyncio.Event(), [0, 0]
    tasks = [asyncio.create_task(hold(quota, done, running)) for _ in range(6)]
    await settle()
    assert running == [4, 4]
    done.set()
    await asyncio.gather(*tasks)
    assert running == [0, 4]


async def ask(quota: Quota, octets: int = 0) -> None:
    async with quota.turn(octets):
        pass


async def test_the_requests_of_ten_minutes_run_out_and_come_back() -> None:
    clock = ManualClock()
    quota = Quota(clock, few(requests_per_10_minutes=3))
    for _ in range(3):
        await ask(quota)
    with pytest.raises(Full) as full:
        await ask(quota)
    assert 595 < full.value.wait <= 601
    clock.set(clock.time() + 575)
    waiting = asyncio.create_task(ask(quota))  # soon enough to wait for it
    await settle()
    assert not waiting.done()
    clock.set(clock.time() + 27)
    await asyncio.wait_for(waiting, 20)


async def test_a_request_that_was_refused_or_lost_counts_as_well() -> None:
    quota = Quota(ManualClock(), few(requests_per_10_minutes=1))
    with pytest.raises(ConnectionError):
        async with quota.turn(0):
            raise ConnectionError
    with pytest.raises(Full):
        await ask(quota)


async def test_the_octets_of_five_minutes() -> None:
    clock = ManualClock()
    quota = Quota(clock, few(upload_per_5_minutes=100))
    await ask(quota, 60)
    with pytest.raises(Full) as full:
        await ask(quota, 41)
    assert 295 < full.value.wait <= 301
    await ask(quota, 40)
    clock.set(clock.time() + 302)
    await ask(quota, 1000)  # more than there ever is: alone


async def test_what_cannot_be_finished_is_not_begun() -> None:
    quota = Quota(ManualClock(), few(requests_per_10_minutes=10))
    for _ in range(7):
        await ask(quota)
    quota.expect(3)
    with pytest.raises(Full):
        quota.expect(4)


async def test_credentials_of_one_application_share_and_mailboxes_do_not() -> None:
    """Learn: "Exceeding the limit for one mailbox doesn't affect the ability of the application to access another"."""
    quotas = Quotas(ManualClock(), {"contoso": "app", "again": "app"})
    assert quotas.of("contoso", BOX) is quotas.of("again", BOX.upper())
    assert quotas.of("contoso", BOX) is not quotas.of("contoso", "other@example.com")
    assert quotas.of("contoso", BOX) is not quotas.of("fabrikam", BOX)


async def test_mailboxes_without_any_count_are_forgotten() -> None:
    quotas = Quotas(ManualClock())
    used = quotas.of("contoso", BOX)
    await ask(used)
    for number in range(3000):
        quotas.of("contoso", f"{number}@example.com")
    assert quotas.of("contoso", BOX) is used
    assert len(quotas._quotas) <= 1001
