"""A simulated day against the limits as Microsoft publishes them: they are used, and never overstepped."""

from __future__ import annotations

import asyncio
import bisect
from typing import Any

import pytest

from mailferry.clock import ManualClock
from mailferry.delivery.detour import Detour, no_ways
from mailferry.delivery.scheduler import Scheduler
from mailferry.delivery.settings import DeliverySettings
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.routes.presets import limits
from mailferry.routes.settings import RouteSettings
from mailferry.routes.table import Exit, RouteTable
from support.published_service import PER_DAY, PER_MINUTE, EndlessMail, PublishedService
from support.published_services import ACS_HOUR, DaysMail, Services, Way, lanes_of

START, DAY = 1_800_000_000.0, 86_400.0


async def pass_by(clock: ManualClock, seconds: float) -> None:
    """`seconds` of the clock from one sleeper to the next."""
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


async def simulate(mailboxes: int, recipients: int, seconds: float) -> PublishedService:
    """That many mailboxes by SMTP."""
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
    await pass_by(clock, seconds)
    await scheduler.stop()
    return service


def used_of_a_minute(service: PublishedService | Services) -> float:
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


# -- a mixed day ------------------------------------------------------------------------------------------------------

#: Messages a minute of each High Volume Email account, which has no rate to be kept: it has to get all of them out.
STEADY = 2
FROM = "no-reply@example.net"
ROUTES: list[dict[str, Any]] = [
    {"name": "smtp", "type": "exchange-smtp", "tenant": "contoso"},
    {"name": "graph", "type": "graph", "tenant": "contoso"},
    {"name": "hve", "type": "hve", "tenant": "contoso", "mailbox": "hve@example.com"},
    {"name": "acs-smtp", "type": "acs-smtp", "username": "u", "password": {"env": "P"}, "mailbox": FROM},
    {
        "name": "acs-rest", "type": "acs-rest", "endpoint": "https://c.communication.azure.com",
        "access_key": {"env": "K"}, "mailbox": FROM,
    },
]  # fmt: skip


async def mixed(
    smtp: int, graph: int, both: int, accounts: int, recipients: int, hours: int
) -> tuple[Services, DaysMail]:
    """That many mailboxes by SMTP, by Graph, and by both at once; High Volume Email; one Azure subscription."""
    clock = ManualClock(START)
    boxes = [f"box{number}@example.com" for number in range(smtp + graph + both)]
    lanes = [
        *lanes_of("smtp", boxes[: smtp + both]), *lanes_of("graph", boxes[smtp:]),
        *lanes_of("acs-smtp", [FROM]), *lanes_of("acs-rest", [FROM]),
    ]  # fmt: skip
    steady = dict.fromkeys(lanes_of("hve", [f"hve{number}@example.com" for number in range(accounts)]), STEADY)
    spool = DaysMail(clock, lanes, recipients, steady)
    routes = [RouteSettings.model_validate(route) for route in ROUTES]
    services = Services(clock)
    table = RouteTable([Exit(route.name, needs_mailbox=True) for route in routes], [], "smtp", [])
    log = MailLog(lambda level, event, fields: None, Metrics())
    scheduler = Scheduler(
        spool, {route.name: Way(services, route.name, limits(route)) for route in routes}, table, DeliverySettings(),
        "gw.example.com", "", clock, log, lambda message: "", detour=Detour.of(routes, no_ways),
    )  # fmt: skip
    await spool.open()
    await scheduler.start()
    await pass_by(clock, hours * 3600 - 60)
    await scheduler.stop()
    return services, spool


def assert_used(services: Services, spool: DaysMail, mailboxes: int, accounts: int, hours: int) -> None:
    day = [box.recipients / PER_DAY for box in services.mailboxes.values()]
    azure = services.azure.accepted / (hours * ACS_HOUR)
    print(f"of the day {min(day):.2%}, of the minute {used_of_a_minute(services):.2%}, of Azure's hours {azure:.2%}")
    assert sum(services.refusals.values()) == 0, dict(services.refusals)
    assert len(day) == mailboxes
    assert min(day) >= 0.98
    assert used_of_a_minute(services) >= 0.98
    assert azure >= 0.98
    assert len(services.high_volume) == accounts
    for lane, given in spool.given.items():
        sent = services.high_volume[lane.partition("/")[2]] / len(spool._to)
        assert sent >= 0.98 * STEADY * (hours * 60 - 2)
        assert sent == given


@pytest.mark.timeout(180)  # five seconds of work, on a machine that has them
async def test_a_mixed_day_uses_every_budget_and_hears_no_refusal() -> None:
    """Its first hours, in which the mailboxes use up their day and the subscription its hour again and again."""
    services, spool = await mixed(1, 1, 1, accounts=1, recipients=25, hours=5)
    assert_used(services, spool, mailboxes=3, accounts=1, hours=5)


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_a_mixed_day_of_a_hundred_mailboxes() -> None:
    """The whole proof; its short form is above."""
    services, spool = await mixed(40, 30, 20, accounts=10, recipients=5, hours=24)
    assert_used(services, spool, mailboxes=90, accounts=10, hours=24)
