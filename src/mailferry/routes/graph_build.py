"""From the settings of a graph route to its transport.

Leaves to others: every other type of route (build). Invariant: nothing is read from the network here; a CA file that
cannot be read is told at once.
"""

from __future__ import annotations

import ssl

from mailferry.obs.maillog import MailLog
from mailferry.routes import presets
from mailferry.routes.graph import GraphTransport, Way
from mailferry.routes.graph_http import Client
from mailferry.routes.graph_letter import Rules
from mailferry.routes.graph_quota import Quotas
from mailferry.routes.settings import NullSender, RouteSettings
from mailferry.tokens.api import TokenSource


def build_graph(
    settings: RouteSettings, cloud: str, tokens: TokenSource, quotas: Quotas, log: MailLog
) -> GraphTransport:
    """Raises OSError for a CA file that cannot be used."""
    endpoint = presets.endpoint(settings, cloud)
    way = Way(
        endpoint=endpoint,
        credential=settings.tenant or "",
        scope=presets.scope(settings, cloud),
        request_size=presets.request_size(settings),
        large=settings.large,
        rules=Rules(settings.header_only, settings.other_from, settings.null_sender is NullSender.MAILBOX),
        mailbox=settings.mailbox,
    )
    client = Client(graph_context(settings, endpoint), settings.timeouts, settings.reuse.idle)
    return GraphTransport(way, presets.limits(settings), client, tokens, quotas, log)


def graph_context(settings: RouteSettings, endpoint: str) -> ssl.SSLContext | None:
    """TLS 1.2 at least, always verified; none for an endpoint on this machine that has none."""
    if not endpoint.startswith("https:"):
        return None
    context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file is not None else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
