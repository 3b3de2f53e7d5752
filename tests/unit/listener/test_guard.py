"""Locks against guessing."""

from __future__ import annotations

from typing import Any

import pytest

from mailferry.clock import ManualClock
from mailferry.listener.guard import Guard
from mailferry.listener.settings import GuardSettings
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from support.listening import Recorder

HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def make(clock: ManualClock, recorder: Recorder, **settings: Any) -> Guard:
    given: dict[str, Any] = {"attempts": 3, "window": 600, "lock": 60, "longest_lock": 200} | settings
    return Guard(GuardSettings(**given), clock, MailLog(recorder, Metrics()))


def test_an_address_is_locked_after_so_many_failures(clock: ManualClock, recorder: Recorder) -> None:
    """Whatever accounts it tried, and for every account then; with an event."""
    guard = make(clock, recorder)
    assert guard.failed(HERE, "a") == 0
    assert guard.failed(HERE, "b") == 0
    assert guard.locked(HERE, "d") == 0
    assert guard.failed(HERE, "c") == 60
    assert guard.locked(HERE, "d") == 60
    assert guard.locked(THERE, "d") == 0
    assert recorder.of("locked") == [{"what": f"address {HERE}", "seconds": 60}]
    clock.advance(60)
    assert guard.locked(HERE, "d") == 0


def test_the_addresses_of_one_subscriber_count_together(clock: ManualClock, recorder: Recorder) -> None:
    """Nobody has less than a /64 of IPv6 (RFC 6177), and may speak from each address of it."""
    guard = make(clock, recorder)
    for last in range(3):
        guard.failed(f"2001:db8:1:2::{last:x}", f"account{last}")
    assert guard.locked("2001:db8:1:2:ffff::1", "d") == 60
    assert guard.locked("2001:db8:1:3::1", "d") == 0
    assert recorder.of("locked")[0]["what"] == "address 2001:db8:1:2::/64"


def test_trust_is_in_one_address(clock: ManualClock, recorder: Recorder) -> None:
    """Who guesses beside a device locks it out no more than a stranger does, and gains nothing from its login."""
    guard = make(clock, recorder)
    guard.succeeded("2001:db8::1", "ann")
    for last in range(3):
        guard.failed("2001:db8::2", f"account{last}")
    assert guard.locked("2001:db8::1", "ann") == 0
    assert guard.locked("2001:db8::2", "ann") == 60


def test_a_clock_that_is_set_back_makes_no_lock_longer(clock: ManualClock, recorder: Recorder) -> None:
    guard = make(clock, recorder)
    for name in "abc":
        guard.failed(HERE, name)
    clock.step(-86400)
    assert guard.locked(HERE, "d") == 60
    clock.advance(60)
    assert guard.locked(HERE, "d") == 0


def test_an_account_is_locked_whoever_tries(clock: ManualClock, recorder: Recorder) -> None:
    guard = make(clock, recorder)
    for last in range(3):
        guard.failed(f"198.51.100.{last}", "Ann")
    assert guard.locked(THERE, "ann") == 60
    assert guard.locked(THERE, "bob") == 0


def test_locks_grow_to_a_bound(clock: ManualClock, recorder: Recorder) -> None:
    guard = make(clock, recorder)
    locks = []
    for _ in range(4):
        locks.append(max(guard.failed(HERE, f"x{n}") for n in range(3)))
        clock.advance(locks[-1])
    assert locks == [60, 120, 200, 200]


def test_failures_are_forgotten_after_the_window(clock: ManualClock, recorder: Recorder) -> None:
    guard = make(clock, recorder)
    guard.failed(HERE, "a")
    guard.failed(HERE, "a")
    clock.advance(601)
    assert guard.failed(HERE, "a") == 0
    assert guard.failed(HERE, "a") == 0
    assert guard.failed(HERE, "a") == 60


def test_strangers_cannot_silence_a_printer(clock: ManualClock, recorder: Recorder) -> None:
    """Who logged in before is not locked out by others at its account or behind its address."""
    guard = make(clock, recorder)
    guard.succeeded(HERE, "printer")
    for _ in range(3):
        guard.failed(THERE, "printer")
        guard.failed(HERE, "other-device")
    assert guard.locked(THERE, "printer") > 0
    assert guard.locked(HERE, "other-device") > 0
    assert guard.locked(HERE, "Printer") == 0


def test_trust_ends_with_failures_of_its_own(clock: ManualClock, recorder: Recorder) -> None:
    """A changed password is not tried for ever."""
    guard = make(clock, recorder)
    guard.succeeded(HERE, "printer")
    results = [guard.failed(HERE, "printer") for _ in range(5)]
    assert results == [0, 0, 0, 0, 60]
    assert guard.locked(HERE, "printer") == 60


def test_success_starts_the_address_anew(clock: ManualClock, recorder: Recorder) -> None:
    guard = make(clock, recorder)
    guard.failed(HERE, "a")
    guard.failed(HERE, "a")
    guard.succeeded(HERE, "b")
    assert guard.failed(HERE, "c") == 0


def test_memory_is_bounded(clock: ManualClock, recorder: Recorder) -> None:
    """What was idle longest goes first: who is failing now stays."""
    guard = make(clock, recorder, entries=100, attempts=1000)
    for number in range(5000):
        guard.failed(f"10.0.{number // 256}.{number % 256}", f"account{number}")
        guard.succeeded(f"10.1.{number // 256}.{number % 256}", "x")
    assert len(guard._records) <= 100
    assert len(guard._trusted) <= 100
    assert "account account4999" in guard._records


def test_a_long_account_is_not_kept_whole(clock: ManualClock, recorder: Recorder) -> None:
    """A login may name 9,000 characters, and thousands of names are remembered."""
    guard = make(clock, recorder)
    for last in range(3):
        guard.failed(f"198.51.100.{last}", "x" * 9000)
    assert guard.locked(THERE, "x" * 9000) == 60
    assert max(map(len, guard._records)) < 300
