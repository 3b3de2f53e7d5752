"""Routes that reach the organisation's own recipients only: nothing that goes elsewhere is sent to them.

The table passes such a route over at run time and the transport refuses (routes.table, routes.parts); this says so
before mail depends on it. Leaves to others: names that do not exist (names), the rest of routing (routing).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mailferry.config.checks.finding import Finding, error
from mailferry.config.schema import TenantSettings
from mailferry.config.validate import View
from mailferry.listener.settings import ClientSettings
from mailferry.mail.address import domain_of
from mailferry.routes.settings import EXTERNAL, INTERNAL, RouteSettings, RoutingSettings, RuleSettings

Reach = dict[str, frozenset[str]]


def check(view: View) -> Iterator[Finding]:
    if not view.complete(TenantSettings, RouteSettings, RoutingSettings):
        return  # what is internal is not known
    routes = view.all(RouteSettings)
    reach = {item.value.name: view.accepted_domains(item.value.tenant) for item in routes if item.value.internal_only}
    if not reach:
        return
    for item in routes:
        if item.value.internal_only and not reach[item.value.name]:
            cure = "set domains of its tenant" if item.value.tenant else "set [routing] internal_domains"
            yield error(item.path, "reaches internal recipients only, and no domain is known to be internal", cure)
    yield from _rules(view, reach)
    yield from _clients(view, reach)
    yield from _default(view, reach)


def _rules(view: View, reach: Reach) -> Iterator[Finding]:
    for item in view.all(RuleSettings):
        domains = reach.get(item.value.route)
        if domains is not None and not _within(view, item.value.recipients or (EXTERNAL,), domains):
            yield error(
                (*item.path, "recipients") if item.value.recipients else item.path,
                f'could send outside by "{item.value.route}", which reaches {_list(domains)} only',
                'set recipients = ["internal"], or name these domains; a rule or the default route takes the others',
            )


def _clients(view: View, reach: Reach) -> Iterator[Finding]:
    for item in view.all(ClientSettings):
        domains = reach.get(item.value.route or "")
        if domains is not None and not _within(view, _recipients(item.value), domains):
            yield error(
                (*item.path, "route"),
                f'may send outside, but "{item.value.route}" reaches {_list(domains)} only',
                f'take it out and add a [[rule]] with clients = ["{item.value.name}"], recipients = ["internal"]',
            )


def _default(view: View, reach: Reach) -> Iterator[Finding]:
    """The default route is the last there is: what it does not reach could only be refused."""
    routing, names = view.one(RoutingSettings), view.names("route")
    default = routing.value.default_route if routing else None
    default = default or (next(iter(names)) if len(names) == 1 else None)
    domains = reach.get(default or "")
    if domains is None:
        return
    rules = [item.value for item in view.all(RuleSettings)]
    for item in view.all(ClientSettings):
        own = item.value.route is not None and item.value.route not in reach
        ruled = any(_takes_all_outside(rule, item.value.name, reach) for rule in rules)
        if own or ruled or _within(view, _recipients(item.value), domains):
            continue
        named = routing is not None and routing.value.default_route is not None
        yield error(
            ("routing", "default_route") if named else (*item.path, "recipients"),
            f'"{default}" reaches {_list(domains)} only, but client "{item.value.name}" may send outside',
            'add a [[rule]] with recipients = ["external"] to another route, or set recipients = "internal"',
        )
        return


def _takes_all_outside(rule: RuleSettings, client: str, reach: Reach) -> bool:
    """Whether no outside recipient of `client` gets past the rule."""
    outside = not rule.recipients or EXTERNAL in rule.recipients
    meant = not rule.clients or client in rule.clients
    return rule.route not in reach and outside and meant and not rule.senders


def _recipients(client: ClientSettings) -> tuple[str, ...]:
    if isinstance(client.recipients, tuple):
        return client.recipients
    return (INTERNAL,) if client.recipients == "internal" else (EXTERNAL,)


def _within(view: View, recipients: Iterable[str], domains: frozenset[str]) -> bool:
    """Whether all these words and patterns stay in `domains`."""
    for word in recipients:
        if word == INTERNAL:
            if not view.accepted_domains() <= domains:
                return False
        elif word == EXTERNAL or domain_of(word) not in domains:
            return False
    return True


def _list(domains: frozenset[str]) -> str:
    return ", ".join(sorted(domains)) or "internal recipients"
