"""Which way a recipient's copy leaves: the configured rules, the client's own route, the default route.

Leaves to others: whether the client may send at all (listener.policy) and how a route sends (smtp).
Invariants: `choose` is pure and total. The first rule that matches decides; a rule matches when every kind of
condition it states holds, and a condition it does not state always holds. A rule's or a client's route that does not
reach a recipient is passed over; only the default route is taken whatever it reaches, for there is no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mailferry.mail.address import Patterns, domain_of, normal_address, normal_domain
from mailferry.routes.api import lane_of
from mailferry.routes.settings import EXTERNAL, INTERNAL, RouteSettings, RoutingSettings, RuleSettings


@dataclass(frozen=True, slots=True)
class Choice:
    """The route and the sending mailbox, "" where the route needs none."""

    route: str
    mailbox: str

    @property
    def lane(self) -> str:
        return lane_of(self.route, self.mailbox)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A choice and why it was made. `rule` is the number of the rule as configured, from 1; None when none matched."""

    choice: Choice
    rule: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Exit:
    """What the table must know of a route: does it send from a mailbox, and always from the same one? `reach` are the
    domains that it delivers to, None where it reaches everybody."""

    name: str
    needs_mailbox: bool
    mailbox: str = ""
    reach: frozenset[str] | None = None

    def reaches(self, domain: str) -> bool:
        return self.reach is None or domain in self.reach


@dataclass(frozen=True, slots=True)
class Query:
    """One recipient of one message. `sender` is "" for the null reverse path."""

    client: str
    sender: str
    recipient: str


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions and the route they lead to. None and the empty set state no condition. `inside` True asks for a
    recipient in an accepted domain, False for one outside, None does not ask."""

    route: str
    clients: frozenset[str] = frozenset()
    senders: Patterns | None = None
    recipients: Patterns | None = None
    inside: bool | None = None

    @classmethod
    def of(cls, settings: RuleSettings) -> Rule:
        words = {word for word in settings.recipients if word in (INTERNAL, EXTERNAL)}
        patterns = [word for word in settings.recipients if word not in words]
        # Both words together are every recipient, which is no condition; the settings refuse words beside patterns.
        inside = INTERNAL in words if len(words) == 1 else None
        return cls(
            route=settings.route,
            clients=frozenset(settings.clients),
            senders=Patterns.of(settings.senders) if settings.senders else None,
            recipients=Patterns.of(patterns) if patterns else None,
            inside=inside,
        )

    def match(self, query: Query, internal: bool) -> bool:
        """Whether every stated condition holds; `internal` tells if the recipient's domain is an accepted one."""
        if self.clients and query.client not in self.clients:
            return False
        if self.inside is not None and self.inside is not internal:
            return False
        if self.senders and not self.senders.match(query.sender):
            return False
        return not self.recipients or self.recipients.match(query.recipient)

    def conditions(self) -> str:
        """The stated kinds in words, for explain()."""
        stated = [
            name
            for name, holds in (("client", self.clients), ("sender", self.senders), ("recipient", self.recipients))
            if holds
        ]
        if self.inside is not None:
            stated.append("recipient inside the accepted domains" if self.inside else "recipient outside them")
        return ", ".join(stated) or "every message"


class RouteTable:
    """The rules in their order, over the routes there are."""

    __slots__ = ("_accepted", "_default", "_exits", "_rules")

    def __init__(self, exits: Iterable[Exit], rules: Sequence[Rule], default: str, accepted: Iterable[str]) -> None:
        self._exits = {way.name: way for way in exits}
        self._rules = tuple(rules)
        self._default = default
        self._accepted = frozenset(normal_domain(domain) for domain in accepted)
        for route in (default, *(rule.route for rule in self._rules)):
            if route not in self._exits:
                raise ValueError(f"there is no route {route!r}; routes are: {', '.join(sorted(self._exits))}")

    @classmethod
    def of(
        cls,
        routes: Iterable[RouteSettings],
        rules: Iterable[RuleSettings],
        routing: RoutingSettings,
        accepted: Iterable[str],
        reach: Mapping[str, frozenset[str]] = MappingProxyType({}),
    ) -> RouteTable:
        """Build from settings; `accepted` are the domains that are internal, `reach` those that an internal-only route
        delivers to, by its name. Raises ValueError on a route that does not exist, and when several routes leave the
        default open."""
        exits = [Exit(route.name, route.needs_mailbox, route.mailbox, reach.get(route.name)) for route in routes]
        default = routing.default_route
        if default is None:
            if len(exits) != 1:
                raise ValueError("with more than one route, [routing] default_route must name one")
            default = exits[0].name
        return cls(exits, [Rule.of(rule) for rule in rules], default, accepted)

    def choose(self, *, client: str, client_route: str | None, sender: str, mailbox: str, recipient: str) -> Choice:
        """The way for one recipient. `mailbox` is the client's; a route with a fixed one overrules it."""
        domain = domain_of(recipient)
        number = self._matching(Query(client, sender, recipient), domain)
        route = self._rules[number].route if number is not None else self._fallback(client_route, domain)
        return self._choice(route, mailbox)

    def explain(
        self, *, client: str, client_route: str | None, sender: str, mailbox: str, recipient: str
    ) -> Explanation:
        """choose() with the reason, for people."""
        domain = domain_of(recipient)
        number = self._matching(Query(client, sender, recipient), domain)
        if number is not None:
            rule = self._rules[number]
            reason = f"rule {number + 1} matches ({rule.conditions()})"
            return Explanation(self._choice(rule.route, mailbox), number + 1, reason)
        route = self._fallback(client_route, domain)
        if route == client_route:
            reason = f"no rule matches; the route of client {client}"
        elif client_route in self._exits:
            reason = f"no rule matches and {client_route} does not reach {domain}; the default route"
        elif client_route is not None:
            reason = f"no rule matches and there is no route {client_route}; the default route"
        else:
            reason = "no rule matches; the default route"
        return Explanation(self._choice(route, mailbox), None, reason)

    def _matching(self, query: Query, domain: str) -> int | None:
        internal = domain in self._accepted
        for number, rule in enumerate(self._rules):
            if rule.match(query, internal) and self._exits[rule.route].reaches(domain):
                return number
        return None

    def _fallback(self, client_route: str | None, domain: str) -> str:
        # A client's route that was removed from the configuration must not make the choice partial.
        way = self._exits.get(client_route) if client_route is not None else None
        return way.name if way is not None and way.reaches(domain) else self._default

    def _choice(self, route: str, mailbox: str) -> Choice:
        way = self._exits[route]
        if not way.needs_mailbox:
            return Choice(route, "")
        # One lane per mailbox, however clients spell it: Exchange Online does not tell addresses apart by case.
        return Choice(route, normal_address(way.mailbox or mailbox))
