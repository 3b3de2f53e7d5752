"""Patterns of the knowledge base: what is refused, and that nothing that is taken can run away."""

from __future__ import annotations

import re

import pytest

from mailferry.clients.base import knowledge
from mailferry.clients.patterns import BadPattern, compiled, local
from mailferry.clients.signs import LONGEST


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        (r"abc", "begin with"),
        (r"(?i)abc", "begin with"),
        (r"^(a+)+$", "possessive"),
        (r"^.*x", "possessive"),
        (r"^a?b", "possessive"),
        (r"^a+?b", "possessive"),
        (r"^a{2,}", "possessive"),
        (r"^a{1,9}$", "possessive"),
        (r"^(?:a|aa){20}b", "possessive"),
        (r"^(?:a?+){30}a", "possessive"),
        (r"^a+++", "possessive"),
        (r"^(?=a)", "not allowed"),
        (r"^(?!a)", "not allowed"),
        (r"^(?<=a)b", "not allowed"),
        (r"^(?P<x>a)", "not allowed"),
        (r"^(?i:a)", "not allowed"),
        (r"^a(?i)", "at the start"),
        (r"^(a)\1", "refers back"),
        (r"^[a", "does not compile"),
        (r"^a)", "does not compile"),
    ],
)
def test_a_pattern_that_might_run_away_is_refused(pattern: str, fault: str) -> None:
    with pytest.raises(BadPattern, match=re.escape(fault)):
        compiled(pattern)


@pytest.mark.parametrize(
    "pattern", [r"^a++b", r"^a{4}", r"^(?:a|aa)*+b", r"^[a+*?{1,2}]\+\{$", r"(?i)^a?+$", r"^(?:a|b)$"]
)
def test_a_safe_pattern_is_taken(pattern: str) -> None:
    assert compiled(pattern).pattern == pattern


def test_a_flag_stays_with_its_own_pattern() -> None:
    both = re.compile("|".join((local("(?i)^abc"), local("^xyz"))))
    assert both.match("ABC")
    assert both.match("xyz")
    assert not both.match("XYZ")


def hostile(pattern: str) -> list[str]:
    """Values as long as a sign may be, made of what the pattern itself likes, so that it comes far before it fails."""
    letters = [letter for letter in dict.fromkeys(pattern) if letter.isalnum() or letter in "._-= @<"]
    return [letter * LONGEST for letter in letters] + [
        ("a0_.-" * LONGEST)[:LONGEST],
        ("0." * LONGEST)[: LONGEST - 1] + "!",
    ]


def test_no_pattern_of_the_base_runs_away() -> None:
    """What ran away on a thousand letters would not end within the time of a test: 2 ** 1000 steps."""
    marks = [mark for product in knowledge().products.values() for mark in product.fingerprints if not mark.literal]
    patterns = {mark.pattern for mark in marks if mark.pattern}
    assert len(patterns) > 100
    for pattern in patterns:
        expression = compiled(pattern)
        for value in hostile(pattern):
            expression.match(value)
