"""From a route's settings to what looks after the mail it has handed over.

Leaves to others: sending it (build). Invariant: nothing is read from the network here; a CA file that cannot be read is
told at once.
"""

from __future__ import annotations

from mailferry.m365.clouds import cloud as known_cloud
from mailferry.routes import presets
from mailferry.routes.graph_build import graph_context
from mailferry.routes.graph_http import Client
from mailferry.routes.graph_inbox import GraphInbox
from mailferry.routes.graph_quota import Quotas
from mailferry.routes.graph_search import GraphFinder
from mailferry.routes.look_settings import Lookup
from mailferry.routes.settings import RouteSettings, RouteType
from mailferry.tokens.api import TokenSource


def build_finder(
    settings: RouteSettings, cloud: str, tokens: TokenSource, quotas: Quotas | None = None
) -> GraphFinder | None:
    """None for a route that is not to look. Raises OSError for a CA file that cannot be used."""
    if settings.lookup is Lookup.NONE:
        return None
    return GraphFinder(
        settings.lookup, _client(settings, cloud), tokens, quotas or Quotas(),
        endpoint=presets.endpoint(settings, cloud), credential=settings.tenant or "", scope=_scope(settings, cloud),
        mailbox=settings.mailbox,
    )  # fmt: skip


def build_inbox(
    settings: RouteSettings, cloud: str, tokens: TokenSource, quotas: Quotas | None = None
) -> GraphInbox | None:
    """None for a route that is not to read reports. Raises OSError for a CA file that cannot be used."""
    if not settings.bounces:
        return None
    return GraphInbox(
        _client(settings, cloud), tokens, quotas or Quotas(),
        endpoint=presets.endpoint(settings, cloud), credential=settings.tenant or "", scope=_scope(settings, cloud),
    )  # fmt: skip


def _client(settings: RouteSettings, cloud: str) -> Client:
    return Client(graph_context(settings, presets.endpoint(settings, cloud)), settings.timeouts, settings.reuse.idle)


def _scope(settings: RouteSettings, cloud: str) -> str:
    """That of Microsoft Graph, whatever the route sends by."""
    return presets.scope(settings, cloud) if settings.type is RouteType.GRAPH else known_cloud(cloud).graph_scope
