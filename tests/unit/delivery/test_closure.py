"""When a tenant's mail to the outside is let through again."""

from __future__ import annotations

from mailferry.delivery.closure import STEPS, Closure

NOW, PROOF = 1_800_000_000.0, 600.0


def closed() -> Closure:
    one = Closure(PROOF)
    assert one.refused(NOW, NOW - 5)
    return one


def test_open_until_it_is_refused() -> None:
    one = Closure(PROOF)
    assert not one.blocks(NOW)
    one.sent(NOW)
    one.back(NOW)
    assert one.again(NOW) == NOW
    assert one.since is None


def test_one_message_probes_and_the_others_follow_when_it_was_not_refused() -> None:
    one = closed()
    assert one.blocks(NOW + STEPS[0] - 1)
    assert one.again(NOW) == NOW + STEPS[0]
    probe = NOW + STEPS[0]
    assert not one.blocks(probe)
    one.sent(probe)
    assert one.blocks(probe + 1)
    assert one.again(probe + 1) == probe + PROOF
    assert not one.blocks(probe + PROOF)
    assert one.since is None


def test_a_probe_that_is_refused_lengthens_the_wait_up_to_an_hour() -> None:
    one, now = closed(), NOW
    for step in (*STEPS[1:], STEPS[-1]):
        now = one.again(now)
        one.blocks(now)
        one.sent(now)
        assert one.refused(now + 1, now)
        assert one.again(now + 1) == now + 1 + step
    assert one.since == NOW


def test_what_left_before_is_no_news() -> None:
    one = closed()
    assert not one.refused(NOW + 1, NOW - 1)
    probe = one.again(NOW)
    one.sent(probe)
    assert not one.refused(probe + 5, probe - 1)
    assert not one.blocks(probe + PROOF)
    assert not one.refused(probe + PROOF + 1, probe - 1)
    assert one.refused(probe + PROOF + 2, probe + PROOF + 1)


def test_a_probe_that_did_not_go_is_none() -> None:
    one = closed()
    probe = one.again(NOW)
    one.sent(probe)
    one.back(probe - 1)  # another one, of before
    assert one.blocks(probe)
    one.back(probe)
    assert not one.blocks(probe)


def test_it_opens_when_a_day_has_passed_without_anybody_to_probe() -> None:
    one = closed()
    assert not one.blocks(NOW + STEPS[0] + 10)
    assert one.since == NOW
    assert not one.blocks(NOW + STEPS[0] + 86_400)
    assert one.since is None


def test_a_clock_that_steps_back_does_not_lengthen_the_wait() -> None:
    one = closed()
    assert one.blocks(NOW - 100_000)
    assert one.again(NOW - 100_000) <= NOW - 100_000 + STEPS[-1]


def test_an_earlier_runs_closure_is_probed_at_once() -> None:
    one = Closure(PROOF)
    one.restore(NOW - 50, NOW)
    assert not one.blocks(NOW)
    one.sent(NOW)
    assert one.blocks(NOW + 1)
    assert one.since == NOW - 50
