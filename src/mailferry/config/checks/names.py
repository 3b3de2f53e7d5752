"""Names are said once, and what is named exists.

Invariant: a name that belongs to an invalid entry still counts as there, so that one error does not make two.
"""

from __future__ import annotations

from collections.abc import Iterator

from mailferry.config.checks.finding import Finding, choose_from, error
from mailferry.config.lines import Path
from mailferry.config.validate import View
from mailferry.delivery.bounce import MAILER_DAEMON
from mailferry.listener.identity import account_key
from mailferry.listener.settings import ClientSettings
from mailferry.routes.settings import RouteSettings, RoutingSettings, RuleSettings


def check(view: View) -> Iterator[Finding]:
    yield from _said_once(view)
    yield from _reserved(view)
    yield from _accounts(view)
    yield from _routes(view)
    yield from _clients_in_rules(view)
    yield from _tenants(view)


def _said_once(view: View) -> Iterator[Finding]:
    for section in ("listener", "client", "tenant", "route", "alarm", "enrolment"):
        for name, paths in view.names(section).items():
            for path in paths[1:]:
                first = view.document.place(paths[0])
                yield error((*path, "name"), f'there is another {section} "{name}" at {first}', "give it its own name")


def _reserved(view: View) -> Iterator[Finding]:
    """The gateway's own reports go by this name."""
    for name, paths in view.names("client").items():
        if name.casefold() == MAILER_DAEMON:
            for path in paths:
                yield error((*path, "name"), f'"{name}" is the name of the gateway\'s own reports', "take another name")


def _accounts(view: View) -> Iterator[Finding]:
    seen: dict[str, Path] = {}
    for item in view.all(ClientSettings):
        client = item.value
        if client.password is None:
            continue
        path = (*item.path, "account" if client.account else "name")
        key = account_key(client.login)
        if key in seen and client.account is None and len(view.names("client").get(client.name, ())) > 1:
            continue  # told as a double name
        if key in seen:
            place = view.document.place(seen[key])
            yield error(path, f'the client at {place} logs in as "{client.login}" too', "give each its own account")
        seen.setdefault(key, path)


def _routes(view: View) -> Iterator[Finding]:
    routes = view.names("route")
    used: list[tuple[Path, str]] = []
    used += [((*i.path, "route"), i.value.route) for i in view.all(ClientSettings) if i.value.route]
    used += [((*i.path, "route"), i.value.route) for i in view.all(RuleSettings)]
    routing = view.one(RoutingSettings)
    if routing and routing.value.default_route:
        used.append((("routing", "default_route"), routing.value.default_route))
    elif routing and len(routes) > 1:
        yield error(
            ("routing", "default_route"),
            "is missing, and there is more than one route",
            f"write [routing] default_route = one of {', '.join(routes)}",
        )
    for path, name in used:
        if name not in routes:
            yield error(path, f'there is no route "{name}"', choose_from(name, routes))


def _clients_in_rules(view: View) -> Iterator[Finding]:
    clients = view.names("client")
    for item in view.all(RuleSettings):
        for index, name in enumerate(item.value.clients):
            if name not in clients:
                path = (*item.path, "clients", index)
                yield error(path, f'there is no client "{name}"', choose_from(name, clients))


def _tenants(view: View) -> Iterator[Finding]:
    tenants = view.names("tenant")
    for item in view.all(RouteSettings):
        name = item.value.tenant
        if name is not None and name not in tenants:
            yield error((*item.path, "tenant"), f'there is no tenant "{name}"', choose_from(name, tenants))
