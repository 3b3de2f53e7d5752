"""Recognition for any signs: it never raises, is never more than certain, and weak signs never decide."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailferry.clients.base import knowledge
from mailferry.clients.message import signs_of
from mailferry.clients.product import Fingerprint, Weight
from mailferry.clients.recognise import Decision, Recogniser
from mailferry.clients.signs import Kind, Signs
from mailferry.clients.verdict import verdict

RECOGNISER, OTHER = Recogniser(knowledge()), Recogniser(knowledge())
MARKS = [mark for product in knowledge().products.values() for mark in product.fingerprints]
WEAK = [mark for mark in MARKS if mark.weight is Weight.WEAK]
#: Any text, or one that means something, or one that nearly does.
TEXT = st.one_of(st.just(""), st.text(max_size=60), st.sampled_from([mark.example for mark in MARKS])).flatmap(
    lambda text: st.sampled_from((text, text[:-1], text.swapcase()))
)
HEADERS = st.lists(
    st.tuples(st.sampled_from(["X-Jenkins-Job", "Received", "X-Library", "x-jira-fingerprint"]), TEXT), max_size=4
)
SIGNS = st.builds(
    Signs, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, HEADERS.map(lambda pairs: tuple(pairs))
)


def with_mark(signs: Signs, mark: Fingerprint) -> Signs:
    values = {kind.value: value for kind, _, value in signs if kind is not Kind.HEADER}
    if mark.kind is Kind.HEADER:
        return Signs.of(values, (*signs.headers, (mark.header, mark.example)))
    return Signs.of({mark.kind.value: mark.example} | values, signs.headers)  # what is there stays


@given(SIGNS)
def test_any_signs_give_a_sound_result(signs: Signs) -> None:
    found = RECOGNISER.recognise(signs)
    every = [*found.candidates, *found.hints]
    assert all(0 < one.confidence < 1 for one in every)
    assert 0 <= found.confidence < 1
    assert sum(one.confidence for one in found.candidates) < 1.001
    assert [one.confidence for one in found.candidates] == sorted(
        (o.confidence for o in found.candidates), reverse=True
    )
    assert all(any(sign.weight is Weight.STRONG for sign in one.evidence) for one in found.candidates[:1])
    assert (found.family is not None) == (found.decision in (Decision.PRODUCT, Decision.FAMILY))
    assert (found.product is None) or len(found.candidates) == 1
    assert verdict(found).text("en").endswith(".")
    assert verdict(found).text("ja").endswith("。")


def strong(mark: Fingerprint) -> bool:
    """Whether the example of a weak mark shows a strong one as well."""
    alone = RECOGNISER.recognise(with_mark(Signs(), mark))
    return alone.candidates != ()


@given(SIGNS, st.lists(st.sampled_from([mark for mark in WEAK if not strong(mark)]), max_size=6))
def test_weak_signs_never_make_a_decision(signs: Signs, marks: list[Fingerprint]) -> None:
    before = RECOGNISER.recognise(signs)
    for mark in marks:
        signs = with_mark(signs, mark)
    after = RECOGNISER.recognise(signs)
    assert after.decision is before.decision or {after.decision, before.decision} == {Decision.PRODUCT, Decision.FAMILY}
    assert after.family == before.family
    assert after.confidence >= before.confidence


@given(SIGNS, st.data())
def test_order_means_nothing(signs: Signs, data: st.DataObject) -> None:
    pairs = data.draw(st.permutations(signs.headers))
    values = {kind.value: value for kind, _, value in signs if kind is not Kind.HEADER}
    shuffled = Signs.of(values, tuple(pairs))
    assert shuffled == signs
    assert OTHER.recognise(shuffled) == RECOGNISER.recognise(signs)  # whatever either was asked before


@given(st.binary(max_size=400))
def test_any_octets_are_read(data: bytes) -> None:
    RECOGNISER.recognise(signs_of(data))


@given(
    st.lists(
        st.sampled_from([b"Received: from ", b"X-Mailer:", b"\r\n", b"\n ", b"[", b"(", b"TLSv1.", b"by ", b":", b"a"])
    )
)
def test_what_looks_like_a_header_is_read(pieces: list[bytes]) -> None:
    RECOGNISER.recognise(signs_of(b"".join(pieces)))
