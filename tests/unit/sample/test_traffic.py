"""What clients do on a day: hours, weekends, closing days, batches."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.sample.calendar import Calendar
from mailferry.sample.organisation import invent
from mailferry.sample.traffic import messages, poisson, sessions
from mailferry.sample.values import Client, Windows

WINDOWS = Windows.until(date(2026, 11, 20), 10)
CALENDAR = Calendar()
CLIENTS = invent(300, 4).clients


def of(kind: str) -> Client:
    return next(client for client in CLIENTS if client.kind.key == kind)


def total(clients: list[Client], day: date) -> int:
    rng = Random(1)
    return sum(messages(client, day, WINDOWS, CALENDAR, rng) for client in clients)


@pytest.mark.parametrize("expected", [0.2, 3.0, 12.0, 80.0])
def test_counts_have_their_mean(expected: float) -> None:
    rng = Random(9)
    assert mean(poisson(expected, rng) for _ in range(4000)) == pytest.approx(expected, rel=0.1)


def test_working_days_of_japan() -> None:
    assert CALENDAR.works(date(2026, 11, 20))
    assert not CALENDAR.works(date(2026, 11, 21))  # Saturday
    assert not CALENDAR.works(date(2026, 11, 3))  # Culture Day
    assert CALENDAR.closes(date(2026, 11, 20))
    assert CALENDAR.closes(date(2026, 10, 30))  # the 31st is a Saturday
    assert not CALENDAR.closes(date(2026, 10, 29))
    assert CALENDAR.closes(date(2026, 9, 18))  # the 20th is a Sunday
    assert CALENDAR.last_month_end(date(2026, 10, 22)) == date(2026, 9, 30)
    assert CALENDAR.last_month_end(date(2026, 11, 1)) == date(2026, 10, 30)  # the 31st is a Saturday


def test_printers_rest_at_weekends_and_on_holidays_and_peak_at_closing() -> None:
    printers = [client for client in CLIENTS if client.kind.key == "mfp" and client.site.kind == "office"]
    plain = mean(total(printers, date(2026, 11, 9) + timedelta(days=back)) for back in range(4))
    assert total(printers, date(2026, 11, 14)) == total(printers, date(2026, 11, 3)) == 0
    assert total(printers, date(2026, 10, 30)) > 1.3 * plain > 0


def test_monitoring_never_rests() -> None:
    watchers = [client for client in CLIENTS if client.kind.key == "monitoring"]
    assert all(total(watchers, date(2026, 11, 1) + timedelta(days=ahead)) for ahead in range(20))


def test_the_silent_are_silent() -> None:
    for back in range(30):
        day = WINDOWS.signins.last - timedelta(days=back)
        assert total([of("stale"), of("quarterly"), of("forgotten"), of("switched-off")], day) == 0
    assert total([of("quarterly")], date(2026, 9, 30)) > 0


def test_a_batch_is_faster_than_a_mailbox_may_be() -> None:
    plan = sessions(of("erp-batch"), 120, Random(2))
    sent = sorted(one.second + index * one.gap for one in plan for index in range(one.messages))
    assert sum(second < sent[0] + 60 for second in sent) > 30


@given(st.integers(1, 400), st.sampled_from(CLIENTS), st.integers())
def test_sessions_carry_every_message_within_the_day(count: int, client: Client, seed: int) -> None:
    plan = sessions(client, count, Random(seed))
    assert sum(one.messages for one in plan) == count
    assert all(one.second >= 0 and one.second + one.messages * one.gap < 86_400 for one in plan)


def test_offices_send_in_their_own_hours() -> None:
    client = next(client for client in CLIENTS if client.kind.key == "mfp" and client.site.place[2] == "JP")
    hours = {(one.second // 3600 + 9) % 24 for one in sessions(client, 300, Random(3))}
    assert hours <= set(range(9, 19))
