"""Failover: the routes that it names exist, change nothing for those who receive the mail but what was allowed, and can
help.

Leaves to others: lists by themselves (routes.consistent), choosing at run time (routes.table, delivery.failover).
"""

from __future__ import annotations

from collections.abc import Iterator

from mailferry.config.checks.finding import Finding, choose_from, error, warning
from mailferry.config.validate import View
from mailferry.routes.failover import changes
from mailferry.routes.settings import Change, RouteSettings

_WORDS = {
    Change.FROM: "the From address",
    Change.HEADERS: "header fields",
    Change.BODY: "the parts of the message",
}


def check(view: View) -> Iterator[Finding]:
    routes = {item.value.name: item.value for item in view.all(RouteSettings)}
    known = view.names("route")
    for item in view.all(RouteSettings):
        found: set[Change] = set()
        for index, name in enumerate(item.value.failover):
            path = (*item.path, "failover", index)
            if name not in known:
                yield error(path, f'there is no route "{name}"', choose_from(name, known))
            elif name in routes:
                found |= changes(item.value, routes[name])
                yield from _changed(path, item.value, routes[name])
        if item.value.failover and item.value.failover_changes and view.complete(RouteSettings):
            for index, change in enumerate(item.value.failover_changes):
                if change not in found:
                    where = (*item.path, "failover_changes", index)
                    yield warning(where, f"no route of the failover changes {_WORDS[change]}", "take it out")


def _changed(path: tuple[str | int, ...], route: RouteSettings, other: RouteSettings) -> Iterator[Finding]:
    more = sorted(changes(route, other) - set(route.failover_changes))
    if more:
        seen = ", ".join(_WORDS[change] for change in more)
        words = ", ".join(f'"{change.value}"' for change in sorted({*route.failover_changes, *more}))
        yield error(
            path,
            f'"{other.name}" would show those who receive the mail another look than "{route.name}": {seen}',
            f"if they may see that, set failover_changes = [{words}]; else take another route",
        )
