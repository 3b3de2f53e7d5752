"""Ways out: rules that are reached, routes that are used, limits that the service grants, mail kept private.

Leaves to others: names that do not exist (names).
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from mailferry.config.checks.finding import Finding, error, warning
from mailferry.config.lines import Path
from mailferry.config.schema import TenantSettings
from mailferry.config.validate import View
from mailferry.listener.settings import ClientSettings
from mailferry.mail.address import domain_of
from mailferry.routes import presets
from mailferry.routes.acs_settings import missing_package
from mailferry.routes.settings import RouteSettings, RouteType, RoutingSettings, RuleSettings

#: What a limit that is raised too far is compared with. What a server of one's own takes is for its owner to say.
_SERVICES = {
    RouteType.EXCHANGE_SMTP: "Exchange Online",
    RouteType.HVE: "High Volume Email",
    RouteType.ACS_SMTP: "Azure Communication Services",
    RouteType.ACS_REST: "Azure Communication Services",
    RouteType.GRAPH: "Microsoft Graph",
}


def check(view: View) -> Iterator[Finding]:
    yield from _rules(view)
    yield from _unused(view)
    for item in view.all(RouteSettings):
        if item.value.needs_mailbox:
            yield from _mailbox(view, item.path, item.value)
        yield from _host(view, item.path, item.value)
        yield from _limits(item.path, item.value)
        if item.value.type is RouteType.ACS_REST and (missing := missing_package()) is not None:
            yield error((*item.path, "type"), *missing)
        if item.value.type is RouteType.SMARTHOST:
            yield from _smarthost(item.path, item.value)


def _rules(view: View) -> Iterator[Finding]:
    catch_all: Path | None = None
    for item in view.all(RuleSettings):
        if catch_all is not None:
            place = view.document.place(catch_all)
            yield warning(item.path, f"is never reached: the rule at {place} matches everything", "move it above")
        elif not (item.value.clients or item.value.senders or item.value.recipients):
            catch_all = item.path


def _unused(view: View) -> Iterator[Finding]:
    routing = view.one(RoutingSettings)
    if routing is None or not view.complete(RuleSettings) or not view.complete(ClientSettings):
        return
    used = {routing.value.default_route, *(item.value.route for item in view.all(RuleSettings))}
    used |= {item.value.route for item in view.all(ClientSettings)} - {None}
    used |= {name for item in view.all(RouteSettings) for name in item.value.failover}
    names = view.names("route")
    if len(names) < 2 or not used.issubset(names):  # what a wrong name was meant to be is not known
        return
    for item in view.all(RouteSettings):
        if item.value.name not in used:
            yield warning(item.path, f'nothing uses the route "{item.value.name}"', "name it in a rule or take it out")


def _mailbox(view: View, path: Path, route: RouteSettings) -> Iterator[Finding]:
    """A mailbox, or an account of High Volume Email, is the tenant's own."""
    domains = view.accepted_domains(route.tenant)
    boxes = [("mailbox", route.mailbox)] if route.mailbox else [("mailboxes", each) for each in route.mailboxes]
    for key, mailbox in boxes:
        if not domains or domain_of(mailbox) in domains:
            continue
        yield error(
            (*path, key),
            f'{mailbox} is in no accepted domain of tenant "{route.tenant}"',
            f"use a mailbox in {', '.join(sorted(domains))}, or add the domain to the tenant",
        )


def _host(view: View, path: Path, route: RouteSettings) -> Iterator[Finding]:
    """Not every cloud is known to have every service."""
    clouds = [item.value.cloud for item in view.all(TenantSettings) if item.value.name == route.tenant]
    if clouds and not presets.host(route, clouds[0]):
        yield error(
            path, f"has no host, and none is known for {route.type.value} in cloud {clouds[0]}", "set host of the route"
        )


def _limits(path: Path, route: RouteSettings) -> Iterator[Finding]:
    service, name = presets.published(route), _SERVICES.get(route.type)
    if service is None or name is None:
        return
    own = route.limits
    rate = own.rate.count * 60 / own.rate.seconds if own.rate else None
    pairs = (
        ("rate", rate, service.messages_per_minute.value, "messages a minute"),
        ("messages_per_hour", own.messages_per_hour, service.messages_per_hour.value, "messages an hour"),
        ("connections", own.connections, service.connections.value, "connections at a time"),
        ("recipients_per_day", own.recipients_per_day, service.recipients_per_day.value, "recipients in 24 hours"),
        (
            "recipients_per_message",
            own.recipients_per_message,
            service.recipients_per_message.value,
            "recipients of one message",
        ),
        ("message_size", own.message_size, service.message_size_advertised.value, "octets in a message"),
    )
    for key, value, limit, words in pairs:
        if value is not None and limit and (value > limit or value == 0):
            yield warning(
                (*path, "limits", key),
                f"is above what {name} is known to take: {limit} {words}",
                "the service will throttle; take the override out unless Microsoft granted more",
            )


def _smarthost(path: Path, route: RouteSettings) -> Iterator[Finding]:
    if route.host is None or _private(route.host):
        return
    if not route.tls_mode.required:
        where = (*path, "tls") if "tls" in route.model_fields_set else path
        yield warning(where, f"mail to {route.host} may go in clear", 'set tls = "starttls" if the host offers it')
    elif not route.verify:
        yield warning((*path, "verify"), f"anyone on the way can pose as {route.host}", "set ca_file instead")


def _private(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return host == "localhost"
