"""Lanes under fault: pause, probe, resume; alarms once; nothing counted, expired or bounced meanwhile."""

from __future__ import annotations

import pytest

from mailferry.mail.envelope import Recipient
from mailferry.routes.api import Limits
from mailferry.routes.faults import Fault
from mailferry.spool.api import State
from support.delivery_world import World
from support.fake_transport import GREYLISTED, LOST, NO_SUCH_USER, OK, FakeTransport, fault

LANE = "exo/scan@example.com"
ALARM = f"lane:{LANE}"
LOGIN = fault(Fault.LOGIN, "Authentication unsuccessful, the user credentials were incorrect.", code=535)


async def test_a_fault_pauses_the_lane_and_one_message_probes(world: World) -> None:
    world.transport.default = LOGIN
    await world.started()
    for _ in range(20):
        await world.submit()
        await world.settle()
    assert len(world.transport.attempts) == 1, "the lane was paused by the first"
    await world.advance(600, step=1)
    began = [round(each.began - world.transport.attempts[0].began) for each in world.transport.attempts]
    assert began == [0, 10, 40, 100, 220, 520], "one probe after each pause, and the pauses grow"
    assert world.transport.most["scan@example.com"] == 1


async def test_the_first_success_resumes_the_lane_and_clears_the_alarm(world: World) -> None:
    world.transport.default = LOGIN
    await world.started()
    messages = [await world.submit() for _ in range(20)]
    await world.advance(30, step=1)
    assert await world.alarms() == [ALARM]
    world.transport.default = OK
    await world.advance(60, step=1)
    assert {(await world.states(message))[0] for message in messages} == {State.DELIVERED}
    assert await world.alarms() == []
    assert len(world.events("alarm")) == 1
    assert len(world.events("alarm cleared")) == 1
    assert len(world.events("lane resumed")) == 1


async def test_the_alarm_tells_cause_and_cure(world: World) -> None:
    world.transport.default = LOGIN
    await world.started()
    await world.submit()
    await world.settle()
    [alarm] = await world.spool.alarms()
    assert alarm.key == ALARM
    assert "credentials were incorrect" in alarm.text
    assert alarm.cure


async def test_an_alarm_of_an_earlier_run_is_cleared_by_the_first_success(world: World) -> None:
    world.transport.default = LOGIN
    first = await world.started()
    await world.submit()
    await world.settle()
    await first.stop()
    world.transport.default = OK
    await world.started()
    await world.advance(20, step=1)
    assert await world.alarms() == []


@pytest.mark.parametrize("kind", [each for each in Fault if each not in (Fault.THROTTLE, Fault.BODY)])
async def test_no_fault_of_ours_ever_bounces_or_expires_mail(world: World, kind: Fault) -> None:
    world.transport.default = fault(kind, code=554)
    await world.started()
    message = await world.submit()
    await world.advance(6 * 86400, step=900)
    assert await world.states(message) == [State.DEFERRED]
    assert (await world.view(message)).recipients[0].attempts == 0
    assert await world.reports() == []
    assert len(await world.alarms()) >= 1
    world.transport.default = GREYLISTED  # now the message's own trouble: its time begins only here
    await world.advance(86400, step=900)
    assert await world.states(message) == [State.DEFERRED]


async def test_a_throttle_waits_for_the_hint_and_halves_the_connections(world: World) -> None:
    world.transports["exo"] = FakeTransport(world.clock, Limits(connections=8), latency=1)
    world.transport.default = OK
    await world.started()
    messages = [await world.submit() for _ in range(16)]
    await world.settle()
    world.transport.default = fault(Fault.THROTTLE, "Concurrent connections limit exceeded", 45, 432)
    await world.advance(1)
    assert world.transport.most["scan@example.com"] == 8
    began = len(world.transport.started)
    await world.advance(44, step=1)
    assert len(world.transport.started) == began, "it waits as long as it was asked to"
    world.transport.default = OK
    world.transport.most.clear()
    await world.advance(1)
    assert world.transport.most["scan@example.com"] == 1, "one probe"
    await world.advance(3, step=1)
    assert 1 < world.transport.most["scan@example.com"] <= 4, "half as many connections"
    await world.advance(60, step=1)
    assert {(await world.states(message))[0] for message in messages} == {State.DELIVERED}
    assert world.events("alarm") == []


async def test_connections_come_back_slowly_after_a_throttle(world: World) -> None:
    world.transports["exo"] = FakeTransport(world.clock, Limits(connections=4), latency=1)
    world.transport.default = fault(Fault.THROTTLE, code=432)
    await world.started()
    await world.submit()
    await world.advance(1)
    world.transport.default = OK
    for _ in range(100):
        await world.submit()
    await world.advance(60, step=1)
    assert world.transport.most["scan@example.com"] == 4


async def test_a_throttle_raises_an_alarm_only_when_it_lasts(world: World) -> None:
    world.transport.default = fault(Fault.THROTTLE, code=432)
    await world.started()
    await world.submit()
    await world.advance(600, step=5)
    assert await world.alarms() == []
    await world.advance(1800, step=5)
    assert await world.alarms() == [ALARM]
    world.transport.default = OK
    await world.advance(1000, step=5)
    assert await world.alarms() == []


async def test_many_failing_together_count_as_one_fault(world: World) -> None:
    world.transports["exo"] = FakeTransport(world.clock, Limits(connections=5), latency=2)
    world.transport.default = fault(Fault.CONNECTION)
    await world.started()
    for _ in range(5):
        await world.submit()
    await world.advance(3, step=1)
    assert len(world.events("lane paused")) == 1
    assert len(world.events("alarm")) == 1


async def test_a_success_that_began_before_the_pause_does_not_end_it(world: World) -> None:
    latency = {1: 2.0, 2: 5.0}
    world.transports["exo"] = FakeTransport(
        world.clock, Limits(connections=2), latency=lambda number: latency.get(number, 0)
    )
    world.transport.outcomes = {"a@example.net": [fault(Fault.TOKEN), OK], "b@example.net": OK}
    await world.started()
    await world.submit("a@example.net")
    await world.submit("b@example.net")
    await world.advance(8, step=1)
    assert world.events("lane resumed") == []
    await world.advance(8, step=1)
    assert len(world.events("lane resumed")) == 1


async def test_one_sender_that_is_refused_does_not_stop_the_others(world: World) -> None:
    refused = fault(Fault.SENDER, "SendAsDenied; scan@example.com not allowed to send as boss@example.com", code=554)
    world.transport.answer = lambda message, _: refused if message.envelope.reverse_path == "boss@example.com" else OK
    await world.started()
    bad = await world.submit(sender="boss@example.com")
    good = [await world.submit() for _ in range(5)]
    await world.settle()
    assert {(await world.states(message))[0] for message in good} == {State.DELIVERED}
    assert await world.states(bad) == [State.DEFERRED]
    assert await world.alarms() == [f"sender:{LANE}/boss@example.com"]
    world.transport.answer = None
    await world.advance(3600, step=30)
    assert await world.states(bad) == [State.DELIVERED]
    assert await world.alarms() == []


async def test_a_mailbox_whose_every_sender_is_refused_is_paused(world: World) -> None:
    world.transport.default = fault(Fault.SENDER, "SendAsDenied", code=554)
    await world.started()
    for number in range(50):
        await world.submit(sender=f"{number}@example.com")
    await world.advance(600, step=5)
    assert len(world.transport.attempts) < 12


async def test_a_message_that_offends_does_not_stay_at_the_head(world: World) -> None:
    """Each probe takes another message, so one that the upstream chokes on cannot hold the lane for ever."""
    world.transport.outcomes["bad@example.net"] = fault(Fault.SERVICE, code=550)
    await world.started()
    bad = await world.submit("bad@example.net")
    good = [await world.submit() for _ in range(5)]
    await world.advance(15, step=1)
    assert await world.states(bad) == [State.DEFERRED]
    assert {(await world.states(message))[0] for message in good} == {State.DELIVERED}


async def test_a_transport_that_raises_defers_and_is_trouble(world: World) -> None:
    world.transport.error = ZeroDivisionError("oops")
    await world.started()
    message = await world.submit()
    await world.settle()
    assert await world.states(message) == [State.DEFERRED]
    assert world.events("attempt failed")[0]["cause"] == "ZeroDivisionError: oops"
    assert len(world.events("lane paused")) == 1
    world.transport.error = None
    await world.advance(20, step=1)
    assert await world.states(message) == [State.DELIVERED]


async def test_a_transport_that_answers_too_few_recipients_defers_all(world: World) -> None:
    class Forgetful(FakeTransport):
        async def deliver(self, message, body, recipients):  # type: ignore[no-untyped-def]
            return await super().deliver(message, body, recipients[:1])

    world.transports["exo"] = Forgetful(world.clock)
    await world.started()
    message = await world.submit("a@example.net", "b@example.net")
    await world.settle()
    assert await world.states(message) == [State.DEFERRED, State.DEFERRED]


async def test_a_lost_answer_is_unknown_then_sent_again(world: World) -> None:
    world.transport.outcomes["a@example.net"] = [LOST, OK]
    await world.started()
    message = await world.submit()
    await world.settle()
    assert await world.states(message) == [State.UNKNOWN]
    await world.advance(70, step=1)
    assert await world.states(message) == [State.DELIVERED]


async def test_a_lost_answer_is_held_where_that_is_the_policy(world: World) -> None:
    world.transport.default = LOST
    await world.started(unknown="hold")
    message = await world.submit()
    await world.advance(70, step=5)
    assert await world.states(message) == [State.HELD]
    assert await world.alarms() == ["queue:unknown"]
    assert len(world.transport.attempts) == 1


async def test_answers_lost_again_and_again_end_in_the_hands_of_a_person(world: World) -> None:
    world.transport.default = LOST
    await world.started(unknown_resends=3)
    message = await world.submit()
    await world.advance(8 * 3600, step=60)
    assert await world.states(message) == [State.HELD]
    assert len(world.transport.attempts) == 4
    assert "queue:unknown" in await world.alarms()
    assert await world.reports() == []


async def test_an_unknown_recipient_stays_unknown_while_the_lane_is_at_fault(world: World) -> None:
    world.transport.outcomes["a@example.net"] = [LOST, fault(Fault.CONNECTION)]
    await world.started()
    message = await world.submit()
    await world.advance(3600, step=30)
    assert await world.states(message) == [State.UNKNOWN]


async def test_failures_of_messages_do_not_disturb_the_lane(world: World) -> None:
    world.transport.outcomes = {"a@example.net": NO_SUCH_USER, "b@example.net": GREYLISTED}
    await world.started()
    await world.submit("a@example.net")
    await world.submit("b@example.net")
    await world.submit("c@example.net")
    await world.settle()
    assert world.events("lane paused") == []
    assert world.transport.addresses() == ["a@example.net", "b@example.net", "c@example.net"]


async def test_a_lane_at_fault_does_not_touch_another(world: World) -> None:
    world.transport.answer = lambda message, _: LOGIN if message.mailbox == "scan@example.com" else OK
    await world.started()
    await world.submit()
    other = await world.submit(lane="exo/erp@example.com")
    await world.settle()
    assert await world.states(other) == [State.DELIVERED]


async def test_the_clock_stepping_back_does_not_stretch_a_pause(world: World) -> None:
    world.transport.default = LOGIN
    await world.started()
    await world.submit()
    await world.settle()
    world.clock.advance(-3600)
    world.transport.default = OK
    late = await world.submit(Recipient("b@example.net"))
    await world.advance(130, step=1)
    assert await world.states(late) == [State.DELIVERED]
