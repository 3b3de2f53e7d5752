"""Where the gateway listens and to whom, and that nobody in between reads a password.

Leaves to others: who may relay (relay), certificates on disk (machine).
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from mailferry.config.checks.finding import Finding, error, warning
from mailferry.config.lines import Path
from mailferry.config.schema import MetricsSettings
from mailferry.config.validate import View
from mailferry.listener.policy import wide
from mailferry.listener.settings import (
    Authentication,
    ClientSettings,
    ListenerSettings,
    Network,
    TlsMode,
    TlsVersion,
    parse_address,
)

#: Versions that RFC 8996 deprecates.
_OLD_TLS = (TlsVersion.V1_0, TlsVersion.V1_1)
#: Addresses among which load balancers stand; in more there are clients too. IPv6 knows no smaller network than a /64.
_BALANCERS = {4: 1 << 10, 6: 1 << 64}


def check(view: View) -> Iterator[Finding]:
    yield from _addresses(view)
    for item in view.all(ListenerSettings):
        yield from _tls(item.path, item.value)
        yield from _plaintext(item.path, item.value)
        yield from _proxies(item.path, item.value)
        if view.complete(ClientSettings):
            yield from _admits(view, item.path, item.value)


def local(listener: ListenerSettings) -> bool:
    """Only this machine can connect."""
    host = parse_address(listener.address)[0]
    if host == "localhost":
        return True
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return bool(listener.networks) and all(network.is_loopback for network in listener.networks)


def inside(network: Network, others: tuple[Network, ...]) -> bool:
    """Whether `network` lies within one of `others`."""
    return any(network.version == other.version and network.subnet_of(other) for other in others)  # type: ignore[arg-type]


def _addresses(view: View) -> Iterator[Finding]:
    seen: list[tuple[str, int, Path]] = []
    wanted: list[tuple[Path, str]] = [((*i.path, "address"), i.value.address) for i in view.all(ListenerSettings)]
    metrics = view.one(MetricsSettings)
    if metrics and metrics.value.address:
        wanted.append((("metrics", "address"), metrics.value.address))
    for path, text in wanted:
        host, port = parse_address(text)
        for other, other_port, other_path in seen:
            if port and port == other_port and (host == other or _everywhere(host) or _everywhere(other)):
                place = view.document.place(other_path)
                yield error(
                    path, f"port {port} is taken by the address at {place}", "give each its own port or address"
                )
        seen.append((host, port, path))


def _everywhere(host: str) -> bool:
    return host in ("", "0.0.0.0", "::")  # noqa: S104


def _tls(path: Path, listener: ListenerSettings) -> Iterator[Finding]:
    if listener.tls is TlsMode.NONE:
        for name in ("minimum_tls", "certificate", "key"):
            if name in listener.model_fields_set:
                yield warning((*path, name), 'has no effect with tls = "none"', "take it out, or choose a tls mode")
    elif (
        listener.minimum_tls in _OLD_TLS and not local(listener) and (not listener.networks or wide(listener.networks))
    ):
        yield warning(
            (*path, "minimum_tls"),
            f"TLS {listener.minimum_tls} is open to whoever reaches this listener",
            "set networks to the devices that know no better, and give the others a listener with 1.2",
        )


def _plaintext(path: Path, listener: ListenerSettings) -> Iterator[Finding]:
    if not listener.allow_plaintext_auth or local(listener):
        return
    here = (*path, "allow_plaintext_auth")
    if not listener.networks or any(not network.is_private for network in listener.networks):
        yield error(
            here,
            "passwords would cross networks in clear that are not private",
            'use tls = "starttls" or "implicit", or set networks to the private ones of the devices',
        )
    else:
        yield warning(here, "passwords cross the network in clear", "use TLS as soon as the devices can")


def _proxies(path: Path, listener: ListenerSettings) -> Iterator[Finding]:
    for index, network in enumerate(listener.proxy_protocol):
        if wide([network]) or network == ip_network("::/0"):
            yield error(
                (*path, "proxy_protocol", index),
                "whoever connects could claim any address",
                "name the load balancers only",
            )
        elif not network.is_loopback and network.num_addresses > _BALANCERS[network.version]:
            yield warning(
                (*path, "proxy_protocol", index),
                "every machine in it could claim any address, and so be any client",
                "name the load balancers only",
            )


def _admits(view: View, path: Path, listener: ListenerSettings) -> Iterator[Finding]:
    """Somebody can use this listener."""
    clients = [item.value for item in view.all(ClientSettings)]
    passwords = any(client.password for client in clients) or bool(view.names("enrolment"))
    login = listener.authentication is not Authentication.NONE and passwords
    network = listener.authentication is not Authentication.REQUIRED and any(client.networks for client in clients)
    if not login and not network:
        need = {
            Authentication.REQUIRED: "with a password",
            Authentication.NONE: "with networks",
            Authentication.OPTIONAL: "with a password or networks",
        }[listener.authentication]
        yield error(
            path, f"nobody can send here: there is no client {need}", "add a [[client]]; `mailferry account add`"
        )
