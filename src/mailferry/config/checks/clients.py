"""Each client can be told from the others, can connect, and sends from where it may.

Leaves to others: names (names) and open relays (relay).
"""

from __future__ import annotations

from collections.abc import Iterator

from mailferry.config.checks.finding import Finding, error, warning
from mailferry.config.checks.listeners import inside
from mailferry.config.lines import Path
from mailferry.config.schema import TenantSettings
from mailferry.config.validate import View
from mailferry.listener.settings import Authentication, ClientSettings, ListenerSettings
from mailferry.mail.address import domain_of
from mailferry.routes.settings import RouteSettings, RoutingSettings, RuleSettings


def check(view: View) -> Iterator[Finding]:
    yield from _overlaps(view)
    for item in view.all(ClientSettings):
        if view.complete(ListenerSettings):
            yield from _reach(view, item.path, item.value)
        yield from _internal(view, item.path, item.value)
        yield from _mailbox(view, item.path, item.value)


def _overlaps(view: View) -> Iterator[Finding]:
    """The same network twice leaves it open who is meant; a network in another is decided by the more exact one."""
    known = [
        ((*item.path, "networks", index), item.value.name, network)
        for item in view.all(ClientSettings)
        for index, network in enumerate(item.value.networks)
    ]
    for position, (path, name, network) in enumerate(known):
        for _, other_name, other in known[:position]:
            if name == other_name or network.version != other.version or not network.overlaps(other):
                continue
            if network == other:
                yield error(path, f'{network} belongs to client "{other_name}" already', "give it to one of them")
            else:
                exact = name if network.prefixlen > other.prefixlen else other_name
                yield warning(
                    path,
                    f'{network} overlaps {other} of client "{other_name}"; who is in both is "{exact}"',
                    "part the networks if that is not meant",
                )


def _reach(view: View, path: Path, client: ClientSettings) -> Iterator[Finding]:
    listeners = [item.value for item in view.all(ListenerSettings)]
    if client.password and all(one.authentication is Authentication.NONE for one in listeners):
        yield warning((*path, "password"), "no listener takes a login", 'set authentication = "optional" on a listener')
    if client.networks:
        open_ones = [one for one in listeners if one.authentication is not Authentication.REQUIRED]
        if not open_ones:
            message = "every listener requires a login, so the networks mean nothing"
            cure = 'set authentication = "optional" on a listener for these networks'
            yield (warning if client.password else error)((*path, "networks"), message, cure)
        for index, network in enumerate(client.networks if open_ones else ()):
            if not any(not one.networks or inside(network, one.networks) for one in open_ones):
                yield error(
                    (*path, "networks", index),
                    f"{network} is not within the networks of any listener that it could use",
                    "add it to the networks of that listener",
                )
    if client.max_size and listeners and client.max_size > max(one.max_size for one in listeners):
        yield warning((*path, "max_size"), "is above what every listener takes", "raise max_size of a listener too")


def _internal(view: View, path: Path, client: ClientSettings) -> Iterator[Finding]:
    if client.recipients == "internal" and not view.accepted_domains() and view.complete(TenantSettings):
        yield error(
            (*path, "recipients"),
            "allows internal recipients only, and no tenant has domains, so nobody is internal",
            'set domains of the [[tenant]], or recipients = "anywhere"',
        )


def _mailbox(view: View, path: Path, client: ClientSettings) -> Iterator[Finding]:
    """Exchange Online sends from mailboxes of the tenant only."""
    for route in _routes_of(view, client):
        domains = view.accepted_domains(route.tenant)
        if not route.needs_mailbox or route.mailbox or route.mailboxes or not domains:
            continue
        if client.mailbox and domain_of(client.mailbox) not in domains:
            yield error(
                (*path, "mailbox"),
                f'{client.mailbox} is in no accepted domain of tenant "{route.tenant}"',
                f"use a mailbox in {', '.join(sorted(domains))}, or add the domain to the tenant",
            )
            return
        for index, pattern in enumerate(() if client.mailbox else client.senders):
            if "*" not in pattern and pattern != "<>" and domain_of(pattern) not in domains:
                yield warning(
                    (*path, "senders", index),
                    f'{pattern} is no mailbox of tenant "{route.tenant}", which will refuse it',
                    "set mailbox (and rewrite_from = true) to a mailbox of the tenant",
                )


def _routes_of(view: View, client: ClientSettings) -> Iterator[RouteSettings]:
    """The routes that the client's mail can take, as far as names tell."""
    routes = {item.value.name: item.value for item in view.all(RouteSettings)}
    routing = view.one(RoutingSettings)
    default = routing.value.default_route if routing else None
    names = [client.route or default or (next(iter(routes)) if len(routes) == 1 else None)]
    names += [
        rule.value.route
        for rule in view.all(RuleSettings)
        if not rule.value.clients or client.name in rule.value.clients
    ]
    for name in dict.fromkeys(names):
        if name in routes:
            yield routes[name]
