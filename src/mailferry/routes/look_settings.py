"""Whether and where a route looks after mail that it has handed over: lost answers, and non-delivery reports.

Leaves to others: asking (graph_search, graph_inbox), permissions by name (config.permissions).
Invariant: what cannot be asked is refused in the configuration, never ignored.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mailferry.routes.graph_settings import safe_endpoint

if TYPE_CHECKING:
    from mailferry.routes.settings import RouteSettings


class Lookup(StrEnum):
    """Where a message is looked for whose answer was lost."""

    NONE = "none"
    GRAPH = "graph"  # Sent Items of the sending mailbox: Mail.Read
    TRACE = "trace"  # the organisation's message trace: ExchangeMessageTrace.Read.All


def looks(route: RouteSettings) -> bool:
    """Whether the route asks Microsoft Graph about mail that it has sent."""
    return route.bounces or route.lookup is not Lookup.NONE


def look_problem(route: RouteSettings) -> str | None:
    """What does not go together, in a sentence for whoever wrote it."""
    if not looks(route):
        return None
    name = "bounces" if route.bounces else "lookup"
    if route.type.value not in ("graph", "exchange-smtp"):
        return f"`{name}` is for graph and exchange-smtp routes: nothing else can be asked by Microsoft Graph"
    if route.type.value == "exchange-smtp" and route.endpoint is not None and not safe_endpoint(route.endpoint):
        return "`endpoint` is an address such as https://graph.microsoft.com (http only on this machine)"
    return None
