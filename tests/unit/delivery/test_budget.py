"""Sliding windows, by hand."""

from __future__ import annotations

from mailferry.delivery.budget import Budget
from mailferry.routes.api import Limits
from mailferry.routes.window import PLENTY
from mailferry.spool.api import UsedMinute

NOW = 1_800_000_000.0  # a whole minute


def spend(budget: Budget, at: float, recipients: int = 1, *, used: bool = True) -> None:
    budget.start(recipients)
    budget.finish(recipients, at, used=used)


def test_no_limit_is_no_limit() -> None:
    budget = Budget(Limits())
    assert not budget.limited
    assert budget.free(NOW).messages == budget.free(NOW).recipients == PLENTY
    assert budget.when(NOW, 10_000) == NOW


def test_what_is_in_flight_counts() -> None:
    budget = Budget(Limits(messages_per_minute=2, recipients_per_day=100))
    budget.start(60)
    assert (budget.free(NOW).messages, budget.free(NOW).recipients) == (1, 40)
    assert budget.when(NOW, 41) == float("inf")
    budget.finish(60, NOW, used=False)
    assert (budget.free(NOW).messages, budget.free(NOW).recipients) == (2, 100)


def test_a_message_counts_for_a_minute_after_its_end() -> None:
    budget = Budget(Limits(messages_per_minute=2))
    spend(budget, NOW + 3)
    spend(budget, NOW + 5)
    assert budget.when(NOW + 5, 1) == NOW + 63
    assert budget.free(NOW + 62.9).messages == 0
    assert budget.free(NOW + 63).messages == 1


def test_recipients_count_for_a_day_after_the_end_of_their_minute() -> None:
    budget = Budget(Limits(recipients_per_day=10))
    spend(budget, NOW + 1, 4)
    spend(budget, NOW + 59, 4)
    assert budget.free(NOW + 59).recipients == 2
    assert budget.when(NOW + 59, 3) == NOW + 60 + 86400
    assert budget.free(NOW + 86400 + 59).recipients == 2
    assert budget.free(NOW + 86400 + 60).recipients == 10


def test_what_an_earlier_run_used_is_restored() -> None:
    budget = Budget(Limits(messages_per_minute=30, recipients_per_day=1000))
    minute = int(NOW // 60)
    budget.restore([UsedMinute(minute - 600, 20, 200), UsedMinute(minute - 1, 10, 100), UsedMinute(minute, 5, 50)], NOW)
    assert budget.free(NOW).recipients == 650
    assert budget.free(NOW).messages == 15, "a minute counts as used at its end"
    assert budget.free(NOW + 60).messages == 30


def test_what_was_used_in_the_future_was_used_now() -> None:
    budget = Budget(Limits(messages_per_minute=2, recipients_per_day=10))
    spend(budget, NOW + 3600)
    spend(budget, NOW + 3601)
    assert budget.free(NOW).messages == 0
    assert budget.when(NOW, 1) == NOW + 60
    assert budget.free(NOW + 60).messages == 2
    assert budget.free(NOW + 60).recipients == 8


def test_the_future_in_the_store_was_used_now() -> None:
    budget = Budget(Limits(messages_per_minute=2, recipients_per_day=10))
    budget.restore([UsedMinute(int(NOW // 60) + 60, 2, 2)], NOW)
    assert budget.free(NOW).messages == 0
    assert budget.free(NOW + 60).messages == 2


def test_an_hour_has_its_own_limit() -> None:
    budget = Budget(Limits(messages_per_minute=30, messages_per_hour=100))
    assert budget.limited
    for number in range(100):
        spend(budget, NOW + number * 6)
    now = NOW + 594
    assert budget.free(now).messages == 0
    assert budget.when(now, 1) == NOW + 60 + 3600, "the end of the first message's minute, and an hour"
    assert budget.free(NOW + 60 + 3600).messages == 10


def test_the_hour_of_an_earlier_run_is_restored() -> None:
    budget = Budget(Limits(messages_per_hour=100))
    minute = int(NOW // 60)
    budget.restore([UsedMinute(minute - 61, 50, 50), UsedMinute(minute - 30, 60, 60)], NOW)
    assert budget.free(NOW).messages == 40
    assert budget.free(NOW + 31 * 60).messages == 100


def test_the_granule_is_a_hundredth_of_the_day() -> None:
    assert Budget(Limits(recipients_per_day=10_000)).granule == 100
    assert Budget(Limits(recipients_per_day=50)).granule == 1
    assert Budget(Limits()).granule == PLENTY
