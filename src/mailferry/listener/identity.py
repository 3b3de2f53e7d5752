"""Who a client is: by the account it logged in with, or by the network it speaks from.

Leaves to others: checking passwords (accounts) and whether a login is needed (policy.admission).
Invariant: the most specific network wins, and one account belongs to one client.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from mailferry.listener.policy import Client, Identity
from mailferry.listener.settings import ClientSettings, Network

_REMEMBERED = 4096


def parse_ip(text: str) -> IPv4Address | IPv6Address | None:
    """The address without its zone; an IPv4 address that a dual-stack socket wrapped in IPv6 is unwrapped
    (RFC 4291 section 2.5.5.2). None for what is no IP address, such as a UNIX socket."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def host_of(peer: object) -> str:
    """The peer's address as clients are known by: IPv4 unwrapped, no zone; "" for a UNIX socket."""
    if not isinstance(peer, tuple) or not peer:
        return ""
    text = str(peer[0])
    return str(parse_ip(text) or text) if ":" in text else text


def block_of(address: str) -> str:
    """What counts as one address: of IPv6 the /64, which is the least that anybody has (RFC 6177 section 2)."""
    if ":" not in address:
        return address
    parsed = parse_ip(address)
    return str(IPv6Network((int(parsed) >> 64 << 64, 64))) if isinstance(parsed, IPv6Address) else address


def within(text: str, networks: Iterable[Network]) -> bool:
    """Whether the address lies in one of the networks."""
    address = parse_ip(text)
    return address is not None and any(
        address.version == network.version and address in network for network in networks
    )


def account_key(account: str) -> str:
    """How accounts are compared: Exchange takes user names in any case, and so do devices write them."""
    return account.strip().casefold()


class Identities:
    """Finds the client of an account or an address. Replaced as a whole when the configuration changes."""

    def __init__(self, settings: Iterable[ClientSettings]) -> None:
        self.clients = tuple(Client.of(one) for one in settings)
        self._by_account: dict[str, Identity] = {}
        by_network: list[tuple[Network, Identity]] = []
        for client in self.clients:
            if client.password is not None:
                key = account_key(client.account)
                if key in self._by_account:
                    other = self._by_account[key].client.name
                    raise ValueError(f"clients {other!r} and {client.name!r} have the same account {client.account!r}")
                self._by_account[key] = Identity(client, client.account)
            anonymous = Identity(client)
            by_network += [(network, anonymous) for network in client.networks]
        self._by_network = sorted(by_network, key=lambda pair: -pair[0].prefixlen)
        self._seen: dict[str, Identity | None] = {}

    def by_account(self, account: str) -> Identity | None:
        return self._by_account.get(account_key(account))

    def by_address(self, address: str) -> Identity | None:
        """The client of the most specific network that holds the address; of equal ones the first configured."""
        if not self._by_network:
            return None
        try:
            return self._seen[address]
        except KeyError:
            pass
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        found = self._seen[address] = self._search(address)
        return found

    def _search(self, text: str) -> Identity | None:
        address = parse_ip(text)
        if address is None:
            return None
        for network, identity in self._by_network:
            if address.version == network.version and address in network:
                return identity
        return None
