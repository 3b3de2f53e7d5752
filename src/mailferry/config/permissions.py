"""Who each tenant's mail is sent as, and which permissions its routes need: what an administrator has to grant.

Leaves to others: whether they are granted (doctor asks the services). Invariant: the names are Microsoft's, as the
Entra admin center and Exchange Online show them (facts 3.1, 3.2, 5).
"""

from __future__ import annotations

from collections.abc import Iterable

from mailferry.config.schema import TenantSettings
from mailferry.m365.clouds import cloud
from mailferry.routes.graph_settings import Large
from mailferry.routes.look_settings import Lookup
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
    return [*_to_send(tenant, route), *_to_look(tenant, route)]


def _to_look(tenant: TenantSettings, route: RouteSettings) -> list[str]:
    """What looking for lost answers and reading reports takes (Learn, "List messages", "List messageTraces")."""
    kind = "delegated" if tenant.kind is Kind.SIGN_IN else "application"
    mailboxes = route.bounces or route.lookup is Lookup.GRAPH
    found = [f"Mail.Read ({kind}, Microsoft Graph)"] if mailboxes and route.large is not Large.UPLOAD else []
    if route.lookup is Lookup.TRACE:
        found.append(f"ExchangeMessageTrace.Read.All ({kind}, Microsoft Graph)")
    return found


def _to_send(tenant: TenantSettings, route: RouteSettings) -> list[str]:
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
    wanted = [scope for route in own for scope in _graph_scopes(route)]
    if wanted:
        base = cloud(tenant.cloud).graph_scope.removesuffix("/.default")
        groups.append(tuple(f"{base}/{scope}" for scope in dict.fromkeys(wanted)))
    return groups or [(_smtp(tenant),)]


def _graph_scopes(route: RouteSettings) -> list[str]:
    scopes = ["Mail.Send"] if route.type is RouteType.GRAPH else []
    scopes += ["Mail.ReadWrite"] if route.type is RouteType.GRAPH and route.large is Large.UPLOAD else []
    scopes += ["Mail.Read"] if route.bounces or route.lookup is Lookup.GRAPH else []
    return scopes + (["ExchangeMessageTrace.Read.All"] if route.lookup is Lookup.TRACE else [])


def _smtp(tenant: TenantSettings) -> str:
    return cloud(tenant.cloud).smtp_send_scope
