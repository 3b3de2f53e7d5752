"""Who each tenant's mail is sent as, and which permissions its routes need: what an administrator has to grant.

Leaves to others: whether they are granted (doctor asks the services). Invariant: the names are Microsoft's, as the
Entra admin center and Exchange Online show them (facts 3.1, 3.2, 5).
"""

from __future__ import annotations

from collections.abc import Iterable

from mailferry.config.schema import TenantSettings
from mailferry.m365.clouds import cloud
from mailferry.routes.graph_settings import Large
from mailferry.routes.settings import RouteSettings, RouteType
from mailferry.tokens.settings import Kind


def tenant_row(tenant: TenantSettings, routes: Iterable[RouteSettings]) -> dict[str, str]:
    needed = dict.fromkeys(need for route in routes if route.tenant == tenant.name for need in needs(tenant, route))
    return {
        "tenant": tenant.name,
        "cloud": tenant.cloud,
        "acts as": identity(tenant),
        "needs": "; ".join(needed) or "nothing",
    }


def identity(tenant: TenantSettings) -> str:
    match tenant.kind:
        case Kind.SIGN_IN:
            user = tenant.sign_in.user if tenant.sign_in else None
            return f"{user or 'the user'} who signed in"
        case Kind.MANAGED_IDENTITY:
            named = tenant.managed_identity
            name = (named.client_id or named.object_id or named.resource_id) if named else None
            return f"managed identity {name or 'of this machine'}"
    return f"application {tenant.client_id}, by {tenant.kind.value.replace('_', ' ')}"


def needs(tenant: TenantSettings, route: RouteSettings) -> list[str]:
    """The permissions one route takes, in the words of the admin centers."""
    if route.password is not None or not route.tenant:
        return []
    user = tenant.kind is Kind.SIGN_IN
    match route.type:
        case RouteType.EXCHANGE_SMTP if user:
            return ["SMTP.Send (delegated, Office 365 Exchange Online)"]
        case RouteType.EXCHANGE_SMTP:
            return ["SMTP: role Application SMTP.SendAsApp in Exchange, or permission SMTP.SendAsApp + mailbox rights"]
        case RouteType.GRAPH:
            kind = "delegated" if user else "application"
            more = [f"Mail.ReadWrite ({kind}, Microsoft Graph)"] if route.large is Large.UPLOAD else []
            return [f"Mail.Send ({kind}, Microsoft Graph)", *more]
        case RouteType.HVE:
            return ["Mail.Send (application, Office 365 Exchange Online)"]
        case RouteType.ACS_SMTP | RouteType.ACS_REST:
            return ["role Communication and Email Service Owner on the resource"]
    return []


def delegated_scopes(tenant: TenantSettings, routes: Iterable[RouteSettings]) -> list[tuple[str, ...]]:
    """What a user has to consent to, one group for each resource: SMTP first, then Microsoft Graph."""
    own = [route for route in routes if route.tenant == tenant.name]
    groups: list[tuple[str, ...]] = []
    if any(route.type is RouteType.EXCHANGE_SMTP for route in own):
        groups.append((_smtp(tenant),))
    graph = [route for route in own if route.type is RouteType.GRAPH]
    if graph:
        base = cloud(tenant.cloud).graph_scope.removesuffix("/.default")
        more = (f"{base}/Mail.ReadWrite",) if any(route.large is Large.UPLOAD for route in graph) else ()
        groups.append((f"{base}/Mail.Send", *more))
    return groups or [(_smtp(tenant),)]


def _smtp(tenant: TenantSettings) -> str:
    return cloud(tenant.cloud).smtp_send_scope
