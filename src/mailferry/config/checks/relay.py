"""No open relay, whatever combination of settings would make one.

The listener refuses the same again at run time (listener.policy). Invariant: a client that only its network vouches
for cannot reach any domain from the whole internet, nor can somebody choose the address it seems to come from.
"""

from __future__ import annotations

from collections.abc import Iterator

from mailferry.config.checks.finding import Finding, error, warning
from mailferry.config.lines import Path
from mailferry.config.validate import View
from mailferry.listener.policy import wide
from mailferry.listener.settings import Authentication, ClientSettings, ListenerSettings, Network
from mailferry.mail.address import split_address


def check(view: View) -> Iterator[Finding]:
    anonymous = [
        item.value for item in view.all(ListenerSettings) if item.value.authentication is not Authentication.REQUIRED
    ]
    for item in view.all(ClientSettings):
        yield from _client(item.path, item.value, anonymous)


def unbounded(client: ClientSettings) -> bool:
    """Whether its recipients may be of any domain."""
    if isinstance(client.recipients, str):
        return client.recipients == "anywhere"
    return any(_any_domain(pattern) for pattern in client.recipients)


def _any_domain(pattern: str) -> bool:
    """A wildcard in the domain with nothing behind it that belongs to somebody: *, user@*, *@*.com, *@*.co.jp."""
    domain = split_address(pattern)[1] if "@" in pattern else pattern
    if "*" not in domain:
        return False
    labels = domain.rpartition("*")[2].strip(".").split(".")
    registry = len(labels) == 2 and len(labels[1]) == 2 and len(labels[0]) <= 3
    return len(labels) < 2 or registry


def _client(path: Path, client: ClientSettings, listeners: list[ListenerSettings]) -> Iterator[Finding]:
    if not client.networks:
        return
    where = (*path, "networks")
    reason = wide(client.networks)
    if reason and unbounded(client):
        yield error(
            where,
            f"is an open relay: anyone could send to anyone without a login; {reason}",
            'name the networks of the devices, or give the client a password, or set recipients = "internal"',
        )
    elif reason:
        yield warning(
            where,
            f"anyone can send to these recipients without a login; {reason}",
            "name the networks of the devices, or give the client a password",
        )
    elif unbounded(client) and listeners and (public := _public(client.networks)):
        yield warning(
            where,
            f"whoever has an address in {public} can send anywhere without a login",
            "make sure that these are yours alone, or give the client a password",
        )


def _public(networks: tuple[Network, ...]) -> str:
    return ", ".join(str(network) for network in networks if network.is_global)
