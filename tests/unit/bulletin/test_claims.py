"""What a text claims, whatever way it is said in."""

from __future__ import annotations

import pytest

from mailferry.bulletin.claims import claims


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2026年12月末に", "at the end of December 2026"),
        ("２０２６年１２月末", "2026年12月末"),
        ("2027年後半", "the second half of 2027"),
        ("2026年4月30日", "April 30, 2026"),
        ("2026-04-30", "30 April 2026"),
        ("３７日", "37 days"),
        ("1,200 clients", "1200件"),
        ("550 5.7.30", "550-5.7.30"),
        ("SMTP.Office365.com", "smtp.office365.com."),
    ],
)
def test_the_same_claim(one: str, other: str) -> None:
    assert claims([one]).unknown(claims([other])) == []
    assert claims([other]).unknown(claims([one])) == []


@pytest.mark.parametrize(
    ("known", "said", "new"),
    [
        ("2026年12月末", "2027年12月末", "the date 2027-12-21 to 2027-12-31"),
        ("2026年12月末", "2026年12月1日", "the date 2026-12-01"),
        ("14 devices", "15 devices", "the number 15"),
        ("14 devices", "fifteen devices", "the words fifteen"),
        ("14件", "十五件", "the words 十五"),
        ("in 2026", "next year", "the words next year"),
        ("smtp.office365.com", "smtp-legacy.office365.com", "the address smtp-legacy.office365.com"),
        ("", "https://evil.example/x", "the address https://evil.example/x"),
        ("", "write to me@evil.example", "the address me@evil.example"),
        ("", "connect to 192.0.2.7", "the address 192.0.2.7"),
        ("550 5.7.30", "535 5.7.139", "the error 535 5.7.139"),
        ("", "AADSTS50126", "the error aadsts50126"),
        ("`a b`", "`a c`", "the text a c"),
    ],
)
def test_a_new_claim(known: str, said: str, new: str) -> None:
    assert new in claims([said]).unknown(claims([known]))


@pytest.mark.parametrize("text", ["一部の機器", "一切", "第三者", "the first step", "one device", "もう一度", "二要素"])
def test_what_claims_nothing(text: str) -> None:
    assert claims([text]).unknown(claims([""])) == []
