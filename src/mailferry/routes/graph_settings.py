"""What a graph route may be told beyond other routes, and what does not go together there.

Leaves to others: the settings of every route (settings). Invariant: no token goes to an address that is not https,
but for this machine's own; no setting of a graph route is ignored in silence.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from mailferry.routes.settings import RouteSettings

#: Settings that only a graph route has, those that acs-rest has too, and those of the SMTP dialogue, which it has not.
_ONLY_HERE = frozenset({"request_size", "large", "other_from"})
_SHARED = frozenset({"endpoint", "header_only"})
_NOT_HERE = frozenset({"host", "port", "tls", "username", "password", "chunking", "pipelining"})


class Large(StrEnum):
    """What becomes of a message that no request of Microsoft Graph can hold."""

    REFUSE = "refuse"
    UPLOAD = "upload"


class HeaderOnly(StrEnum):
    """What becomes of a message whose To or Cc names somebody to whom this route must not send it."""

    REFUSE = "refuse"
    RENAME = "rename"


class OtherFrom(StrEnum):
    """What becomes of a message whose From is not the mailbox it is sent from."""

    HOLD = "hold"
    REWRITE = "rewrite"
    SEND_AS = "send-as"


def graph_problem(settings: RouteSettings) -> str | None:
    """What does not go together in a graph route, in a sentence for whoever wrote it."""
    if settings.tenant is None:
        return "a graph route needs `tenant`, whose application fetches the tokens"
    foreign = changed(settings, _NOT_HERE)
    if foreign:
        return f"`{foreign}` does not belong to a graph route: `endpoint` says where it is, OAuth lets it in"
    if not settings.verify:
        return "a graph route always verifies the certificate: use `ca_file` for one of your own"
    if settings.endpoint is not None and not safe_endpoint(settings.endpoint):
        return "`endpoint` is an address such as https://graph.microsoft.com (http only on this machine)"
    return None


def foreign_problem(settings: RouteSettings) -> str | None:
    """A setting of graph or acs-rest routes in a route of another type."""
    if foreign := changed(settings, _ONLY_HERE):
        return f"`{foreign}` belongs to graph routes"
    asks = settings.bounces or settings.lookup.value != "none"  # of exchange-smtp: `endpoint` says where
    foreign = changed(settings, _SHARED - {"endpoint"} if asks else _SHARED)
    return f"`{foreign}` belongs to graph and acs-rest routes" if foreign else None


def changed(settings: RouteSettings, names: frozenset[str]) -> str:
    """The first setting of `names` that says something else than its default; "" when there is none."""
    fields = type(settings).model_fields
    return min((name for name in names if getattr(settings, name) != fields[name].default), default="")


def safe_endpoint(address: str) -> bool:
    """Whether a token may be sent there: by https, or by http that does not leave the machine."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        plain = not (parts.query or parts.fragment or parts.username is not None)
    except ValueError:
        return False
    if not host or not plain:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _loopback(host))


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
