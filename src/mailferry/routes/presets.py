"""What a type of route brings along, so that a configuration need not say it: host, port, scope, limits.

Leaves to others: the figures and addresses themselves (m365). Invariant: what the configuration says comes first.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from mailferry.m365.clouds import cloud
from mailferry.m365.limits import (
    ServiceLimits,
    azure_communication,
    exchange_online,
    exchange_relay,
    graph,
    high_volume_email,
    tenant_mx,
)
from mailferry.routes.api import Limits
from mailferry.routes.graph_settings import Large
from mailferry.routes.settings import Preset, RouteSettings, RouteType

#: RFC 5321 section 2.3.1 and RFC 8314 section 7: relay on 25, submission over implicit TLS on 465.
_RELAY_PORT = 25
_IMPLICIT_PORT = 465
_SUBMISSION_PORT = 587

#: One endpoint for all resources; 587 is recommended, 25 works (Learn, "Create SMTP credentials", send-email-smtp).
_ACS_HOST = "smtp.azurecomm.net"
_ACS_SCOPE = "https://communication.azure.com/.default"
#: The scope is the resource's own in Azure Government (seen in public code; the documentation names the first only).
_ACS_SCOPES = {".communication.azure.us": "https://communication.azure.us/.default"}

#: Routes whose `endpoint` is an address of HTTP.
_WEB = frozenset({RouteType.GRAPH, RouteType.ACS_REST})
#: Messages under way at a time by acs-rest: most of that time they wait for the service's final word, on no connection.
_WAITING = 100


def host(settings: RouteSettings, cloud_name: str) -> str:
    """Empty where the cloud has no such service and none is configured."""
    if settings.host is not None:
        return settings.host
    match settings.type:
        case RouteType.HVE:
            return cloud(cloud_name).hve_host
        case RouteType.ACS_SMTP:
            return _ACS_HOST
        case RouteType.GRAPH | RouteType.ACS_REST:
            return urlsplit(endpoint(settings, cloud_name)).hostname or ""
    return cloud(cloud_name).smtp_host


def port(settings: RouteSettings, cloud_name: str) -> int:
    if settings.port is not None:
        return settings.port
    if settings.type is RouteType.EXCHANGE_SMTP:
        return cloud(cloud_name).smtp_port
    if settings.type in _WEB:
        parts = urlsplit(endpoint(settings, cloud_name))
        return parts.port or (443 if parts.scheme == "https" else 80)
    if settings.tls_mode == "implicit":
        return _IMPLICIT_PORT
    return _RELAY_PORT if settings.type is RouteType.SMARTHOST else _SUBMISSION_PORT


def scope(settings: RouteSettings, cloud_name: str) -> str:
    if settings.scope is not None:
        return settings.scope
    match settings.type:
        case RouteType.HVE:
            return cloud(cloud_name).hve_scope
        case RouteType.ACS_SMTP:
            return _ACS_SCOPE
        case RouteType.ACS_REST:
            host = urlsplit(settings.endpoint or "").hostname or ""
            return next((scope for end, scope in _ACS_SCOPES.items() if host.endswith(end)), _ACS_SCOPE)
        case RouteType.GRAPH:
            return cloud(cloud_name).graph_scope
    return cloud(cloud_name).smtp_scope


def endpoint(settings: RouteSettings, cloud_name: str) -> str:
    """Where Microsoft Graph, or the Communication Services resource, is: no version, no slash at the end."""
    return (settings.endpoint or cloud(cloud_name).graph).rstrip("/")


def request_size(settings: RouteSettings) -> int:
    """Octets of the largest request to Microsoft Graph."""
    return settings.request_size or graph().request_size.value


def budget(settings: RouteSettings) -> str:
    """The word of the budget: routes that have the same share what one lane may take, mailbox by mailbox."""
    if settings.budget is not None:
        return f"budget {settings.budget}"
    match settings.type:
        case RouteType.EXCHANGE_SMTP | RouteType.GRAPH:
            # What Graph accepts counts against the mailbox as what SMTP accepts does (Learn, user: sendMail, note).
            return f"mailboxes of {settings.tenant}"
        case RouteType.SMARTHOST | RouteType.HVE:
            return f"route {settings.name}"
    return "azure communication services"


def largest(settings: RouteSettings) -> int:
    """Octets of the largest message that the route takes; 0 where only the upstream knows."""
    own = limits(settings).message_size
    if settings.type is RouteType.GRAPH and settings.large is Large.REFUSE:
        most = request_size(settings) // 4 * 3  # a message travels in base64
        return min(own, most) if own else most
    return own


def limits(settings: RouteSettings) -> Limits:
    """The type's limits with the configuration's overrides."""
    base, own = _base(settings), settings.limits
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
        messages_per_hour=base.messages_per_hour if own.messages_per_hour is None else own.messages_per_hour,
        # A message travels in base64.
        octets_per_5_minutes=graph().upload_per_5_minutes.value // 4 * 3 if settings.type is RouteType.GRAPH else 0,
        whole=settings.type is RouteType.GRAPH,
    )


def published(settings: RouteSettings) -> ServiceLimits | None:
    """What is published of the service behind a route; None where nobody but its owner knows."""
    match settings.type:
        case RouteType.EXCHANGE_SMTP:
            return exchange_online()
        case RouteType.HVE:
            return high_volume_email()
        case RouteType.ACS_SMTP | RouteType.ACS_REST:
            return azure_communication()
        case RouteType.GRAPH:
            # What Graph accepts is then subject to Exchange Online's limits (Learn, user: sendMail, note).
            return replace(exchange_online(), connections=graph().concurrent_requests)
    if settings.preset is Preset.EXCHANGE_RELAY:
        return exchange_relay()
    return tenant_mx() if settings.preset is not None else None


def _base(settings: RouteSettings) -> Limits:
    service, default = published(settings), Limits()
    if service is None:
        return default
    most, usual = service.connections.value, default.connections
    if settings.type is RouteType.ACS_REST:
        usual = _WAITING
    return Limits(
        messages_per_minute=service.messages_per_minute.value,
        connections=min(most, usual) if most else usual,
        recipients_per_day=service.recipients_per_day.value,
        recipients_per_message=service.recipients_per_message.value,
        # A mailbox's own limit is lower by default but can be raised; the service says which one it is.
        message_size=service.message_size_advertised.value,
        messages_per_hour=service.messages_per_hour.value,
    )
