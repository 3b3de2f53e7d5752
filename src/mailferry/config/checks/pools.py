"""Pools of mailboxes: what one of them may not send soon goes over another, which has to be able to.

Leaves to others: lists by themselves (routes.consistent), addresses of the tenant (internal), sharing (delivery.pools).
"""

from __future__ import annotations

from collections.abc import Iterator

from mailferry.config.checks.finding import Finding, error
from mailferry.config.validate import View
from mailferry.routes.graph_settings import OtherFrom
from mailferry.routes.settings import RouteSettings, RouteType


def check(view: View) -> Iterator[Finding]:
    for item in view.all(RouteSettings):
        route = item.value
        if route.type is not RouteType.GRAPH or len(route.mailboxes) < 2 or route.other_from is not OtherFrom.HOLD:
            continue
        yield error(
            (*item.path, "mailboxes"),
            "mail that spills over from one of these mailboxes to another would be held: Microsoft Graph sends as the "
            "mailbox alone, and its From names another",
            'set other_from = "send-as" (the application may send as them) or "rewrite" (the original From goes to '
            "Reply-To)",
        )
