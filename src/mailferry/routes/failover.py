"""What those who receive a message see otherwise when it leaves by another route than the one it was meant for. Pure.

Leaves to others: when that happens (delivery.failover) and telling an administrator before (config.checks.failover).
Invariant: what is not known to be the same counts as changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailferry.routes.graph_settings import HeaderOnly, Large, OtherFrom
from mailferry.routes.settings import Change, RouteSettings, RouteType


@dataclass(frozen=True, slots=True)
class Look:
    """What a route makes of a message: the address it puts in From ("" the message's own), and the words for what it
    does to the header section and to the body ("" nothing)."""

    sender: str = ""
    headers: str = ""
    body: str = ""


def look(route: RouteSettings) -> Look:
    """What `route` makes of a message at most."""
    match route.type:
        case RouteType.EXCHANGE_SMTP | RouteType.SMARTHOST:
            return Look()
        case RouteType.GRAPH:
            return _graph(route)
        case RouteType.ACS_REST:  # the interface takes no MIME: the message is always taken apart
            return Look(route.mailbox.casefold(), "json", "json")
    # High Volume Email and Azure Communication Services: From becomes the account, the original goes to Reply-To.
    account = route.mailbox.casefold()
    return Look(account, "reply-to" if account else "")


def _graph(route: RouteSettings) -> Look:
    rewritten = route.other_from is OtherFrom.REWRITE
    sender = (route.mailbox.casefold() or "mailbox") if rewritten else ""
    renamed = route.header_only is HeaderOnly.RENAME
    words = [word for word, holds in (("reply-to", rewritten), ("renamed", renamed)) if holds]
    apart = route.large is Large.UPLOAD or route.other_from is OtherFrom.SEND_AS
    return Look(sender, "+".join(words), "json" if apart else "")


def changes(route: RouteSettings, other: RouteSettings) -> frozenset[Change]:
    """What recipients see otherwise where `other` takes what was meant for `route`."""
    mine, its = look(route), look(other)
    found = {
        Change.FROM: mine.sender != its.sender,
        Change.HEADERS: mine.headers != its.headers,
        Change.BODY: mine.body != its.body,
    }
    return frozenset(change for change, differs in found.items() if differs)


def allowed(route: RouteSettings, other: RouteSettings) -> bool:
    """Whether the configuration of `route` lets `other` take its mail."""
    return changes(route, other) <= frozenset(route.failover_changes)
