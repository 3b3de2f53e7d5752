"""The knowledge base as the planner reads it."""

from __future__ import annotations

from dataclasses import replace

from mailferry.clients.base import knowledge
from mailferry.clients.product import Answer, Category, Confidence, Fallback, Family, OAuth, Product
from mailferry.m365.facts import Source, Text
from mailferry.planner.knowledge import family, product, products

MAKER = Source("maker", "Maker's list")
ONE = Product(
    id="one",
    name=Text("One", "一"),
    vendor="Maker",
    category=Category.PRINTER,
    family="ones",
    uses="",
    fingerprints=(),
    founded=Confidence.HIGH,
    oauth=OAuth(Answer.YES, Answer.UNKNOWN, Confidence.HIGH, Text("2.0", "2.0")),
    setup=Text("Set it.", "設定。"),
    note=Text("", ""),
    fallbacks=(Fallback.GATEWAY,),
    sources=(MAKER,),
)
RUMOUR = replace(ONE, id="two", oauth=replace(ONE.oauth, confidence=Confidence.LOW))
UNABLE = replace(ONE, id="three", oauth=OAuth(Answer.NO, Answer.UNKNOWN, Confidence.HIGH))
ONES = Family("ones", Text("Ones", "一族"), Text("Which?", "どれ?"))


def test_a_product() -> None:
    found = product(ONE)
    assert (found.oauth, found.since.en, found.setup.ja, found.source) == (Answer.YES, "2.0", "設定。", "Maker's list")
    assert found.verified
    assert not found.settle.en
    assert not product(RUMOUR).verified
    assert product(RUMOUR).settle.en


def test_a_family_says_what_is_true_of_all() -> None:
    assert family(ONES, [ONE, replace(ONE, id="x")]).oauth is Answer.YES
    assert family(ONES, [ONE, UNABLE]).oauth is Answer.PARTIAL
    assert (
        family(ONES, [UNABLE, replace(UNABLE, oauth=replace(UNABLE.oauth, smtp=Answer.UNKNOWN))]).oauth
        is Answer.UNKNOWN
    )
    assert family(ONES, [ONE, UNABLE]).settle.en == "Which?"
    assert not family(ONES, [ONE, RUMOUR]).verified


def test_everything_known_is_there() -> None:
    base = knowledge()
    assert products().keys() == base.products.keys() | base.families.keys()
    for one in products().values():
        assert one.name.en
        assert one.name.ja
        assert one.source
