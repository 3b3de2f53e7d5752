"""A simulated day against the limits as Microsoft publishes them: they are used, and never overstepped."""

from __future__ import annotations

import asyncio
import bisect

import pytest

from mailferry.clock import ManualClock
from mailferry.delivery.scheduler import Scheduler
from mailferry.delivery.settings import DeliverySettings
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.routes.presets import limits
from mailferry.routes.settings import RouteSettings
from mailferry.routes.table import Exit, RouteTable
from support.published_service import PER_DAY, PER_MINUTE, EndlessMail, PublishedService

START, DAY = 1_800_000_000.0, 86_400.0


async def simulate(mailboxes: int, recipients: int, seconds: float) -> PublishedService:
    """`seconds` of the clock from one sleeper to the next."""
    clock = ManualClock(START)
    lanes = [f"exo/box{number}@example.com" for number in range(mailboxes)]
    spool = EndlessMail(clock, lanes, recipients)
    route = RouteSettings.model_validate({"name": "exo", "type": "exchange-smtp", "tenant": "contoso"})
    service = PublishedService(clock, limits(route))
    table = RouteTable([Exit("exo", needs_mailbox=True)], [], "exo", [])
    log = MailLog(lambda level, event, fields: None, Metrics())
    scheduler = Scheduler(
        spool, {"exo": service}, table, DeliverySettings(), "gw.example.com", "", clock, log, lambda message: ""
    )  # fmt: skip
    await spool.open()
    await scheduler.start()
    ready, sleepers = asyncio.get_running_loop()._ready, clock._sleepers  # type: ignore[attr-defined]
    while True:
        await asyncio.sleep(0)
        while ready:  # noqa: ASYNC110 - the loop itself is what is waited for
            await asyncio.sleep(0)
        while sleepers and sleepers[0][2].done():
            clock.set(clock.time())  # lets go of sleepers that were cancelled
            if sleepers and sleepers[0][2].done():
                break
        at = sleepers[0][0]
        if at > START + seconds:
            break
        clock.set(max(at, clock.time()))
    await scheduler.stop()
    return service


def used_of_a_minute(service: PublishedService) -> float:
    """The part of the messages per minute that was used while the recipients of the day were not: the first four hours
    at most, mailbox by mailbox."""
    parts = []
    for box in service.mailboxes.values():
        end = min(box.accepted[-1], START + 4 * 3600) if box.recipients < PER_DAY else box.accepted[-1]
        end = min(end, START + 4 * 3600)
        sent = bisect.bisect_right(box.accepted, end)
        parts.append(sent / ((end - START) / 60 * PER_MINUTE))
    return sum(parts) / len(parts)


async def test_a_day_of_several_mailboxes_uses_the_budget_and_hears_no_refusal() -> None:
    service = await simulate(3, 10, DAY - 60)
    day = [box.recipients / PER_DAY for box in service.mailboxes.values()]
    print(f"of the day {min(day):.2%}, of the minute {used_of_a_minute(service):.2%}, refusals {service.refusals}")
    assert service.refusals == 0
    assert len(day) == 3
    assert min(day) >= 0.98
    assert used_of_a_minute(service) >= 0.98


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_a_day_of_a_hundred_mailboxes() -> None:
    """The whole proof; its short form is above."""
    service = await simulate(100, 2, DAY - 60)
    day = [box.recipients / PER_DAY for box in service.mailboxes.values()]
    print(f"of the day {min(day):.2%}, of the minute {used_of_a_minute(service):.2%}, refusals {service.refusals}")
    assert service.refusals == 0
    assert len(day) == 100
    assert min(day) >= 0.98
    assert used_of_a_minute(service) >= 0.98
