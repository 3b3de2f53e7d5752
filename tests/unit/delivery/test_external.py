"""Outside recipients of a tenant are counted, foretold, paced, and held back as one while the service refuses them."""

from __future__ import annotations

import pytest

from mailferry.delivery.external import External
from mailferry.delivery.outward import Allowance
from mailferry.delivery.scheduler import Scheduler
from mailferry.mail.envelope import Recipient
from mailferry.mail.message import Message
from mailferry.mail.outcome import Outcome
from mailferry.routes.api import Limits
from mailferry.routes.classify import Classifier, Stage
from mailferry.routes.faults import Fault
from mailferry.smtp.replies import Reply
from mailferry.spool.api import Filter, State
from support.delivery_world import World
from support.fake_transport import OK, fault

REFUSED = Reply(550, "5.7.233", ("Your message can't be sent because your tenant exceeded its daily limit for sending "
                                 "email to external recipients (tenant external recipient rate limit)",))  # fmt: skip
CLOSED = "queue:external recipients refused to contoso"
NEAR = "queue:external recipients of contoso"


def external(world: World, limit: int = 100, **given: float) -> External:
    allowance = Allowance(limit, **given)  # type: ignore[arg-type]
    routes = {"exo": "contoso", "spare": "contoso"}
    return External({"contoso": allowance}, routes, ["example.com"], world.clock, world.log.metrics)


async def started(world: World, counter: External) -> Scheduler:
    scheduler = Scheduler(
        world.spool, counter.counted(world.transports), world.table, world.settings, "gw.example.com",
        "postmaster@example.com", world.clock, world.log, lambda message: "", external=counter,
    )  # fmt: skip
    world.schedulers.append(scheduler)
    await scheduler.start()
    await world.settle()
    return scheduler


def rendered(world: World) -> str:
    return world.log.metrics.render().decode()


def refuse(world: World) -> None:
    """Mail to the outside is refused as by Exchange Online; mail to the inside is taken."""

    def answer(message: Message, to: Recipient) -> Outcome:
        return OK if to.address.endswith("example.com") else Classifier(exchange=True).outcome(Stage.RCPT, REFUSED)

    world.transport.answer = answer


# -- counting ---------------------------------------------------------------------------------------------------------


async def test_only_outside_recipients_that_were_taken_count(world: World) -> None:
    counter = external(world)
    world.transport.outcomes = {"later@example.net": fault("throttle")}
    await started(world, counter)
    await world.submit("a@example.net", "b@Example.com", "c@example.org", "later@example.net")
    await world.submit("d@example.net", lane="smart")  # not over the tenant
    await world.settle()
    assert counter.forecasts()[0].used == 2


async def test_the_warning_comes_before_the_limit_and_goes_when_it_is_far_again(world: World) -> None:
    await started(world, external(world))
    for number in range(70):
        await world.submit(f"{number}@example.net")
    await world.run(130)
    (alarm,) = [each for each in await world.spool.alarms() if each.key == NEAR]
    assert "70 outside recipients in 24 hours of 100" in alarm.text
    assert "it is met at 2027-01-15 08:" in alarm.text
    assert 'mailferry_external_recipients{tenant="contoso"} 70.0' in rendered(world)
    assert 'mailferry_external_recipients_limit{tenant="contoso"} 100.0' in rendered(world)
    assert 'mailferry_external_recipients_held{tenant="contoso"} 0.0' in rendered(world)
    await world.advance(90_000, step=600)
    assert NEAR not in await world.alarms()


async def test_what_an_earlier_run_sent_counts(world: World) -> None:
    await world.started()
    await world.submit("a@example.net", "b@example.com")
    await world.settle()
    await world.crash()
    later = external(world)
    await started(world, later)
    assert later.forecasts()[0].used == 1


# -- the limit, which is known ----------------------------------------------------------------------------------------


async def test_no_more_is_sent_outside_than_the_limit_and_mail_to_the_inside_goes_on(world: World) -> None:
    await started(world, external(world, 10))
    mixed = await world.submit(*(f"{number}@example.net" for number in range(12)), "in@example.com")
    inside = await world.submit("other@example.com")
    await world.settle()
    assert len([to for to in world.transport.addresses() if to.endswith("net")]) == 10
    assert {"in@example.com", "other@example.com"} <= set(world.transport.addresses())
    assert await world.states(inside) == [State.DELIVERED]
    states = await world.states(mixed)
    assert (states.count(State.DELIVERED), states.count(State.DEFERRED)) == (11, 2)
    view = await world.view(mixed)
    waiting = next(each for each in view.recipients if each.state is State.DEFERRED)
    assert "Tenant contoso is near what it may send outside (10 of 10 in 24 hours)" in waiting.last_reply
    assert waiting.attempts == 0  # not an attempt: nobody was asked
    await world.advance(86_400 + 3700, step=60)
    assert set(await world.states(mixed)) == {State.DELIVERED}


async def test_a_message_that_goes_to_all_or_none_waits_whole(world: World) -> None:
    """Graph mails whoever To names: a part of the recipients would change what the others see."""
    world.transport.limits = Limits(whole=True)
    await started(world, external(world, 3))
    message = await world.submit("a@example.net", "b@example.net", "in@example.com")
    await world.settle()
    waits = await world.submit("c@example.net", "d@example.net", "in@example.com")
    await world.settle()
    assert set(await world.states(message)) == {State.DELIVERED}
    assert set(await world.states(waits)) == {State.DEFERRED}


async def test_what_is_left_is_spread_so_that_it_is_never_used_up(world: World) -> None:
    """Eighty go as they come. Of the others some go in every hour, in the order in which they came."""
    await started(world, external(world, 100, pace=0.8))
    for number in range(200):
        await world.submit(f"{number}@example.net")
    await world.settle()
    assert len(world.transport.attempts) in (80, 81)
    sent = []
    for _ in range(4):
        before = len(world.transport.attempts)
        await world.advance(3600, step=60)
        sent.append(len(world.transport.attempts) - before)
    assert sent[0] >= 3
    assert sent[3] >= 1
    assert sum(sent) <= 16  # some of the twenty are there for the evening
    await world.advance(20 * 3600 - 600, step=600)
    assert 98 <= len(world.transport.attempts) <= 100
    late = await world.submit("late@example.com")
    await world.settle()
    assert await world.states(late) == [State.DELIVERED]


async def test_addresses_of_onmicrosoft_com_have_a_limit_of_their_own(world: World) -> None:
    await started(world, external(world, 0, own=5))
    for number in range(8):
        await world.submit(f"{number}@example.net", lane="exo/scan@contoso.onmicrosoft.com")
        await world.submit(f"{number}@example.org", lane="exo/scan@example.com")
    await world.settle()
    sent = world.transport.addresses()
    assert (len([to for to in sent if to.endswith("net")]), len([to for to in sent if to.endswith("org")])) == (5, 8)


async def test_what_those_addresses_sent_before_a_restart_counts(world: World) -> None:
    await started(world, external(world, 0, own=5))
    for number in range(4):
        await world.submit(f"{number}@example.net", lane="exo/scan@contoso.onmicrosoft.com")
    await world.settle()
    await world.crash()
    await started(world, external(world, 0, own=5))
    for number in range(4):
        await world.submit(f"later{number}@example.net", lane="exo/scan@contoso.onmicrosoft.com")
    await world.settle()
    assert len(world.transport.attempts) == 5


# -- the limit, when the service says so ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["5.7.232", "5.7.233", "5.7.236"])
@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.END])
def test_the_refusal_is_one_of_outside_recipients(stage: Stage, status: str) -> None:
    outcome = Classifier(exchange=True).outcome(stage, Reply(550, status, ("no",)))
    assert getattr(outcome, "lane_fault", "") == Fault.EXTERNAL


async def test_a_refusal_holds_back_every_lane_of_the_tenant_at_once(world: World) -> None:
    counter = external(world, 0)
    world.transports["spare"] = type(world.transport)(world.clock)
    scheduler = await started(world, counter)
    refuse(world)
    first = await world.submit("a@example.net", "in@example.com")
    await world.settle()
    for number in range(20):
        await world.submit(f"{number}@example.net", lane=f"exo/box{number}@example.com")
        await world.submit(f"{number}@example.net", lane="spare/x@example.com")
        await world.submit(f"in{number}@example.com", lane=f"exo/box{number}@example.com")
    await world.settle()
    assert len([to for to in world.transport.addresses() if to.endswith("net")]) == 1
    assert world.transports["spare"].attempts == []
    assert len([to for to in world.transport.addresses() if to.endswith("com")]) == 21
    assert await world.states(first) == [State.DEFERRED, State.DELIVERED]
    assert not [lane for lane in scheduler.lanes() if lane.reason]  # no lane is at fault
    await world.run(65)
    assert CLOSED in await world.alarms()
    assert 'mailferry_external_recipients_held{tenant="contoso"} 1.0' in rendered(world)
    (line,) = counter.closed()
    assert "mail to the inside goes on" in line


async def test_when_it_is_lifted_everything_goes_on_by_itself(world: World) -> None:
    counter = external(world, 0, proof=60.0)
    await started(world, counter)
    refuse(world)
    waiting = [await world.submit(f"{number}@example.net") for number in range(30)]
    await world.settle()
    await world.run(2000)  # the first probe is refused as well
    asked = len([to for to in world.transport.addresses() if to.endswith("net")])
    assert 2 <= asked <= 5  # those that were under way, and one probe
    world.transport.answer = None
    await world.run(2 * 3600)
    assert {state for each in waiting for state in await world.states(each)} == {State.DELIVERED}
    assert counter.closed() == []
    assert CLOSED not in await world.alarms()


async def test_an_alarm_goes_although_nobody_sends_outside_any_more(world: World) -> None:
    counter = external(world, 0)
    await started(world, counter)
    refuse(world)
    message = await world.submit("a@example.net")
    await world.run(65)
    assert CLOSED in await world.alarms()
    await world.spool.drop(Filter(ids=(message,)), world.clock.time(), "test")
    await world.advance(90_000, step=3600)
    assert CLOSED not in await world.alarms()


async def test_a_restart_does_not_forget_that_the_service_refuses(world: World) -> None:
    await started(world, external(world, 0))
    refuse(world)
    for number in range(10):
        await world.submit(f"{number}@example.net")
    await world.run(70)
    before = len(world.transport.attempts)
    await world.crash()
    counter = external(world, 0)
    await started(world, counter)
    await world.submit("new@example.net")
    await world.settle()
    assert len(world.transport.attempts) - before <= 1  # the probe
    assert len(counter.closed()) == 1


# -- the limit, when a report says so ---------------------------------------------------------------------------------

SAID = "5.7.233 550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit"


async def test_reports_of_two_domains_hold_back_and_one_alone_does_not(world: World) -> None:
    """Whoever got a message can write a report about it."""
    counter = external(world, 0)
    now = world.clock.time()
    counter.returned("exo/scan@example.com", "a@evil.example", SAID, now)
    counter.returned("exo/scan@example.com", "b@evil.example", SAID, now)
    counter.returned("exo/scan@example.com", "c@example.net", "5.1.1 no such user", now)
    counter.returned("smart", "c@example.net", SAID, now)
    assert counter.closed() == []
    counter.returned("exo/scan@example.com", "c@example.net", SAID, now)
    assert len(counter.closed()) == 1


async def test_one_report_is_believed_where_the_limit_is_near(world: World) -> None:
    counter = external(world, 10)
    await started(world, counter)
    for number in range(9):
        await world.submit(f"{number}@example.net")
    await world.settle()
    counter.returned("exo/scan@example.com", "8@example.net", SAID, world.clock.time())
    assert len(counter.closed()) == 1


async def test_reports_about_earlier_mail_do_not_close_again(world: World) -> None:
    counter = external(world, 0, proof=60.0)
    await started(world, counter)
    early = world.clock.time()
    for domain in ("example.net", "example.org"):
        counter.returned("exo/scan@example.com", f"a@{domain}", SAID, early)
    waiting = await world.submit("x@example.net")
    await world.run(1800)
    assert counter.closed() == []
    assert await world.states(waiting) == [State.DELIVERED]
    for domain in ("example.net", "example.org"):
        counter.returned("exo/scan@example.com", f"b@{domain}", SAID, early + 1)
    assert counter.closed() == []
