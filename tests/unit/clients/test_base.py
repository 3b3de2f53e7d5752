"""The knowledge base: that its data is whole, and that broken data is refused with file, entry and fault."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from mailferry.clients.base import BrokenBase, knowledge, parse
from mailferry.clients.entries import matches
from mailferry.clients.product import (
    Answer,
    Category,
    Confidence,
    Fallback,
    Fingerprint,
    Flow,
    Product,
    Weight,
)
from mailferry.clients.recognise import Decision, Recogniser
from mailferry.clients.signs import Kind, Signs

PRODUCT = """
[[product]]
id = "copier"
name = "Copier"
vendor = "Fabrikam"
category = "printer"
sign = [{ kind = "x_mailer", weight = "strong", match = "^Copier", example = "Copier 1" }]
founded = "high"
oauth = "no"
oauth_confidence = "high"
graph = "unknown"
fallback = ["gateway"]
sources = ["manual"]
"""
SOURCES = '[source.manual]\ntitle = "Manual"\n'


def files(product: str = PRODUCT, **more: str) -> dict[str, str]:
    return {"sources.toml": SOURCES, "printers.toml": product} | {f"{name}.toml": text for name, text in more.items()}


def test_whole_data_is_read() -> None:
    base = parse(files())
    assert base.products["copier"].vendor == "Fabrikam"
    assert base.families["copier"].name.en == "Copier"


SECOND = PRODUCT.replace('"copier"', '"other"').replace("Copier 1", "Copier 2")
BROKEN = {
    "no toml": (files("[[product"), "printers.toml: "),
    "no id": (files(PRODUCT.replace('id = "copier"\n', "")), "printers.toml: an entry has no id"),
    "twice": (files(PRODUCT + PRODUCT), "printers.toml: copier: there is another"),
    "twice over files": (files(relays=PRODUCT), "relays.toml: copier: there is another"),
    "no vendor": (files(PRODUCT.replace('vendor = "Fabrikam"\n', "")), "copier: vendor is missing"),
    "no source": (files(PRODUCT.replace('["manual"]', "[]")), "copier: name, vendor, sources"),
    "unknown source": (files(PRODUCT.replace('["manual"]', '["rumour"]')), "copier: the source rumour"),
    "unused source": (files() | {"sources.toml": SOURCES + '[source.x]\ntitle = "X"\n'}, "sources.toml: x: nothing"),
    "strange source": (files() | {"sources.toml": SOURCES + "page = 3\n"}, "sources.toml: manual: "),
    "no fallback": (files(PRODUCT.replace('["gateway"]', "[]")), "copier: name, vendor, sources and fallback"),
    "unknown fallback": (files(PRODUCT.replace('["gateway"]', '["pigeon"]')), "copier: 'pigeon'"),
    "unknown category": (files(PRODUCT.replace('"printer"', '"toaster"')), "copier: 'toaster'"),
    "unknown answer": (files(PRODUCT.replace('oauth = "no"', 'oauth = "maybe"')), "copier: 'maybe'"),
    "strange key": (files(PRODUCT + "colour = 3\n"), "copier: colour is not a key"),
    "strange sign key": (files(PRODUCT.replace("weight =", "mass = 1, weight =")), "copier: mass is not a key"),
    "one language": (files(PRODUCT + 'note_en = "n"\n'), "copier: note is given in one language only"),
    "unsafe pattern": (files(PRODUCT.replace("^Copier", "^(C+)+$")), "copier: pattern '^(C+)+$': "),
    "wrong example": (files(PRODUCT.replace("Copier 1", "Printer")), "copier: the example 'Printer'"),
    "no example": (files(PRODUCT.replace(', example = "Copier 1"', "")), "copier: example is missing"),
    "header of no header": (files(PRODUCT.replace('"x_mailer"', '"header"')), "copier: header belongs"),
    "both": (files(PRODUCT.replace("match =", 'contains = "C", match =')), "copier: a sign has match or contains"),
    "foreign family": (files(PRODUCT + SECOND), "other: shares '^Copier' with copier"),
    "unknown family": (files(PRODUCT + 'family = "f"\n'), "copier: its family f is not in families.toml"),
    "empty family": (files(families='[[family]]\nid = "f"\nname = "F"\n'), "families.toml: f: no product"),
    "family named as a product": (
        files(families='[[family]]\nid = "copier"\nname = "F"\n'),
        "families.toml: copier: a product has this id",
    ),
    "uses nothing": (files(PRODUCT + 'uses = "ghost"\n'), "copier: it uses ghost"),
    "uses itself": (files(PRODUCT + 'uses = "copier"\n'), "copier: it uses copier"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_data_is_refused_by_file_entry_and_fault(name: str) -> None:
    given, fault = BROKEN[name]
    with pytest.raises(BrokenBase, match=re.escape(fault)):
        parse(given)


def test_a_family_may_share_a_sign() -> None:
    family = '[[family]]\nid = "copiers"\nname = "Copiers"\nsettle_en = "the model"\nsettle_ja = "型番"\n'
    both = "".join(text + 'family = "copiers"\n' for text in (PRODUCT, SECOND))
    assert len(parse(files(both, families=family)).members["copiers"]) == 2


def marks(weight: Weight) -> Iterator[tuple[Product, Fingerprint]]:
    for product in knowledge().products.values():
        for mark in product.fingerprints:
            if mark.weight is weight:
                yield product, mark


def shown(mark: Fingerprint) -> Signs:
    if mark.kind is Kind.HEADER:
        return Signs(headers=((mark.header, mark.example),))
    return Signs.of({mark.kind.value: mark.example})


def test_every_strong_sign_names_its_product_or_family_and_no_other() -> None:
    recogniser, count = Recogniser(knowledge()), 0
    for product, mark in marks(Weight.STRONG):
        found, count = recogniser.recognise(shown(mark)), count + 1
        assert product.id in [one.product.id for one in found.candidates], mark
        assert found.family is not None, mark
        assert found.family.id == product.family, mark
        assert found.decision in (Decision.PRODUCT, Decision.FAMILY)
    assert count > 90


def test_no_weak_sign_names_anybody_by_itself() -> None:
    """Where the example shows a strong sign of another product as well, that one is named, and not this."""
    recogniser = Recogniser(knowledge())
    strong = [mark for _, mark in marks(Weight.STRONG)]
    for product, mark in marks(Weight.WEAK):
        found = recogniser.recognise(shown(mark))
        if not any(
            one.kind is mark.kind and one.header == mark.header and matches(one, mark.example) for one in strong
        ):
            assert found.candidates == (), mark
            assert product.id in [one.product.id for one in found.hints], mark


def test_the_base_is_as_large_as_what_was_found_out() -> None:
    products = knowledge().products.values()
    assert len(products) >= 200
    assert {product.category for product in products} == set(Category)
    assert {product.oauth.smtp for product in products} == set(Answer)
    assert {flow for product in products for flow in product.oauth.flows} == set(Flow)
    assert {way for product in products for way in product.fallbacks} == set(Fallback)


def test_what_nobody_verified_is_marked_so() -> None:
    for product in knowledge().products.values():
        if any(source.key == "not-verified" for source in product.sources):
            assert product.oauth.confidence is Confidence.LOW, product.id


def test_what_can_do_oauth_says_how() -> None:
    for product in knowledge().products.values():
        if product.oauth.smtp in (Answer.YES, Answer.PARTIAL) or product.oauth.graph is Answer.YES:
            assert product.setup.en, product.id
            assert re.search(r"[ぁ-んァ-ン一-龥]", product.setup.ja), product.id


def test_texts_are_in_their_language_and_name_no_place_of_ours() -> None:
    for product in knowledge().products.values():
        for text in (
            product.name,
            product.setup,
            product.note,
            *(family.settle for family in knowledge().families.values()),
        ):
            assert text.en.isascii() or "…" in text.en or "é" in text.en, text
            assert bool(text.en) == bool(text.ja)
        for source in product.sources:
            assert source.url == "" or source.url.startswith(("https://", "http://"))
            assert "code index" not in source.title


def test_every_word_of_the_base_is_told_in_both_languages() -> None:
    for kind in (Category, Answer, Flow, Fallback, Confidence):
        assert all(member.label("en") and member.label("ja") for member in kind)


def test_a_family_of_several_says_what_tells_them_apart() -> None:
    base = knowledge()
    for family in base.families.values():
        if len(base.members[family.id]) > 1:
            assert family.settle.en.endswith("."), family.id
