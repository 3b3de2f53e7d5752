"""Reports of what could not be delivered: they have the null sender, and not every route carries that.

Leaves to others: everything else of routing (routing). Invariant: only what people of the organisation would get is
looked at, for reports go to whoever sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mailferry.config.checks.finding import Finding, warning
from mailferry.config.schema import TenantSettings
from mailferry.config.validate import View
from mailferry.mail.address import Patterns, domain_of
from mailferry.routes.settings import EXTERNAL, INTERNAL, RouteSettings, RouteType, RoutingSettings, RuleSettings

_RULE = 'add a [[rule]] with senders = ["<>"] that leads to another route'


def check(view: View) -> Iterator[Finding]:
    if not view.complete(TenantSettings, RouteSettings, RoutingSettings, RuleSettings):
        return  # by which route a report leaves is not known
    taken = _taken(view)
    for item in view.all(RouteSettings):
        route = item.value
        if route.name not in taken:
            continue
        if route.type is RouteType.ACS_REST:
            what = "reports (sender <>) would take this route, whose JSON form has no place for them"
            yield warning(item.path, what, _RULE)
        elif route.type is RouteType.ACS_SMTP and not route.mailbox:
            what = (
                "reports (sender <>) would take this route, and the service takes mail of its MailFrom addresses only"
            )
            yield warning(item.path, what, f"set mailbox to such an address, or {_RULE}")


def _taken(view: View) -> set[str]:
    """The routes by which a report to somebody inside may leave."""
    found: set[str] = set()
    for item in view.all(RuleSettings):
        rule = item.value
        if rule.senders and not Patterns.of(rule.senders).match(""):
            continue
        if rule.recipients and not _inside(view, rule.recipients):
            continue
        found.add(rule.route)
        if not (rule.clients or rule.recipients):
            return found
    routing, names = view.one(RoutingSettings), view.names("route")
    default = routing.value.default_route if routing is not None else None
    return found | ({default} if default else set(names) if len(names) == 1 else set())


def _inside(view: View, recipients: Iterable[str]) -> bool:
    accepted = view.accepted_domains()
    return any(word == INTERNAL or (word != EXTERNAL and domain_of(word) in accepted) for word in recipients)
