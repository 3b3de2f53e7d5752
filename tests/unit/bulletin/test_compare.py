"""Announcements against the schedule of January 2026: what agrees, contradicts, adds, and what was the plan before."""

from __future__ import annotations

from datetime import date

import pytest

from mailferry.bulletin.changes import proposals
from mailferry.bulletin.compare import Verdict, compare
from mailferry.bulletin.read import read
from support.bulletin_pages import HELD_OUT, pages

TODAY = date(2026, 11, 24)


def page(*paragraphs: str, published: str = "March 2, 2027") -> str:
    body = "".join(f"<p>{text}</p>" for text in (f"Published: {published}", *paragraphs))
    return f"<html><body><h1>News about SMTP AUTH</h1>{body}</body></html>"


def verdicts(*paragraphs: str, published: str = "March 2, 2027") -> list[str]:
    found = compare(read(page(*paragraphs, published=published)))
    return [point.verdict.value for point in found.points]


@pytest.mark.parametrize(
    ("sentence", "verdict"),
    [
        ("Basic authentication is disabled by default for existing tenants at the end of December 2026.", "agrees"),
        ("Basic authentication is disabled by default for existing tenants in December 2026.", "agrees"),
        ("Basic authentication is disabled by default for existing tenants on December 31, 2026.", "adds"),
        ("Basic authentication is disabled by default for existing tenants at the end of March 2027.", "contradicts"),
        ("Basic authentication is disabled by default for existing tenants on December 1, 2026.", "contradicts"),
        ("In new tenants created after December 2026 Basic authentication is unavailable.", "agrees"),
        ("In new tenants Basic authentication is unavailable from January 1, 2027.", "agrees"),
        ("In new tenants Basic authentication is unavailable from July 2027.", "contradicts"),
        ("The final removal date is announced in the second half of 2027.", "agrees"),
        ("The final removal date is announced in the first half of 2028.", "contradicts"),
        ("Basic authentication is removed on March 31, 2028.", "adds"),
        ("Basic authentication is removed in all tenants on January 15, 2027.", "contradicts"),
        ("Until December 2026 nothing changes.", "agrees"),
        ("Until June 2027 nothing changes.", "contradicts"),
        ("High Volume Email keeps Basic authentication until September 2028.", "agrees"),
        ("High Volume Email keeps Basic authentication until March 2029.", "adds"),
        ("It was originally to be removed in September 2025.", "earlier"),
        ("既存のテナントでは、2026年12月末に既定で無効になります。", "agrees"),
        ("既存のテナントでは、2027年3月末に既定で無効になります。", "contradicts"),
    ],
)
def test_a_sentence_is_judged(sentence: str, verdict: str) -> None:
    assert verdicts(sentence) == [verdict]


def test_a_page_older_than_the_schedule_contradicts_nothing() -> None:
    sentence = "All submissions with Basic authentication are rejected on April 30, 2026."
    assert verdicts(sentence, published="June 12, 2025") == ["earlier"]


def test_a_stale_page_without_a_date_is_known_as_the_plan_of_before() -> None:
    found = compare(
        read("<p>Basic authentication for SMTP AUTH will be removed in September 2025 for all tenants.</p>")
    )
    assert [point.verdict for point in found.points] == [Verdict.EARLIER]
    assert proposals(found, TODAY) == ()


def test_the_pages_that_name_other_dates_contradict_the_schedule_and_no_others() -> None:
    for each in pages() + pages(HELD_OUT):
        assert compare(each.read()).contradicts is each.expected.get("contradicts", False), each.name


def test_a_contradiction_is_proposed_as_data_with_source_and_date() -> None:
    sentence = "Basic authentication is disabled by default for existing tenants at the end of March 2027."
    (change,) = proposals(compare(read(page(sentence), "https://example.com/news")), TODAY)
    assert (change.first, change.last) == (date(2027, 3, 21), date(2027, 3, 31))
    assert change.address == "https://example.com/news"
    assert change.published == date(2027, 3, 2)
    assert change.sentence == sentence
    assert change.schedule == "from the end of December 2026"
    assert change.accepted_by == ""
