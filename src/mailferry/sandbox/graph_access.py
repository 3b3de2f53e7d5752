"""Who calls, for which mailbox, and whether it may. Pure but for the token checker that is handed in.

Leaves to others: the request around it (graph). Invariant: consent in Entra and application RBAC add up: either is
enough (V learn application-rbac, auth-limit-mailbox-access); a management scope limits only what RBAC itself grants.
"""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

from mailferry.sandbox import graph_errors as errors
from mailferry.sandbox.bearer import Bearer, TokenChecker, TokenRejected
from mailferry.sandbox.graph_errors import GraphRefused
from mailferry.sandbox.settings import Behaviour
from mailferry.sandbox.tenant import Mailbox, Tenant
from mailferry.sandbox.world import World

#: Application roles of Exchange Online and the Graph permissions in them (V learn application-rbac).
_ROLES: dict[str, frozenset[str]] = {
    **{f"Application {p}": frozenset({p}) for p in ("Mail.Send", "Mail.Read", "Mail.ReadWrite")},
    "Application Mail Full Access": frozenset({"Mail.Send", "Mail.ReadWrite"}),
    "Application Exchange Full Access": frozenset({"Mail.Send", "Mail.ReadWrite"}),
}


def user_id(tenant: Tenant, mailbox: Mailbox) -> str:
    """The object id of the mailbox's user; the same for the same address in every run."""
    return str(uuid5(NAMESPACE_URL, f"{tenant.tenant_id}/{mailbox.address.lower()}"))


def bearer_of(world: World, checker: TokenChecker, authorization: str | None) -> Bearer:
    """The application that calls. Raises GraphRefused (401)."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise GraphRefused(errors.TOKEN_EMPTY)
    try:
        return checker.check(
            token.strip(),
            now=world.clock.time(),
            tenant_id=world.tenant.tenant_id,
            audiences=world.behaviour.graph_audiences,
        )
    except TokenRejected as rejected:
        cause = str(rejected)
        if cause.startswith("audience"):
            raise GraphRefused(errors.TOKEN_AUDIENCE, cause) from rejected
        kind = errors.TOKEN_EXPIRED if "expired" in cause or "not valid yet" in cause else errors.TOKEN_MALFORMED
        raise GraphRefused(kind, cause) from rejected


def mailbox_named(tenant: Tenant, behaviour: Behaviour, name: str) -> Mailbox | None:
    """The user by id or user principal name (V); by alias only where a setting says so."""
    found = tenant.mailbox(name)
    if found is not None and (behaviour.graph_user_by_alias or found.address.lower() == name.lower()):
        return found
    wanted = name.lower()
    return next((box for box in tenant.mailboxes.values() if user_id(tenant, box) == wanted), None)


def require(tenant: Tenant, bearer: Bearer, mailbox: Mailbox | None, name: str, *permissions: str) -> Mailbox:
    """The mailbox, when one of `permissions` covers it. Raises GraphRefused.

    Of a user that does not exist, only an application that may do this to somebody learns so (order UNV).
    """
    if bearer.user:
        return _require_user(bearer, mailbox, name, permissions)
    consented = not bearer.roles.isdisjoint(permissions)
    scopes = _scopes(tenant, bearer, permissions)
    if not consented and not scopes:
        raise GraphRefused(errors.ACCESS_DENIED, f"the application has none of {', '.join(permissions)}")
    if mailbox is None:
        raise GraphRefused(errors.INVALID_USER, user=name)
    if not consented and not any(tenant.in_scope(mailbox, scope) for scope in scopes):
        raise GraphRefused(errors.ACCESS_DENIED, f"{mailbox.address} is outside every scope of the application")
    if not mailbox.graph_enabled:
        raise GraphRefused(errors.MAILBOX_NOT_ENABLED)
    return mailbox


def _require_user(bearer: Bearer, mailbox: Mailbox | None, name: str, permissions: tuple[str, ...]) -> Mailbox:
    """The same for a user who signed in: the own mailbox, or by X.Shared one whose owner shares it (V
    permissions-reference.md). Raises GraphRefused."""
    if mailbox is None:
        raise GraphRefused(errors.INVALID_USER, user=name)
    shared = bearer.user in {trustee.lower() for trustee in (*mailbox.full_access, *mailbox.send_as)}
    needed = {f"{permission}.Shared" for permission in permissions} if shared else set()
    if bearer.user in mailbox.addresses:
        needed = set(permissions)
    if bearer.scopes.isdisjoint(needed):
        raise GraphRefused(errors.ACCESS_DENIED, f"{bearer.user} may not do this with {mailbox.address}")
    if not mailbox.graph_enabled:
        raise GraphRefused(errors.MAILBOX_NOT_ENABLED)
    return mailbox


def _scopes(tenant: Tenant, bearer: Bearer, permissions: tuple[str, ...]) -> list[str | None]:
    """Management scopes within which RBAC grants one of the permissions."""
    if not any(sp.object_id == bearer.object_id and sp.app_id == bearer.app_id for sp in tenant.service_principals):
        return []
    return [
        assignment.scope
        for assignment in tenant.role_assignments
        if assignment.app == bearer.object_id and not _ROLES.get(assignment.role, frozenset()).isdisjoint(permissions)
    ]


def require_reports(tenant: Tenant, behaviour: Behaviour, bearer: Bearer) -> None:
    """Whether the application may read the sign-in log. Raises GraphRefused."""
    needed = ["AuditLog.Read.All"]
    if behaviour.signins_need_directory_read:
        needed.append("Directory.Read.All")
    if missing := [role for role in needed if role not in bearer.roles]:
        raise GraphRefused(errors.REPORTS_PERMISSION, f"missing: {', '.join(missing)}", roles=", ".join(needed))
    if not tenant.entra_premium:
        raise GraphRefused(errors.REPORTS_LICENCE)
