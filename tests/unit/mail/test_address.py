"""Addresses as policy compares them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.mail.address import (
    Patterns,
    check_pattern,
    domain_of,
    normal_address,
    normal_domain,
    same_address,
    split_address,
)


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("a@Example.COM", "example.com"),
        ('"a@b"@example.com', "example.com"),
        ("a@例え.jp", "xn--r8jz45g.jp"),
        ("a@XN--R8JZ45G.jp", "xn--r8jz45g.jp"),
        ("a@example.com.", "example.com"),
        ("a@[192.0.2.1]", "[192.0.2.1]"),
        ("postmaster", ""),
        ("", ""),
        ("a@", ""),
    ],
)
def test_domain_of(address: str, domain: str) -> None:
    """Case, root dot and U-labels make no difference."""
    assert domain_of(address) == domain


def test_what_idna_refuses_is_compared_as_it_stands() -> None:
    """Nothing a client writes makes comparing fail."""
    assert normal_domain("ex\u00adample_\u0378.COM") == "ex\u00adample_\u0378.com"
    assert normal_domain("ü" * 80 + ".de") == "ü" * 80 + ".de"


def test_local_parts_fold_by_policy() -> None:
    """Exchange Online does not tell local parts apart by case; a policy may."""
    assert same_address("Ann@example.com", "ann@EXAMPLE.com")
    assert not same_address("Ann@example.com", "ann@example.com", fold_local=False)
    assert normal_address("Postmaster") == "postmaster"
    assert split_address("a@b@c") == ("a@b", "c")


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        (
            "*@example.com",
            ["a@example.com", "B@EXAMPLE.COM"],
            ["a@sub.example.com", "a@example.org", "example.com", ""],
        ),
        ("user@*", ["user@a.b", "USER@c"], ["user", "user2@a.b"]),
        ("ann@example.com", ["Ann@Example.com"], ["bann@example.com", "ann@example.com.evil"]),
        (
            "scan-*@example.com",
            ["scan-1@example.com", "scan-@example.com"],
            ["scan@example.com", "xscan-1@example.com"],
        ),
        ("*@*.example.com", ["a@b.example.com", "a@c.d.example.com"], ["a@example.com", "a@bexample.com"]),
        ("*", ["a@b", "x", ""], []),
        ("<>", [""], ["a@b"]),
        ("*@例え.jp", ["a@xn--r8jz45g.jp", "b@例え.jp"], ["a@jp"]),
        ("a.c@example.com", ["a.c@example.com"], ["abc@example.com"]),
    ],
)
def test_patterns(pattern: str, matching: list[str], others: list[str]) -> None:
    """Each kind of pattern matches what it says, and nothing more."""
    patterns = Patterns.of([pattern])
    assert [one for one in matching if not patterns.match(one)] == []
    assert [one for one in others if patterns.match(one)] == []


def test_an_empty_set_matches_nothing_and_is_false() -> None:
    """Callers tell "no patterns" from "none matches"."""
    assert not Patterns.of([])
    assert not Patterns.of([]).match("a@b")
    assert Patterns.of(["*@a"])


def test_named_matches_are_whole_addresses_and_domains() -> None:
    """What can never be the world."""
    patterns = Patterns.of(["*@example.com", "ann@example.org", "user@*", "*@*.net"])
    assert patterns.match_named("x@example.com")
    assert patterns.match_named("Ann@example.org")
    assert not patterns.match_named("user@evil.example")
    assert not patterns.match_named("x@a.net")
    assert patterns.match("x@a.net")


@pytest.mark.parametrize("text", ["", "  ", "example.com", "a b@c", "user@"])
def test_what_is_no_pattern(text: str) -> None:
    """The message is for whoever wrote it."""
    with pytest.raises(ValueError, match="pattern"):
        check_pattern(text)


@given(st.text(), st.text(min_size=1))
def test_matching_never_raises(address: str, pattern: str) -> None:
    """Whatever is asked of whatever pattern."""
    try:
        patterns = Patterns.of([pattern])
    except ValueError:
        return
    patterns.match(address)
    patterns.match_named(address)


@given(st.emails())
def test_an_address_matches_itself_and_its_domain(address: str) -> None:
    """For every address there is."""
    assert Patterns.of([address]).match(address.upper() if address.isascii() else address)
    assert Patterns.of([f"*@{domain_of(address)}"]).match(address)
