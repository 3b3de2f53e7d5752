"""Queries as people and scripts write them."""

from __future__ import annotations

import pytest

from mailferry.ops.queue import Query, to_filter


@pytest.mark.parametrize("query", [Query(older=""), Query(newer="")])
def test_an_empty_age_is_an_error(query: Query) -> None:
    """`queue release --older "$AGE"` of a script whose variable is empty must not release everything."""
    with pytest.raises(ValueError, match="no age"):
        to_filter(query, 0.0)


def test_an_empty_text_matches_nothing_more() -> None:
    """An empty sender is the null sender, an empty client nobody's; neither is "any"."""
    assert to_filter(Query(sender="", client=""), 0.0).sender == ""
