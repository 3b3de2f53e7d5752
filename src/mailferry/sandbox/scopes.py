"""The `scope` parameter where a user signs in: permissions of resources, and what OpenID Connect adds.

Leaves to others: whether they were consented to (consent). Invariant: what is asked for is read once, here, by the
rules of scopes-oidc.md (V): a name without a resource is Microsoft Graph's, .default is what the application has.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailferry.sandbox import aadsts
from mailferry.sandbox.aadsts import GrantRefused
from mailferry.sandbox.grants import EXCHANGE, GRAPH
from mailferry.sandbox.tenant import Application, Tenant

_OIDC = frozenset({"openid", "profile", "email", "offline_access"})
#: Delegated permissions of Office 365 Exchange Online that legacy protocols ask for (V: Microsoft Learn); those of
#: Microsoft Graph that concern mail (V: permissions-reference.md).
_EXCHANGE = ("SMTP.Send", "IMAP.AccessAsUser.All", "POP.AccessAsUser.All")
_GRAPH = ("Mail.Send", "Mail.Send.Shared", "Mail.Read", "Mail.ReadWrite", "Mail.ReadWrite.Shared", "User.Read")
_DEFAULT = ".default"


@dataclass(frozen=True, slots=True)
class Permission:
    """`resource` as it was written, without a slash at its end."""

    resource: str
    name: str

    @property
    def full(self) -> str:
        return f"{self.resource}/{self.name}"


@dataclass(frozen=True, slots=True)
class Scopes:
    """What was asked for."""

    permissions: tuple[Permission, ...]
    oidc: frozenset[str]

    @property
    def resource(self) -> str:
        """The one resource of an access token; Microsoft Graph where none is named (V: User.Read and OpenID's)."""
        return self.permissions[0].resource if self.permissions else GRAPH[0]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(permission.name for permission in self.permissions)

    @property
    def granted(self) -> str:
        """The `scope` of the answer."""
        named = sorted(self.oidc - {"offline_access"})
        return " ".join((*(permission.full for permission in self.permissions), *named))

    def of(self, resource: str) -> Scopes:
        """Those of one resource: a code may be asked for with several, a token is for one (V)."""
        return Scopes(tuple(one for one in self.permissions if one.resource == resource), self.oidc)


def parse(text: str, application: Application, tenant: Tenant) -> Scopes:
    """Raises GrantRefused."""
    words = text.split()
    if not words:
        raise GrantRefused(aadsts.MISSING_PARAMETER, name="scope")
    oidc = frozenset(word.lower() for word in words) & _OIDC
    permissions: list[Permission] = []
    for word in words:
        if word.lower() not in _OIDC:
            permissions += _permissions(word, application, tenant)
    return Scopes(tuple(dict.fromkeys(permissions)), oidc)


def one_resource(scopes: Scopes, text: str) -> Scopes:
    """A token is for one resource. Raises GrantRefused."""
    if len({permission.resource for permission in scopes.permissions}) > 1:
        raise GrantRefused(aadsts.TWO_RESOURCES, scope=text)
    return scopes


def _permissions(word: str, application: Application, tenant: Tenant) -> list[Permission]:
    resource, _, name = word.rpartition("/")
    resource = resource.rstrip("/") or GRAPH[0]
    if resource not in (*EXCHANGE, *GRAPH):
        if "://" not in word:
            raise GrantRefused(aadsts.INVALID_SCOPE, scope=word)
        raise GrantRefused(aadsts.RESOURCE_NOT_FOUND, resource=resource, tenant=tenant.name)
    known = _EXCHANGE if resource in EXCHANGE else _GRAPH
    if name == _DEFAULT:
        configured = application.delegated.permissions if application.delegated else ()
        return [Permission(resource, one) for one in configured if one in known]
    exact = next((one for one in known if one.lower() == name.lower()), None)
    if exact is None:
        raise GrantRefused(aadsts.INVALID_SCOPE, scope=word)
    return [Permission(resource, exact)]
