"""What a tenant may send outside, as figures."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mailferry.delivery.quota import Quota

NOW, DAY, HOUR = 1_800_000_000.0, 86_400.0, 3_600.0


def send(quota: Quota, key: str, number: int, now: float, *, whole: bool = False, own: bool = False) -> int:
    taken = quota.take(key, number, now, whole=whole, own=own)
    quota.done(taken, taken, now, own=own)
    return taken


def test_without_a_limit_everything_goes() -> None:
    quota = Quota("contoso", 0)
    assert send(quota, "a", 100_000, NOW) == 100_000
    assert not quota.forecast(NOW).near(NOW)
    assert quota.forecast(NOW).limit == 0


def test_a_message_is_divided_unless_it_goes_to_all_or_none() -> None:
    quota = Quota("contoso", 100)
    assert send(quota, "a", 70, NOW) == 70
    assert send(quota, "b", 50, NOW, whole=True) == 0
    assert send(quota, "c", 50, NOW) == 30
    assert send(quota, "d", 1, NOW) == 0


def test_what_is_larger_than_the_limit_goes_alone_or_it_would_never_go() -> None:
    quota = Quota("contoso", 10, own=5)
    assert send(quota, "a", 50, NOW, whole=True) == 50
    assert send(Quota("contoso", 0, own=5), "a", 50, NOW, whole=True, own=True) == 50
    assert send(Quota("contoso", 0, own=5), "a", 50, NOW, own=True) == 5


def test_what_is_under_way_counts_and_what_was_not_taken_does_not() -> None:
    quota = Quota("contoso", 10)
    taken = quota.take("a", 8, NOW, whole=False)
    assert quota.take("b", 8, NOW, whole=True) == 0
    assert quota.place("b", 8, NOW, NOW, whole=True) == NOW + 60  # the end of "a" decides
    quota.done(taken, 0, NOW)
    assert quota.take("b", 8, NOW, whole=True) == 8


def test_who_waits_gets_places_in_turn_and_a_newcomer_comes_after_them() -> None:
    quota = Quota("contoso", 1000, pace=0.8)
    assert send(quota, "bulk", 810, NOW) == 810
    places = []
    for key in "abcdef":
        assert send(quota, key, 1, NOW + 1) == 0
        places.append(quota.place(key, 1, NOW + 1, NOW + 1, whole=False))
    assert places == sorted(places)
    assert len(set(places)) == 6
    assert send(quota, "newcomer", 1, places[0]) == 0
    assert send(quota, "b", 1, places[0]) == 0
    assert send(quota, "a", 1, places[0]) == 1


def test_a_clock_that_steps_back_by_days_stops_nothing_for_days() -> None:
    quota = Quota("contoso", 1000, pace=0.8)
    send(quota, "bulk", 850, NOW)
    back = NOW - 10 * DAY
    assert send(quota, "a", 1, back) == 0
    assert send(quota, "a", 1, back + 6 * HOUR) == 1


def test_places_are_given_an_hour_ahead_at_most() -> None:
    quota = Quota("contoso", 100, pace=0.5)
    send(quota, "bulk", 95, NOW)
    places = [quota.place(key, 1, NOW, NOW, whole=False) for key in "abcdefgh"]
    assert max(places) <= NOW + HOUR
    assert places[-1] == NOW + HOUR


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 60),
    st.sampled_from([0.5, 0.8, 1.0]),
    st.booleans(),
    st.lists(st.tuples(st.integers(1, 12), st.floats(0, 4000)), max_size=30),
)
def test_never_more_than_the_limit_in_any_day(
    limit: int, pace: float, whole: bool, mail: list[tuple[int, float]]
) -> None:
    """Whoever may not go asks again when he was told; the limit holds, and three days' mail has gone in five."""
    quota, now, waiting, sent = Quota("contoso", limit, pace=pace), NOW, [], []
    for number, gap in mail:
        waiting.append((now, len(waiting), min(number, limit)))
        now += gap
    while waiting and now < NOW + 5 * DAY:
        waiting.sort()
        now, key, number = waiting.pop(0)
        taken = send(quota, str(key), number, now, whole=whole)
        if taken:
            sent.append((now, taken))
        if taken < number:
            again = quota.place(str(key), number - taken, now, now, whole=whole)
            assert now < again <= now + HOUR + 1
            waiting.append((again, key, number - taken))
    assert not waiting or sum(min(number, limit) for number, _ in mail) > 3 * limit
    for start, _ in sent:
        assert sum(taken for at, taken in sent if start <= at < start + DAY) <= limit
