"""The retry schedule by example."""

from __future__ import annotations

import pytest

from mailferry.spool.retry import RetrySchedule

DAY = 86400.0


def test_the_steps_follow_each_other_and_the_last_repeats() -> None:
    schedule = RetrySchedule((60.0, 300.0, 3600.0), 5 * DAY, 0.1)
    assert [schedule.next_attempt(n, 1000.0, 0.0, None, 0.0) for n in range(1, 6)] == [
        1060.0,
        1300.0,
        4600.0,
        4600.0,
        4600.0,
    ]


def test_jitter_is_a_part_of_the_step() -> None:
    assert RetrySchedule((100.0,), DAY, 0.5).next_attempt(1, 0.0, 0.0, None, 0.5) == 125.0


def test_a_hint_lengthens_and_never_shortens() -> None:
    schedule = RetrySchedule((100.0,), DAY, 0.0)
    assert schedule.next_attempt(1, 0.0, 0.0, 5.0, 0.0) == 100.0
    assert schedule.next_attempt(1, 0.0, 0.0, 500.0, 0.0) == 500.0


def test_the_last_attempt_is_at_the_end() -> None:
    schedule = RetrySchedule((100.0,), 1000.0, 0.5)
    assert schedule.next_attempt(3, 890.0, 0.0, None, 0.9) == 1000.0
    assert schedule.next_attempt(3, 901.0, 0.0, None, 0.0) is None
    assert schedule.next_attempt(3, 1000.0, 0.0, None, 0.0) is None
    assert schedule.next_attempt(1, 0.0, 0.0, 2000.0, 0.0) is None


@pytest.mark.parametrize(
    ("steps", "expire", "jitter"),
    [((), 1.0, 0.0), ((0.0,), 1.0, 0.0), ((2.0, 1.0), 1.0, 0.0), ((1.0,), 0.0, 0.0), ((1.0,), 1.0, 1.5)],
)
def test_a_schedule_that_makes_no_sense_is_refused(steps: tuple[float, ...], expire: float, jitter: float) -> None:
    with pytest.raises(ValueError, match="schedule"):
        RetrySchedule(steps, expire, jitter)
