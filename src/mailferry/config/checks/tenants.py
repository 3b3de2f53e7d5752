"""Tenants: what proves their identity, and whether that serves the routes that use it.

Leaves to others: which settings belong together (tokens.settings), names (names). Invariant: nobody is asked over the
network, and no secret that is read here is kept or shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from mailferry.clock import Clock, utc
from mailferry.config.checks.finding import Finding, error, warning
from mailferry.config.lines import Path
from mailferry.config.schema import GatewaySettings, TenantSettings
from mailferry.config.validate import View
from mailferry.m365.clouds import clouds
from mailferry.routes.look_settings import Lookup
from mailferry.routes.settings import RouteSettings, RouteType
from mailferry.tokens.api import TokenError
from mailferry.tokens.credential import Credential
from mailferry.tokens.keys import KeyRing
from mailferry.tokens.settings import Kind
from mailferry.tokens.vault import Vault
from mailferry.tokens.vault_settings import VaultSettings

#: What takes an application's token only (facts 5: an app registration; Learn, "Create SMTP credentials": likewise).
_ACS = "Azure Communication Services"
_APPLICATIONS_ONLY = {RouteType.HVE: "High Volume Email", RouteType.ACS_SMTP: _ACS, RouteType.ACS_REST: _ACS}


def check(view: View) -> Iterator[Finding]:
    kinds = {item.value.name: item.value.kind for item in view.all(TenantSettings)}
    where = {item.value.name: item.value.cloud for item in view.all(TenantSettings)}
    for item in view.all(RouteSettings):
        route = item.value
        yield from _scope(item.path, route)
        # Learn, "List messageTraces", national clouds (2026-01).
        if route.lookup is Lookup.TRACE and where.get(route.tenant or "", "worldwide") != "worldwide":
            yield error(
                (*item.path, "lookup"),
                "Microsoft Graph has the message trace in the worldwide cloud only",
                'set lookup = "graph", which looks in Sent Items',
            )
        name = _APPLICATIONS_ONLY.get(route.type)
        if name is not None and route.password is None and kinds.get(route.tenant or "") is Kind.SIGN_IN:
            yield error(
                (*item.path, "tenant"),
                f'{name} takes tokens of applications, and a user signs in to "{route.tenant}"',
                "give the tenant a certificate, secret, managed_identity or federated_token",
            )


def _scope(path: Path, route: RouteSettings) -> Iterator[Finding]:
    """The scope of Microsoft Graph on a route that hands over by SMTP, or the other way round: a token is had for it,
    and whoever it is shown to refuses it (email-oauth2-proxy issue 310)."""
    graph = {one.graph_scope for one in clouds().values()}
    mail = {
        scope for one in clouds().values() for scope in (one.smtp_scope, one.smtp_send_scope, one.hve_scope) if scope
    }
    if route.scope in (mail if route.type is RouteType.GRAPH else graph):
        whose = "Exchange Online's SMTP" if route.type is RouteType.GRAPH else "Microsoft Graph"
        yield error(
            (*path, "scope"),
            f"is for {whose}: a route of type {route.type.value} is refused with its tokens",
            "take it out: the default fits the type and the tenant's cloud",
        )


def machine(view: View, clock: Clock, environ: Mapping[str, str]) -> Iterator[Finding]:
    """What only this machine can tell."""
    vault = _vault(view, clock, environ)
    for item in view.all(TenantSettings):
        tenant = item.value
        if tenant.kind is not Kind.MANAGED_IDENTITY and not tenant.client_id.strip("0-"):
            cure = "write the id of the app registration in Entra"
            yield warning((*item.path, "client_id"), "is still to be filled in", cure)
        if tenant.kind is Kind.SIGN_IN and vault is None:
            continue  # where it is kept is not known, and that is told
        credential = Credential(tenant.name, tenant, environ, vault)
        yield from _readable(item.path, tenant, credential)
        yield from _expiring(item.path, tenant, credential, clock)


def _vault(view: View, clock: Clock, environ: Mapping[str, str]) -> Vault | None:
    gateway, settings = view.one(GatewaySettings), view.one(VaultSettings)
    if gateway is None or settings is None:
        return None
    directory = gateway.value.state / "vault"
    return Vault(directory, KeyRing(settings.value, directory, environ), clock)


def _readable(path: Path, tenant: TenantSettings, credential: Credential) -> Iterator[Finding]:
    where = (*path, tenant.kind.value)
    try:
        if tenant.kind is Kind.SIGN_IN:
            credential.kept()
        else:
            credential.material()
    except TokenError as problem:
        said = problem.cause.removeprefix(f"{tenant.name}: ")
        if tenant.kind is Kind.SIGN_IN:  # which is done when the configuration is good
            yield warning(where, said, "mail of this tenant waits until then")
        else:
            yield error(where, said, "nothing can be sent without it")
    for file in credential.exposed_files():
        yield warning(where, f"{file} can be read by every user of this machine", f"chmod o= {file}")


def _expiring(path: Path, tenant: TenantSettings, credential: Credential, clock: Clock) -> Iterator[Finding]:
    try:
        expiry = credential.expiry()
    except TokenError:
        return  # told
    if expiry is None:
        return
    where, left = (*path, tenant.kind.value), expiry.when - utc(clock.time())
    again = tenant.kind is Kind.SIGN_IN
    cure = f"sign in again: mailferry login {tenant.name}" if again else "make a new one in Entra and store it"
    if left < timedelta(0):
        yield error(where, f"expired on {expiry.when:%Y-%m-%d}", cure)
    elif left < timedelta(days=tenant.warn_days):
        yield warning(where, f"expires on {expiry.when:%Y-%m-%d}", cure)
