"""Every page written for the tests gives the facts that a person finds on it."""

from __future__ import annotations

import pytest

from mailferry.bulletin.fold import fold
from mailferry.bulletin.read import read
from support.bulletin_pages import HELD_OUT, Page, differences, pages, scores

TUNED = pages()
LATE = pages(HELD_OUT)
EXACT = ("dates", "errors")


def test_there_are_enough_pages_and_each_has_its_facts() -> None:
    assert len(TUNED) >= 24
    assert len(LATE) >= 6
    files = {page.file.name for page in TUNED + LATE}
    assert files == {file.name for file in TUNED[0].file.parent.iterdir()}


@pytest.mark.parametrize("kind", EXACT)
def test_no_date_and_no_error_text_is_wrong_on_any_page(kind: str) -> None:
    for page in TUNED + LATE:
        found = next(each for each in differences(page, page.read()) if each.kind == kind)
        assert found.wrong == (), page.name


def test_precision_and_recall() -> None:
    result = scores([each for page in TUNED for each in differences(page, page.read())])
    for kind, (precision, recall) in result.items():
        assert recall >= 0.95, kind
        assert precision >= (1.0 if kind in EXACT or kind == "phases" else 0.95), kind


def test_pages_no_rule_was_made_for() -> None:
    result = scores([each for page in LATE for each in differences(page, page.read())])
    assert result["dates"][1] >= 0.9
    assert min(precision for precision, _ in result.values()) >= 0.8


@pytest.mark.parametrize("page", TUNED + LATE, ids=lambda page: page.name)
def test_a_date_that_is_not_found_is_listed(page: Page) -> None:
    """What a rule does not understand is in `unread`, so that nothing about dates is lost in silence."""
    found = page.read()
    for words in page.expected.get("unread", ()):
        assert any(words in sentence for sentence in found.unread), words


@pytest.mark.parametrize("page", TUNED + LATE, ids=lambda page: page.name)
def test_every_fact_carries_its_sentence(page: Page) -> None:
    found = page.read()
    for phase in found.phases:
        assert phase.period.first <= phase.period.last
        assert fold(phase.period.text) in fold(phase.sentence)
    for mention in found.mentions:
        assert mention.sentence
    for mention in found.mentions:
        if mention.kind in ("endpoint", "error"):
            assert mention.value.lower() in " ".join(fold(mention.sentence).lower().split())


@pytest.mark.parametrize("page", TUNED, ids=lambda page: page.name)
def test_the_same_page_gives_the_same_announcement(page: Page) -> None:
    assert read(page.file.read_bytes()) == page.read()


@pytest.mark.parametrize("page", [p for p in TUNED if p.file.suffix == ".html"], ids=lambda page: page.name)
def test_an_article_twice_gives_its_facts_once(page: Page) -> None:
    data = page.file.read_bytes()
    once, twice = read(data), read(data + b"\n" + data)
    assert {phase.period for phase in twice.phases} == {phase.period for phase in once.phases}
    assert len(twice.phases) == len(once.phases)
