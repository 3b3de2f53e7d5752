"""Who a client is."""

from __future__ import annotations

import pytest

from mailferry.listener.identity import Identities, parse_ip, within
from mailferry.listener.settings import ClientSettings
from support.listening import hashed

CLIENTS = (
    ClientSettings(name="site", networks=("10.0.0.0/8",)),
    ClientSettings(name="floor", networks=("10.1.0.0/16", "2001:db8::/32")),
    ClientSettings(name="printer", networks=("10.1.2.3/32",)),
    ClientSettings(name="twin", networks=("10.1.0.0/16",)),
    ClientSettings(name="app", account="App@Example.test", password=hashed("x")),
    ClientSettings(name="plainname", password=hashed("x"), networks=("192.0.2.0/24",)),
)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("10.1.2.3", "printer"),
        ("10.1.2.4", "floor"),
        ("10.2.0.1", "site"),
        ("2001:db8::1", "floor"),
        ("::ffff:10.1.2.3", "printer"),
        ("fe80::1%eth0", None),
        ("192.0.2.1", "plainname"),
        ("203.0.113.1", None),
        ("", None),
        ("not an address", None),
    ],
)
def test_by_address(address: str, name: str | None) -> None:
    """The most specific network wins, of equal ones the first; and so it does when asked again."""
    identities = Identities(CLIENTS)
    for _ in range(2):
        found = identities.by_address(address)
        assert (found.client.name if found else None) == name
        assert found is None or found.account is None


def test_by_account() -> None:
    """In any case; the name is the account where none is given."""
    identities = Identities(CLIENTS)
    found = identities.by_account(" app@example.TEST ")
    assert found is not None
    assert (found.client.name, found.account) == ("app", "App@Example.test")
    assert identities.by_account("plainname") is not None
    assert identities.by_account("printer") is None
    assert identities.by_account("") is None


def test_an_account_belongs_to_one_client() -> None:
    twice = [ClientSettings(name=name, account="A@b", password=hashed("x")) for name in ("one", "two")]
    with pytest.raises(ValueError, match="'one' and 'two' have the same account"):
        Identities(twice)


def test_what_is_remembered_is_bounded() -> None:
    """An attacker with many addresses does not fill the memory."""
    identities = Identities(CLIENTS)
    for number in range(10_000):
        identities.by_address(f"203.0.{number // 256}.{number % 256}")
    assert len(identities._seen) <= 4096


def test_within_and_parse_ip() -> None:
    networks = CLIENTS[1].networks
    assert within("::ffff:10.1.0.1", networks)
    assert not within("10.2.0.1", networks)
    assert not within("", networks)
    assert str(parse_ip("fe80::1%2")) == "fe80::1"
