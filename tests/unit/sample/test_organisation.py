"""The organisation: sizes, every kind of trouble, reserved names and addresses only."""

from __future__ import annotations

import ipaddress
from collections import Counter
from itertools import pairwise

import pytest

from mailferry.sample.data_files import kinds, products
from mailferry.sample.organisation import SMALLEST, invent

_PUBLIC = [ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
_RESERVED = (".example.jp", ".example.com", ".example.net", ".example.org")


@pytest.mark.parametrize("size", [50, 51, 777, 2000])
def test_it_has_the_size_that_was_asked_for(size: int) -> None:
    clients = invent(size, 3).clients
    assert [client.number for client in clients] == list(range(1, size + 1))


def test_a_smaller_one_would_lack_something() -> None:
    with pytest.raises(ValueError, match="50"):
        invent(SMALLEST - 1, 1)


def test_every_kind_of_trouble_is_there() -> None:
    for seed in range(20):
        counts = Counter(client.kind.key for client in invent(SMALLEST, seed).clients)
        assert {kind.key for kind in kinds() if kind.least} <= set(counts), seed


def test_the_seed_decides() -> None:
    assert invent(200, 5) == invent(200, 5)
    assert invent(200, 5) != invent(200, 6)


def test_no_address_or_name_belongs_to_anybody() -> None:
    organisation = invent(5000, 1)
    lans = set()
    for client in organisation.clients:
        assert client.sender.endswith(_RESERVED), client.sender
        assert ipaddress.ip_address(client.lan) in ipaddress.ip_network("10.0.0.0/8")
        lans.add(client.lan)
        assert all(any(ipaddress.ip_address(ip) in net for net in _PUBLIC) for ip in client.public)
    assert len(lans) == len(organisation.clients)
    assert all(person.address.endswith(_RESERVED) for person in organisation.people)
    assert all(f".{domain}".endswith(_RESERVED) for domain in organisation.outside)


def test_a_mailbox_has_one_client_at_an_address() -> None:
    pairs = Counter(
        (client.sender, address) for client in invent(2000, 2).clients for address in client.public if client.mailbox
    )
    assert max(pairs.values()) == 1


def test_sites_have_lines_of_their_own() -> None:
    sites = invent(50_000, 1).sites
    lines = [ipaddress.IPv4Address(line) for site in sites for line in site.public]
    assert all(one < other for one, other in pairwise(lines))
    assert len({site.key for site in sites}) == len(sites)


def test_every_product_of_the_table_is_used() -> None:
    assert {product for kind in kinds() for product in kind.products} == set(products())
