"""The schedule, by hand."""

from __future__ import annotations

from mailferry.delivery.retry import Schedule, sender_wait
from mailferry.delivery.settings import DAY, DeliverySettings


def schedule(**changes: object) -> Schedule:
    return Schedule(DeliverySettings(**{"jitter": 0.0} | changes))  # type: ignore[arg-type]


def test_the_default_steps() -> None:
    waits = [schedule().wait(1, attempt) for attempt in range(1, 10)]
    assert waits == [60, 300, 900, 1800, 3600, 7200, 14400, 14400, 14400]


def test_jitter_only_lengthens_and_is_the_same_whenever_asked() -> None:
    jittery = schedule(jitter=0.2)
    waits = [jittery.wait(claim, 1) for claim in range(1000)]
    assert min(waits) >= 60
    assert max(waits) <= 72
    assert len(set(waits)) > 900
    assert waits == [jittery.wait(claim, 1) for claim in range(1000)]


def test_a_hint_is_never_shorter_than_the_schedule_and_never_absurd() -> None:
    assert schedule().wait(1, 1, 5) == 60
    assert schedule().wait(1, 1, 500) == 500
    assert schedule().wait(1, 1, 1e9) == DAY


def test_spent_adds_the_steps() -> None:
    assert schedule().spent(0) == 0
    assert schedule().spent(2) == 360
    assert schedule().spent(8) == 60 + 300 + 900 + 1800 + 3600 + 7200 + 14400 * 2


def test_expiry_needs_both_attempts_and_age() -> None:
    assert not schedule().expired(3, 30 * DAY), "a machine that slept, a lane that stood still"
    assert not schedule().expired(60, DAY), "an administrator who pressed retry"
    assert schedule().expired(60, 5 * DAY)


def test_a_delay_is_told_after_one_attempt_only() -> None:
    told = [attempt for attempt in range(1, 100) if schedule(warn_after="4h").warns(attempt)]
    assert len(told) == 1
    assert not any(schedule().warns(attempt) for attempt in range(1, 100)), "off by default"


def test_a_refused_sender_is_looked_at_after_a_part_of_the_age() -> None:
    assert [sender_wait(age) for age in (-5, 10, 600, 86400)] == [60, 60, 300, 3600]
