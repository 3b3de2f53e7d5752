"""The retry schedule rises, jitters within its bounds, honours hints and ends."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from mailferry.spool.retry import RetrySchedule

STEPS = st.lists(st.floats(1, 100_000), min_size=1, max_size=10).map(lambda steps: tuple(sorted(steps)))
SCHEDULES = st.builds(RetrySchedule, STEPS, st.floats(1, 1_000_000), st.floats(0, 1))
RANDOM = st.floats(0, 1, exclude_max=True)
START = 1_800_000_000.0


@given(SCHEDULES, st.integers(1, 50), st.floats(0, 2_000_000), st.none() | st.floats(0, 200_000), RANDOM)
def test_a_wait_is_within_its_bounds(
    schedule: RetrySchedule, attempts: int, age: float, hint: float | None, random: float
) -> None:
    now, end = START + age, START + schedule.expire
    step = schedule.steps[min(attempts, len(schedule.steps)) - 1]
    due = schedule.next_attempt(attempts, now, START, hint, random)
    if due is None:
        assert now >= end or end - now < max(step, hint or 0.0)
        return
    slack = 1e-6  # seconds since the epoch carry less than a microsecond
    assert due <= end
    assert due - now >= max(step, hint or 0.0) - slack
    assert due - now <= max(step * (1 + schedule.jitter), hint or 0.0) + slack


@given(SCHEDULES, RANDOM)
def test_a_message_is_tried_to_its_end_and_no_longer(schedule: RetrySchedule, random: float) -> None:
    now, attempts, waits = START, 0, []
    while attempts < 200:
        attempts += 1
        due = schedule.next_attempt(attempts, now, START, None, random)
        if due is None:
            break
        assert due > now
        waits.append(due - now)
        now = due
    end = START + schedule.expire
    assert now <= end
    if attempts < 200:
        assert end - now < schedule.steps[min(attempts, len(schedule.steps)) - 1] + 1e-6
    whole = waits[:-1]  # the last wait may be cut to the end
    assert all(later >= earlier - 1e-6 for earlier, later in itertools.pairwise(whole))


@given(SCHEDULES, st.integers(1, 50), st.floats(0, 1_000), RANDOM, RANDOM)
def test_chance_only_adds(schedule: RetrySchedule, attempts: int, age: float, less: float, more: float) -> None:
    low, high = sorted((less, more))
    early = schedule.next_attempt(attempts, START + age, START, None, low)
    late = schedule.next_attempt(attempts, START + age, START, None, high)
    assert (early is None) == (late is None)
    assert early is None or late is None or early <= late
