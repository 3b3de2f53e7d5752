"""Who goes at all, and who goes together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailferry.mail.envelope import Recipient
from mailferry.routes.parts import Reach, parts


@given(st.lists(st.integers(), max_size=200), st.integers(0, 60))
def test_every_recipient_is_in_one_part_in_order(indexes: list[int], most: int) -> None:
    made = list(parts(indexes, most))
    assert [index for part in made for index in part] == indexes
    assert all(part and (not most or len(part) <= most) for part in made)
    assert all(len(part) == most for part in made[:-1])


def test_who_is_outside_is_told_so() -> None:
    reach = Reach("hve", frozenset({"contoso.example"}))
    assert reach.refusal(Recipient("Ann@CONTOSO.example")) is None
    refused = reach.refusal(Recipient("ann@fabrikam.example"))
    assert str(refused) == "550 5.7.1 Route hve delivers within the organisation only, and fabrikam.example is outside"


def test_a_route_without_bounds_reaches_everybody() -> None:
    assert Reach("relay").refusal(Recipient("ann@fabrikam.example")) is None
