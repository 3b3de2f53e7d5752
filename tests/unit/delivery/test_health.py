"""Running, paused, probing."""

from __future__ import annotations

from mailferry.delivery.health import Health
from mailferry.routes.faults import Fault

NOW = 1_800_000_000.0


def health(limit: int = 4) -> Health:
    return Health((10.0, 60.0), limit)


def test_a_running_lane_has_its_connections() -> None:
    assert health().slots(NOW, 1) == 3


def test_a_fault_pauses_and_the_pauses_grow_up_to_the_last_step() -> None:
    lane = health()
    lengths = []
    now = NOW
    for _ in range(4):
        seconds = lane.fail(lane.begin(), now, Fault.LOGIN, None)
        assert seconds is not None
        lengths.append(seconds)
        assert lane.slots(now, 0) == 0
        now += seconds
    assert lengths == [10, 60, 60, 60]


def test_one_probe_at_a_time() -> None:
    lane = health()
    lane.fail(lane.begin(), NOW, Fault.LOGIN, None)
    assert lane.slots(NOW + 10, 0) == 1
    lane.begin()
    assert lane.slots(NOW + 10, 1) == 0


def test_success_of_the_probe_ends_the_pause_and_its_growth() -> None:
    lane = health()
    lane.fail(lane.begin(), NOW, Fault.LOGIN, None)
    assert lane.succeed(lane.begin()) is True
    assert (lane.paused, lane.reason, lane.since) == (False, "", None)
    assert lane.succeed(lane.begin()) is False
    assert lane.fail(lane.begin(), NOW, Fault.LOGIN, None) == 10


def test_attempts_from_before_the_pause_change_nothing() -> None:
    lane = health()
    first, second, third = lane.begin(), lane.begin(), lane.begin()
    assert lane.fail(first, NOW, Fault.TOKEN, None) == 10
    assert lane.fail(second, NOW, Fault.TOKEN, None) is None
    assert lane.succeed(third) is False
    assert lane.paused


def test_a_cancelled_probe_lets_another_probe() -> None:
    lane = health()
    lane.fail(lane.begin(), NOW, Fault.TOKEN, None)
    lane.abandon(lane.begin())
    assert lane.slots(NOW + 10, 0) == 1


def test_a_hint_is_the_pause() -> None:
    lane = health()
    assert lane.fail(lane.begin(), NOW, Fault.THROTTLE, 33.0) == 33
    assert lane.until(NOW) == NOW + 33
    assert lane.fail(lane.begin(), NOW, Fault.THROTTLE, 1e9) == 86400


def test_a_hint_beside_another_fault_only_lengthens_the_pause() -> None:
    lane = health()
    assert lane.fail(lane.begin(), NOW, Fault.TOKEN, 1.0) == 10
    assert lane.fail(lane.begin(), NOW, Fault.TOKEN, 90.0) == 90


def test_throttling_halves_and_success_restores_one_by_one() -> None:
    lane = health(8)
    lane.fail(lane.begin(), NOW, Fault.THROTTLE, None)
    assert lane.width == 4
    widths = []
    for _ in range(200):
        lane.succeed(lane.begin())
        widths.append(lane.width)
    assert widths[-1] == 8
    assert sorted(set(widths)) == [4, 5, 6, 7, 8]
    assert widths.count(4) == 15


def test_trouble_is_dated_from_its_first_fault() -> None:
    lane = health()
    lane.fail(lane.begin(), NOW, Fault.THROTTLE, None)
    lane.fail(lane.begin(), NOW + 500, Fault.THROTTLE, None)
    assert lane.since == NOW


def test_a_clock_that_steps_back_keeps_the_length_of_the_pause() -> None:
    lane = health()
    lane.fail(lane.begin(), NOW, Fault.TOKEN, None)
    assert lane.until(NOW - 3600) == NOW - 3590


def test_a_pause_whose_cause_may_be_over_is_probed_now() -> None:
    lane = health()
    for _ in range(3):
        lane.fail(lane.begin(), NOW, Fault.TOKEN, 300.0)
    assert not lane.hasten(NOW + 1, Fault.LOGIN)
    assert lane.slots(NOW + 1, 0) == 0
    assert lane.hasten(NOW + 1, Fault.TOKEN)
    assert lane.slots(NOW + 1, 0) == 1
    assert lane.fail(lane.begin(), NOW + 1, Fault.TOKEN, None) == 10
    assert not health().hasten(NOW, Fault.TOKEN)
