"""Figures from a file, and what they may not say."""

from __future__ import annotations

import pytest

from mailferry.bulletin.figures import Figures, Share, from_json
from mailferry.m365.facts import Text


def test_figures_from_a_file() -> None:
    text = """{"breaking": 3, "categories": [{"category": {"en": "Scripts", "ja": "スクリプト"}, "count": 3}],
               "mailboxes": 2, "done": 1, "total": 4, "days_left": -2}"""
    assert from_json(text.encode()) == Figures(3, (Share(Text("Scripts", "スクリプト"), 3),), 2, -2, 1, 4)
    assert from_json(b"{}").empty


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"[]", "it: Input should be an object"),
        (b"{", "Invalid JSON"),
        (b'{"breaking": "3"}', "breaking: Input should be a valid integer"),
        (b'{"broken": 3}', "broken: Extra inputs are not permitted"),
        (b'{"breaking": -1}', "a count is less than 0"),
        (b'{"done": 1}', "done and total belong together"),
        (b'{"done": 3, "total": 2}', r"done \(3\) is more than total \(2\)"),
        (b'{"breaking": 2, "categories": [{"category": {"en": "A", "ja": "B"}, "count": 1}]}', "do not add up"),
        (b'{"categories": [{"category": {"en": "A", "ja": "B"}, "count": 1}]}', "categories need breaking"),
    ],
)
def test_figures_that_cannot_be(text: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        from_json(text)
