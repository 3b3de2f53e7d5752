"""From the settings of an acs-rest route to its transport.

Leaves to others: every other type of route (build). Invariant: nothing is read from the network here; a CA file that
cannot be read is told at once.
"""

from __future__ import annotations

from collections.abc import Callable

from mailferry.clock import Clock
from mailferry.obs.maillog import MailLog
from mailferry.routes import presets
from mailferry.routes.acs_access import Access, KeyAccess, TokenAccess
from mailferry.routes.acs_client import Client
from mailferry.routes.acs_operations import Operations
from mailferry.routes.acs_polls import Polls
from mailferry.routes.acs_rest import AcsRestTransport, Way
from mailferry.routes.graph_build import graph_context
from mailferry.routes.settings import RouteSettings
from mailferry.tokens.api import TokenSource
from mailferry.tokens.settings import SecretSource


def build_acs_rest(
    settings: RouteSettings,
    *,
    hostname: str,
    cloud: str,
    tokens: TokenSource,
    secret: Callable[[SecretSource], str],
    clock: Clock,
    log: MailLog,
    polls: Polls | None = None,
) -> AcsRestTransport:
    """Raises OSError for a CA file that cannot be used."""
    client = build_client(settings, cloud, tokens, secret)
    way = Way(settings.name, settings.mailbox, settings.header_only, settings.timeouts.end)
    operations = Operations(hostname, clock.time())
    limits = presets.limits(settings)
    return AcsRestTransport(way, limits, client, operations, polls or Polls(clock, limits), clock, log)


def build_client(
    settings: RouteSettings, cloud: str, tokens: TokenSource, secret: Callable[[SecretSource], str]
) -> Client:
    """What asks the resource. Raises as above."""
    endpoint, source = presets.endpoint(settings, cloud), settings.access_key
    access: Access
    if source is not None:
        access = KeyAccess(lambda: secret(source))
    else:
        access = TokenAccess(tokens, settings.tenant or "", presets.scope(settings, cloud))
    return Client(endpoint, access, graph_context(settings, endpoint), settings.timeouts, settings.reuse.idle)
