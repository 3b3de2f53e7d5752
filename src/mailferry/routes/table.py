"""Which way a recipient's copy leaves: the configured rules, the client's own route, the default route.

Leaves to others: whether the client may send at all (listener.policy) and how a route sends (smtp).
Invariants: `choose`, `ways` and `first` are pure and total. The first rule that matches decides; a rule matches when
every kind of condition it states holds, and a condition it does not state always holds. A rule's or a client's route
that does not reach a recipient is passed over; only the default route is taken whatever it reaches, for there is no
other. The ways of a recipient are that route and those it names in `failover`, in their order and no further: the list
of a route in the list counts for nothing, so that no order of failures can go in circles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from zlib import crc32

from mailferry.mail.address import Patterns, domain_of, normal_address, normal_domain
from mailferry.routes.api import lane_of
from mailferry.routes.failover import allowed
from mailferry.routes.presets import largest
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
    domains that it delivers to, None where it reaches everybody; `largest` the octets of a message it takes, 0 where
    that is not known; `failover` the routes in its place while it cannot; `pool` the mailboxes that share its load."""

    name: str
    needs_mailbox: bool
    mailbox: str = ""
    reach: frozenset[str] | None = None
    largest: int = 0
    failover: tuple[str, ...] = ()
    pool: tuple[str, ...] = ()

    def takes(self, domain: str, size: int) -> bool:
        """Whether a message of `size` octets (0: not known yet) to `domain` is not refused for what the route is."""
        return self.reaches(domain) and not (self.largest and size > self.largest)

    def reaches(self, domain: str) -> bool:
        return self.reach is None or domain in self.reach


def exits_of(routes: Sequence[RouteSettings], reach: Mapping[str, frozenset[str]]) -> list[Exit]:
    """The routes as the table needs them. A route in `failover` that would change what recipients see without being
    allowed to is left out (the check of the configuration refuses it)."""
    named = {route.name: route for route in routes}
    return [
        Exit(
            route.name, route.needs_mailbox, route.mailbox, reach.get(route.name), largest(route),
            tuple(name for name in route.failover if name not in named or allowed(route, named[name])),
            route.mailboxes,
        )
        for route in routes
    ]  # fmt: skip


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


def first(ways: Sequence[Choice], out: Callable[[str], bool]) -> Choice:
    """The way to take while the lanes of which `out` is true take nothing: the first that does, else the first of all,
    where mail waits."""
    return next((way for way in ways if not out(way.lane)), ways[0])


class RouteTable:
    """The rules in their order, over the routes there are."""

    __slots__ = ("_accepted", "_default", "_exits", "_rules", "sizes")

    def __init__(self, exits: Iterable[Exit], rules: Sequence[Rule], default: str, accepted: Iterable[str]) -> None:
        self._exits = {way.name: way for way in exits}
        self._rules = tuple(rules)
        self._default = default
        self._accepted = frozenset(normal_domain(domain) for domain in accepted)
        self.sizes = any(way.failover and way.largest for way in self._exits.values())
        spare = (route for way in self._exits.values() for route in way.failover)
        for route in (default, *(rule.route for rule in self._rules), *spare):
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
        exits = exits_of(tuple(routes), reach)
        default = routing.default_route
        if default is None:
            if len(exits) != 1:
                raise ValueError("with more than one route, [routing] default_route must name one")
            default = exits[0].name
        return cls(exits, [Rule.of(rule) for rule in rules], default, accepted)

    def choose(
        self, *, client: str, client_route: str | None, sender: str, mailbox: str, recipient: str, size: int = 0
    ) -> Choice:
        """The way for one recipient while every route works: the first of its ways."""
        return self.ways(
            client=client, client_route=client_route, sender=sender, mailbox=mailbox, recipient=recipient, size=size
        )[0]

    def ways(
        self, *, client: str, client_route: str | None, sender: str, mailbox: str, recipient: str, size: int = 0
    ) -> tuple[Choice, ...]:
        """The ways of one recipient in the order of preference; never none. `mailbox` is the client's; a route with one
        of its own overrules it. A route that cannot take the message for what it is stands aside for those that can."""
        domain = domain_of(recipient)
        number = self._matching(Query(client, sender, recipient), domain)
        route = self._rules[number].route if number is not None else self._fallback(client_route, domain)
        chain = (route, *self._exits[route].failover)
        able = [name for name in chain if self._exits[name].takes(domain, size)]
        key = f"{client}\n{sender}"
        return tuple(choice for name in able or (route,) for choice in self._choices(name, mailbox, key))

    def explain(
        self, *, client: str, client_route: str | None, sender: str, mailbox: str, recipient: str
    ) -> Explanation:
        """choose() with the reason, for people."""
        domain = domain_of(recipient)
        number = self._matching(Query(client, sender, recipient), domain)
        if number is not None:
            rule = self._rules[number]
            reason = f"rule {number + 1} matches ({rule.conditions()})"
            return Explanation(self._choices(rule.route, mailbox, f"{client}\n{sender}")[0], number + 1, reason)
        route = self._fallback(client_route, domain)
        if route == client_route:
            reason = f"no rule matches; the route of client {client}"
        elif client_route in self._exits:
            reason = f"no rule matches and {client_route} does not reach {domain}; the default route"
        elif client_route is not None:
            reason = f"no rule matches and there is no route {client_route}; the default route"
        else:
            reason = "no rule matches; the default route"
        return Explanation(self._choices(route, mailbox, f"{client}\n{sender}")[0], None, reason)

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

    def _choices(self, route: str, mailbox: str, key: str) -> tuple[Choice, ...]:
        """The lane of a route, or of each mailbox of its pool, the one that `key` keeps to first."""
        way = self._exits[route]
        if not way.needs_mailbox:
            return (Choice(route, ""),)
        if way.pool:
            start = crc32(key.encode("utf-8", "surrogatepass")) % len(way.pool)
            boxes = (*way.pool[start:], *way.pool[:start])
        else:
            boxes = (way.mailbox or mailbox,)
        # One lane per mailbox, however clients spell it: Exchange Online does not tell addresses apart by case.
        return tuple(Choice(route, normal_address(box)) for box in boxes)
