"""What delivery must know of the routes to send mail another way than it was first meant to go.

Leaves to others: the rules (routes.table), what a change is (routes.failover), what is done with it (failover, pools,
lanes). Invariant: values only, made once from the configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mailferry.mail.envelope import Recipient
from mailferry.mail.message import Message
from mailferry.routes import presets
from mailferry.routes.api import lane_of, route_of
from mailferry.routes.failover import changes
from mailferry.routes.settings import RouteSettings
from mailferry.routes.table import Choice

#: The ways of a recipient that waits, in order; none where the rules cannot tell any more. Called from any thread.
Ways = Callable[[Message, Recipient], Sequence[Choice]]


def no_ways() -> Ways:
    return lambda message, recipient: ()


@dataclass(frozen=True, slots=True)
class Detour:
    """`ways` gives the ways of this moment. `after`: seconds of fault after which a route's lane is out, for routes
    that have a failover or are one. `changes`: (route, other) -> what recipients then see otherwise. `budgets`:
    route -> the word of its budget. `pools`: routes whose mailboxes share the load."""

    ways: Callable[[], Ways] = no_ways
    after: Mapping[str, float] = field(default_factory=dict)
    changes: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    budgets: Mapping[str, str] = field(default_factory=dict)
    pools: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, routes: Iterable[RouteSettings], ways: Callable[[], Ways]) -> Detour:
        named = {route.name: route for route in routes}
        pairs = [(route, named[name]) for route in named.values() for name in route.failover if name in named]
        concerned = {each.name for pair in pairs for each in pair}
        concerned |= {route.name for route in named.values() if route.mailboxes}
        return cls(
            ways,
            {name: named[name].failover_after for name in concerned},
            {(one.name, other.name): tuple(sorted(changes(one, other))) for one, other in pairs},
            {name: presets.budget(route) for name, route in named.items()},
            {name: route.mailboxes for name, route in named.items() if len(route.mailboxes) > 1},
        )

    def kin(self, lane: str) -> list[str]:
        """The lanes that share the budget of `lane`, itself among them: the same mailbox over routes of one budget."""
        route = route_of(lane)
        word, mailbox = self.budgets.get(route, route), lane.partition("/")[2]
        routes = [name for name, budget in self.budgets.items() if budget == word] or [route]
        return [lane_of(name, mailbox) for name in routes]
