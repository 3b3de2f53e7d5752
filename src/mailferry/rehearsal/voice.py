"""How one client of the inventory speaks: its name in EHLO, its TLS, its AUTH, its address, as far as it was seen.

Leaves to others: speaking (speaker), what it sends (letters), where (casting). Invariant: pure; what no export shows is
the plainest that every service understands, and named in `assumed`; a product's habits come from the knowledge base.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass

from mailferry.clients.base import KnowledgeBase
from mailferry.clients.signs import Kind
from mailferry.inventory.records import Authentication, Client
from mailferry.m365.facts import Text
from mailferry.rehearsal import words

#: Spoken oldest first; "none" is clear text.
_TLS = ("none", "1.0", "1.1", "1.2", "1.3")
OLD_TLS = frozenset({"1.0", "1.1"})
#: Exchange Online offers passwords by LOGIN alone, so whoever signs in there by password speaks it.
_SPELLING = "AUTH LOGIN"


@dataclass(frozen=True, slots=True)
class Voice:
    """`hello`: the argument of EHLO; `tls`: a version, "none", or "" for whatever is preferred; `spelling`: the AUTH
    command as it types it; `address`: where in the network it stands."""

    hello: str
    tls: str
    spelling: str
    address: str
    assumed: tuple[Text, ...] = ()

    @property
    def old(self) -> bool:
        return self.tls in OLD_TLS


def voice(client: Client, base: KnowledgeBase) -> Voice:
    """As `client` was seen."""
    assumed: list[Text] = []
    address = _address(client, assumed)
    name = next((clean for clean in map(_clean, client.names) if clean), "")
    if not name:
        assumed.append(words.EHLO)
    known = [version for version in _TLS if version in client.tls]
    if client.authentication is not Authentication.ANONYMOUS:
        known = [version for version in known if version != "none"]  # that was the way to a relay
    if not known:
        assumed.append(words.TLS)
    elif len(known) > 1:
        assumed.append(words.OLDEST_TLS)
    return Voice(
        hello=name or f"[{address}]",
        tls=known[0] if known else "",
        spelling=_spelling(client, base),
        address=address,
        assumed=tuple(assumed),
    )


def _spelling(client: Client, base: KnowledgeBase) -> str:
    """The AUTH command as the product types it, where the knowledge base knows that of LOGIN."""
    product = base.products.get(client.product)
    signs = product.fingerprints if product is not None else ()
    examples = (sign.example for sign in signs if sign.kind is Kind.AUTH_SPELLING)
    return next((text for text in examples if text.upper() == _SPELLING), _SPELLING)


def _address(client: Client, assumed: list[Text]) -> str:
    """Its address as the gateway would see it: inside the network. Without a mailbox the address it is known by."""
    seen = [address for address in client.addresses if _is_ip(address)]
    inside = [address for address in seen if not ipaddress.ip_address(address).is_global and not _example(address)]
    if inside or (seen and not client.sender):
        return (inside or seen)[0]
    assumed.append(words.INSIDE)
    number = hashlib.sha256(client.id.encode()).digest()
    return f"10.254.{number[0]}.{number[1] % 254 + 1}"


#: RFC 5737: they stand for public addresses wherever they are met.
_EXAMPLES = tuple(map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")))


def _example(address: str) -> bool:
    return any(ipaddress.ip_address(address) in network for network in _EXAMPLES)


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _clean(name: str) -> str:
    """A name as it can stand in one line of a dialogue."""
    return "".join(letter for letter in name if letter.isprintable() and not letter.isspace())[:255]
