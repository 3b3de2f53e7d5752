"""How a client speaks: by what was seen of it; the rest is plain, and told."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from mailferry.clients.base import KnowledgeBase, knowledge
from mailferry.clients.product import Fingerprint, Weight
from mailferry.clients.signs import Kind
from mailferry.inventory.records import Authentication, Client
from mailferry.rehearsal import words
from mailferry.rehearsal.voice import voice

BASE = KnowledgeBase({}, {})


def test_as_seen() -> None:
    seen = Client("c1", sender="a@x.example", names=("KMBT1",), addresses=("10.1.2.3",), tls=("1.0",))
    found = voice(seen, BASE)
    assert (found.hello, found.tls, found.address, found.spelling, found.assumed) == (
        "KMBT1",
        "1.0",
        "10.1.2.3",
        "AUTH LOGIN",
        (),
    )
    assert found.old


def test_what_was_not_seen_is_told() -> None:
    found = voice(Client("c1", sender="a@x.example"), BASE)
    assert set(found.assumed) == {words.EHLO, words.TLS, words.INSIDE}
    assert found.hello == f"[{found.address}]"
    assert ip_address(found.address).is_private


@pytest.mark.parametrize("public", ["8.8.8.8", "203.0.113.7", "2001:4860::1"])
def test_a_public_address_is_not_where_the_gateway_sees_it(public: str) -> None:
    inside = voice(Client("c1", sender="a@x.example", addresses=(public,)), BASE)
    assert inside.address.startswith("10.254.")
    assert words.INSIDE in inside.assumed
    anonymous = voice(Client("c1", addresses=(public,)), BASE)
    assert anonymous.address == public, "it is known by this address"


def test_the_oldest_tls() -> None:
    signed = Client("c1", sender="a@x.example", tls=("none", "1.1", "1.2"))
    found = voice(signed, BASE)
    assert (found.tls, words.OLDEST_TLS in found.assumed) == ("1.1", True)
    anonymous = Client("c2", authentication=Authentication.ANONYMOUS, tls=("none",))
    assert voice(anonymous, BASE).tls == "none"


def test_the_spelling_of_its_product() -> None:
    product = next(iter(knowledge().products.values()))
    sign = Fingerprint(Kind.AUTH_SPELLING, Weight.WEAK, "^auth login$", "auth login")
    base = KnowledgeBase({"p": replace(product, id="p", fingerprints=(sign,))}, {})
    assert voice(Client("c1", product="p"), base).spelling == "auth login"
    plain = replace(sign, example="AUTH PLAIN")  # Exchange Online would not have let it in
    base = KnowledgeBase({"p": replace(product, id="p", fingerprints=(plain,))}, {})
    assert voice(Client("c1", product="p"), base).spelling == "AUTH LOGIN"


def test_a_name_ends_no_line() -> None:
    assert voice(Client("c1", names=("a b\r\nMAIL FROM:<x>",)), BASE).hello == "abMAILFROM:<x>"
