"""Whatever arrives and whatever the upstream says: budgets hold, faults never bounce, nothing is lost."""

from __future__ import annotations

import asyncio
import bisect
from collections.abc import Awaitable

from hypothesis import given, settings
from hypothesis import strategies as st

from mailferry.delivery.budget import Budget
from mailferry.delivery.decide import after
from mailferry.delivery.retry import Schedule
from mailferry.delivery.settings import DeliverySettings
from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.mail.message import Message, MessageId, format_id
from mailferry.mail.outcome import Deferred, Failed, Outcome, Unknown
from mailferry.routes.api import Limits
from mailferry.routes.faults import Fault
from mailferry.spool.api import MOVES, WAITING, Claim, State
from support.delivery_world import World, make_world
from support.fake_transport import GREYLISTED, LOST, NO_SUCH_USER, OK, FakeTransport, fault

NOW = 1_800_000_000.0
FAULTS = st.builds(
    fault, st.sampled_from([*Fault, "bug"]), retry_after=st.none() | st.floats(0, 1e6), code=st.sampled_from([451, 554])
)
OUTCOMES: st.SearchStrategy[Outcome] = st.one_of(st.sampled_from([OK, GREYLISTED, LOST, NO_SUCH_USER]), FAULTS)


def most_in(times: list[float], length: float, weights: list[int]) -> int:
    sums = [0]
    for weight in weights:
        sums.append(sums[-1] + weight)
    return max((sums[bisect.bisect_left(times, at + length)] - sums[i] for i, at in enumerate(times)), default=0)


@settings(deadline=None)
@given(
    per_minute=st.integers(1, 10),
    per_day=st.integers(1, 60),
    steps=st.lists(
        st.tuples(st.floats(0, 200) | st.floats(0, 90_000), st.integers(1, 8), st.floats(0, 90)), max_size=120
    ),
)
def test_a_budget_is_never_exceeded_for_any_arrivals(
    per_minute: int, per_day: int, steps: list[tuple[float, int, float]]
) -> None:
    """Attempts overlap, arrive at any time, take any time; starts and ends both keep to the windows."""
    budget = Budget(Limits(messages_per_minute=per_minute, recipients_per_day=per_day))
    now, flying, done = NOW, list[tuple[float, float, int]](), list[tuple[float, float, int]]()
    for wait, recipients, latency in steps:
        now += wait
        for attempt in sorted(each for each in flying if each[1] <= now):
            flying.remove(attempt)
            budget.finish(attempt[2], attempt[1], used=True)
        free = budget.free(now)
        if free.messages >= 1 and free.recipients >= recipients:
            budget.start(recipients)
            flying.append((now, now + latency, recipients))
            done.append(flying[-1])
    for moment in (0, 1):
        ordered = sorted(done, key=lambda each: each[moment])
        times = [each[moment] for each in ordered]
        assert most_in(times, 60, [1] * len(times)) <= per_minute
        assert most_in(times, 86400, [each[2] for each in ordered]) <= per_day


@settings(deadline=None)
@given(per_minute=st.integers(1, 5), ends=st.lists(st.floats(0, 300), max_size=20), need=st.integers(1, 5))
def test_when_is_true(per_minute: int, ends: list[float], need: int) -> None:
    """At the time it names a message may start, and not a moment before."""
    budget = Budget(Limits(messages_per_minute=per_minute, recipients_per_day=max(5, per_minute)))
    for end in sorted(ends):
        if budget.free(NOW + end).messages > 0 and budget.free(NOW + end).recipients > 0:
            budget.start(1)
            budget.finish(1, NOW + end, used=True)
    now = NOW + max(ends, default=0.0)
    when = budget.when(now, need)
    free = budget.free(when)
    assert free.messages >= 1
    assert free.recipients >= need


@settings(deadline=None)
@given(
    outcome=OUTCOMES,
    state=st.sampled_from(sorted(WAITING)),
    attempts=st.integers(0, 200),
    age=st.floats(-86400, 86400 * 365),
    unknown=st.sampled_from(["resend", "hold"]),
    resume=st.floats(-10, 90_000),
)
def test_only_failed_fails_and_every_move_is_allowed(
    outcome: Outcome, state: State, attempts: int, age: float, unknown: str, resume: float
) -> None:
    chosen = DeliverySettings.model_validate({"unknown": unknown})
    origin = Origin("scanner", "192.0.2.7", "h", None, None, "office")
    message = Message(MessageId(1), Envelope("s@example.com", ()), origin, 1, NOW - age, "", "<1@x>")
    claim = Claim(7, Recipient("a@example.net"), attempts, state)
    move = after(claim, outcome, message, chosen, Schedule(chosen), NOW, NOW + resume)
    assert move.state in MOVES[State.CLAIMED]
    assert (move.state is State.FAILED) == isinstance(outcome, Failed)
    if move.state is State.EXPIRED:
        assert outcome is GREYLISTED
    if move.state in WAITING:
        assert move.next_attempt is not None
        assert move.next_attempt >= NOW


def run(scenario: Awaitable[None]) -> None:
    async def main() -> None:
        await scenario

    asyncio.run(main())


ARRIVALS = st.lists(
    st.tuples(st.floats(0, 40), st.integers(1, 4), st.sampled_from(["a", "b"])), min_size=1, max_size=25
)


@settings(max_examples=25, deadline=None)
@given(
    arrivals=ARRIVALS,
    latencies=st.lists(st.floats(0, 20), min_size=1, max_size=5),
    limits=st.builds(
        Limits,
        st.integers(1, 6),
        st.integers(1, 3),
        st.integers(4, 30),
        st.integers(1, 3),
        messages_per_hour=st.sampled_from([0, 3, 8]),
    ),
    restart=st.integers(0, 25),
)
def test_the_scheduler_keeps_every_limit_across_a_restart(
    arrivals: list[tuple[float, int, str]], latencies: list[float], limits: Limits, restart: int
) -> None:
    async def scenario() -> None:
        world = make_world()
        await world.spool.open()
        world.transports["exo"] = FakeTransport(
            world.clock, limits, latency=lambda number: latencies[number % len(latencies)]
        )
        scheduler = await world.started()
        for number, (wait, recipients, box) in enumerate(arrivals):
            await world.run(wait)
            await world.submit(*(f"{each}@example.net" for each in range(recipients)), lane=f"exo/{box}@example.com")
            if number == restart:
                await scheduler.stop()
                scheduler = await world.started()
        await world.run(600)
        check(world, limits)
        await scheduler.stop()

    run(scenario())


def check(world: World, limits: Limits) -> None:
    for box in ("a@example.com", "b@example.com"):
        attempts = [each for each in world.transport.attempts if each.message.mailbox == box]
        for moment in ("began", "ended"):
            ordered = sorted(attempts, key=lambda each: getattr(each, moment))
            times = [getattr(each, moment) for each in ordered]
            assert most_in(times, 60, [1] * len(times)) <= limits.messages_per_minute
            assert not limits.messages_per_hour or most_in(times, 3600, [1] * len(times)) <= limits.messages_per_hour
            assert most_in(times, 86400, [len(each.recipients) for each in ordered]) <= limits.recipients_per_day
        assert all(len(each.recipients) <= limits.recipients_per_message for each in attempts)
        assert world.transport.most.get(box, 0) <= limits.connections


@settings(max_examples=40, deadline=None)
@given(
    script=st.lists(OUTCOMES, min_size=1, max_size=12),
    count=st.integers(1, 4),
    jump=st.sampled_from([0.0, 3600.0, -3600.0, 86400.0 * 7]),
)
def test_every_message_is_delivered_reported_or_in_the_queue(script: list[Outcome], count: int, jump: float) -> None:
    """Whatever the upstream answers and however the clock jumps: nothing is lost, no lost answer or fault bounces."""

    async def scenario() -> None:
        world = make_world()
        await world.spool.open()
        said: dict[int, list[Outcome]] = {}
        left = list(script)

        def answer(message: Message, _: Recipient) -> Outcome:
            outcome = left.pop(0) if left else OK
            said.setdefault(message.id, []).append(outcome)
            return outcome

        world.transport.answer = answer
        world.transports["reports"].latency = 10**9
        scheduler = await world.started()
        messages = [await world.submit(f"{number}@example.net") for number in range(count)]
        await world.settle()
        world.clock.advance(jump)
        await world.advance(7200, step=60)
        reported = len(await world.reports())
        ended = [(await world.states(message))[0] for message in messages]
        for message, state in zip(messages, ended, strict=True):
            if state is State.FAILED:
                assert isinstance(said[message][-1], Failed)
            if state is State.HELD:  # answers lost again and again, or a lost body: a person decides
                last = said[message][-1]
                bodiless = isinstance(last, Deferred) and last.lane_fault == Fault.BODY
                assert bodiless or any(isinstance(each, Unknown) for each in said[message])
                if bodiless:
                    assert f"body:{format_id(message)}" in await world.alarms()
            assert state in WAITING or state in (State.DELIVERED, State.FAILED, State.HELD)
        assert reported == ended.count(State.FAILED)
        await scheduler.stop()

    run(scenario())
