"""What a type of route brings along, so that a configuration need not say it: host, port, scope, limits.

Leaves to others: the figures and addresses themselves (m365). Invariant: what the configuration says comes first.
"""

from __future__ import annotations

from mailferry.m365.clouds import cloud
from mailferry.m365.limits import exchange_online
from mailferry.routes.api import Limits
from mailferry.routes.settings import RouteSettings, RouteType

#: RFC 5321 section 2.3.1 and RFC 8314 section 7: relay on 25, submission over implicit TLS on 465.
_RELAY_PORT = 25
_IMPLICIT_PORT = 465


def host(settings: RouteSettings, cloud_name: str) -> str:
    return settings.host or cloud(cloud_name).smtp_host


def port(settings: RouteSettings, cloud_name: str) -> int:
    if settings.port is not None:
        return settings.port
    if settings.type is RouteType.EXCHANGE_SMTP:
        return cloud(cloud_name).smtp_port
    return _IMPLICIT_PORT if settings.tls_mode == "implicit" else _RELAY_PORT


def scope(settings: RouteSettings, cloud_name: str) -> str:
    return settings.scope or cloud(cloud_name).smtp_scope


def limits(settings: RouteSettings) -> Limits:
    """The type's limits with the configuration's overrides."""
    base, own = _base(settings.type), settings.limits
    rate = base.messages_per_minute
    if own.rate is not None:
        rate = max(1, own.rate.count * 60 // own.rate.seconds)
    return Limits(
        messages_per_minute=rate,
        connections=base.connections if own.connections is None else own.connections,
        recipients_per_day=base.recipients_per_day if own.recipients_per_day is None else own.recipients_per_day,
        recipients_per_message=(
            base.recipients_per_message if own.recipients_per_message is None else own.recipients_per_message
        ),
        message_size=base.message_size if own.message_size is None else own.message_size,
    )


def _base(kind: RouteType) -> Limits:
    if kind is not RouteType.EXCHANGE_SMTP:
        return Limits()
    published = exchange_online()
    return Limits(
        messages_per_minute=published.messages_per_minute.value,
        connections=published.connections.value,
        recipients_per_day=published.recipients_per_day.value,
        recipients_per_message=published.recipients_per_message.value,
        # The mailbox's own limit is lower by default but can be raised; the service says which one it is.
        message_size=published.message_size_advertised.value,
    )
