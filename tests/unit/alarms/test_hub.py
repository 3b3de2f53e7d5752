"""Who is told what and when, on a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from mailferry.alarms.api import Code, Severity
from mailferry.alarms.hub import Hub
from mailferry.alarms.outbox import Outbox
from mailferry.alarms.report import Change, Notice
from mailferry.alarms.settings import TargetSettings
from mailferry.clock import ManualClock
from unit.alarms.conftest import Kept, Taker, alarm, refused, settle

Made = Callable[..., Hub]


@pytest.fixture
async def hub(clock: ManualClock, log: Kept, taker: Taker) -> AsyncIterator[Made]:
    hubs: list[Hub] = []

    def make(**settings: object) -> Hub:
        chosen = TargetSettings.model_validate({"name": "ops", "type": "syslog", **settings})
        hubs.append(Hub([Outbox(chosen, taker, "gw.example.com", clock, log)], clock, log))
        hubs[-1].start()
        return hubs[-1]

    yield make
    for one in hubs:
        await one.close()


async def pass_time(clock: ManualClock, seconds: float, step: float = 10.0) -> None:
    await settle()
    end = clock.time() + seconds
    while clock.time() < end:
        clock.advance(min(step, end - clock.time()))
        await settle()


async def test_a_storm_is_one_report(hub: Made, clock: ManualClock, taker: Taker) -> None:
    made = hub()
    for number in range(40):
        made.raise_(alarm(f"lane{number:02}"))
    await pass_time(clock, 9)
    assert taker.reports == []
    await pass_time(clock, 2)
    assert [len(each.notices) for each in taker.reports] == [40]


async def test_reports_keep_their_distance(hub: Made, clock: ManualClock, taker: Taker) -> None:
    made = hub(interval="5m")
    for number in range(60):  # a lane that flaps: ten minutes long, every ten seconds
        (made.raise_(alarm()) if number % 2 == 0 else made.resolve(Code.LANE, alarm().key))
        await pass_time(clock, 10)
    await pass_time(clock, 600)
    assert len(taker.reports) <= 4
    assert taker.told()[-1] == [("resolved", alarm().key)]


async def test_raised_once_renewed_silently_and_resolved_once(hub: Made, clock: ManualClock, taker: Taker) -> None:
    made = hub(interval=0, gather=0)
    for _ in range(3):
        made.raise_(alarm())
        await pass_time(clock, 1)
    made.resolve(Code.LANE, alarm().key)
    made.resolve(Code.LANE, alarm().key)
    await pass_time(clock, 1)
    assert taker.told() == [[("raised", alarm().key)], [("resolved", alarm().key)]]


async def test_what_becomes_worse_is_told_again(hub: Made, clock: ManualClock, taker: Taker) -> None:
    made = hub(interval=0, gather=0)
    for severity in (Severity.WARNING, Severity.ERROR, Severity.WARNING):
        made.raise_(alarm(severity=severity))
        await pass_time(clock, 1)
    assert [each.notices[0].alarm.severity for each in taker.reports] == [Severity.WARNING, Severity.ERROR]


async def test_what_lasts_is_said_again(hub: Made, clock: ManualClock, taker: Taker) -> None:
    made = hub(repeat="1h")
    made.raise_(alarm())
    await pass_time(clock, 2 * 3600 + 300, step=60)
    assert taker.told() == [[("raised", alarm().key)], *[[("repeated", alarm().key)]] * 2]
    made.resolve(Code.LANE, alarm().key)
    await pass_time(clock, 3 * 3600, step=60)
    assert taker.told()[3:] == [[("resolved", alarm().key)]]


async def test_an_alarm_of_an_earlier_run_is_not_new(hub: Made, clock: ManualClock, taker: Taker) -> None:
    made = hub(repeat="1h")
    made.recall(alarm(), clock.time() - 7200)
    made.raise_(alarm())
    await pass_time(clock, 1800, step=60)
    assert taker.reports == []
    await pass_time(clock, 2400, step=60)
    assert taker.told() == [[("repeated", alarm().key)]]
    assert taker.reports[0].notices[0].since == clock.time() - 7200 - 4200


@pytest.mark.parametrize(
    ("settings", "heard"),
    [
        ({"events": ["lane"]}, ["l"]),
        ({"severity": "critical"}, ["l"]),
        ({"events": ["sender", "queue"]}, ["s"]),
        ({}, ["l", "s"]),
    ],
)
async def test_filters(
    hub: Made, clock: ManualClock, taker: Taker, settings: dict[str, object], heard: list[str]
) -> None:
    made = hub(**settings)
    made.raise_(alarm("s", Severity.ERROR, Code.SENDER))
    made.raise_(alarm("l"))
    await pass_time(clock, 60)
    assert [key for report in taker.told() for _, key in report] == heard


async def test_nobody_is_told_of_ends_who_does_not_want_them(hub: Made, clock: ManualClock, taker: Taker) -> None:
    made = hub(resolved=False, gather=0, interval=0)
    made.raise_(alarm())
    await pass_time(clock, 5)
    made.resolve(Code.LANE, alarm().key)
    await pass_time(clock, 60)
    assert taker.told() == [[("raised", alarm().key)]]


async def test_a_target_that_fails_is_tried_again_and_seen(
    hub: Made, clock: ManualClock, taker: Taker, log: Kept
) -> None:
    taker.refusals = [refused("it answers HTTP 503"), ValueError("a bug"), refused("it answers HTTP 429", 600)]
    made = hub(gather=0)
    made.raise_(alarm("one"))
    await pass_time(clock, 1)
    assert made.troubles() == ["alarm target ops: it answers HTTP 503"]
    made.raise_(alarm("two"))
    made.resolve(Code.LANE, "one")
    await pass_time(clock, 600)
    assert taker.reports == [], "the target asked for ten minutes"
    await pass_time(clock, 100)
    assert taker.told() == [[("raised", "two"), ("resolved", "one")]]
    assert made.troubles() == []
    assert [event for event, _ in log.lines] == ["alarm not delivered"] * 3 + ["alarm target works again"]
    text = log.metrics.render().decode()
    assert 'mailferry_alarm_reports_total{result="failed",target="ops"} 3.0' in text
    assert 'mailferry_alarm_reports_total{result="sent",target="ops"} 1.0' in text


async def test_memory_is_bounded_and_the_rest_is_counted(hub: Made, clock: ManualClock, taker: Taker) -> None:
    made = hub()
    for number in range(6000):
        made.raise_(alarm(f"lane{number}"))
    await pass_time(clock, 30)
    assert (len(taker.reports[0].notices), taker.reports[0].more) == (500, 4500)
    assert len(made.standing()) == 5000


async def test_what_waits_at_the_end_gets_a_chance(hub: Made, taker: Taker) -> None:
    made = hub()
    made.raise_(alarm())
    await made.close()
    assert taker.told() == [[("raised", alarm().key)]]


async def test_a_report_that_the_end_cuts_off_is_sent_again(hub: Made, clock: ManualClock, taker: Taker) -> None:
    made, gate, reports = hub(interval=0, gather=0), asyncio.Event(), taker.reports

    async def hang(report: object) -> None:
        await gate.wait()

    taker.send, send = hang, taker.send  # type: ignore[method-assign, assignment]
    made.raise_(alarm())
    await pass_time(clock, 1)
    taker.send = send  # type: ignore[method-assign]
    await made.close()
    assert taker.told() == [[("raised", alarm().key)]]
    assert len(reports) == 1


async def test_a_target_that_breaks_at_the_end_ends_nothing_else(hub: Made, taker: Taker) -> None:
    made = hub()
    taker.refusals = [RuntimeError("broken")]
    made.raise_(alarm())
    await made.close()


async def test_memory_stays_bounded_though_every_report_fails(hub: Made, clock: ManualClock, taker: Taker) -> None:
    made = hub(interval=0, gather=0)
    [box] = made._outboxes

    async def fail(report: object) -> None:
        for number in range(600):  # what comes while a report is under way
            mild = alarm(f"{clock.time()}-{number}", Severity.WARNING)
            box.put(Notice(Change.RAISED, mild, clock.time(), clock.time()))
        raise refused()

    taker.send = fail  # type: ignore[method-assign, assignment]
    made.raise_(alarm("worst", Severity.CRITICAL))
    await pass_time(clock, 300)
    assert len(box._waiting) == 500
    assert (Code.LANE, "worst") in box._waiting
    assert box._more > 500
