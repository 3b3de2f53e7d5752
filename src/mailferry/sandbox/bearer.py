"""Whether an access token is genuine: signature, issuer, audience, tenant and lifetime.

Leaves to others: what the application may do (decide) and issuing (signer). Invariant: nothing of a token is believed
before its signature is verified; verified tokens are remembered by digest, never by value.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class Bearer:
    """What a genuine token says. `user` is empty where an application acts for itself; else `scopes` are what it may do
    for that user."""

    app_id: str
    object_id: str
    roles: frozenset[str]
    audience: str
    tenant_id: str
    not_before: float
    expires: float
    user: str = ""
    scopes: frozenset[str] = frozenset()


class TokenRejected(Exception):
    """The token is not good here; the message says why, for the recorder only: the client is told nothing."""


class TokenExpired(TokenRejected):
    """It was good once."""


class TokenChecker:
    """Checks tokens against the published keys, as a resource does."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys
        self._known: OrderedDict[bytes, Bearer] = OrderedDict()

    def check(self, token: str, *, now: float, tenant_id: str, audiences: tuple[str, ...]) -> Bearer:
        """The token's content. Raises TokenRejected."""
        bearer = self._verified(token)
        if bearer.tenant_id != tenant_id:
            raise TokenRejected(f"token of tenant {bearer.tenant_id}")
        if bearer.audience.rstrip("/") not in {audience.rstrip("/") for audience in audiences}:
            raise TokenRejected(f"audience {bearer.audience}")
        if not bearer.not_before <= now + 300:
            raise TokenRejected("token is not valid yet")
        if now >= bearer.expires:
            raise TokenExpired("token has expired")
        return bearer

    def _verified(self, token: str) -> Bearer:
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        if (known := self._known.get(digest)) is not None:
            return known
        try:
            bearer = _bearer(jwt.decode(token, self._keys, algorithms=["RS256"]).claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise TokenRejected(f"not a token of this tenant's issuer ({type(error).__name__})") from error
        self._known[digest] = bearer
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return bearer


def _bearer(claims: Mapping[str, Any]) -> Bearer:
    tenant_id = str(claims["tid"])
    if claims["iss"] != f"https://sts.windows.net/{tenant_id}/":
        raise ValueError("issuer")
    return Bearer(
        app_id=str(claims["appid"]),
        object_id=str(claims["oid"]),
        roles=frozenset(map(str, claims.get("roles", ()))),
        audience=str(claims["aud"]),
        tenant_id=tenant_id,
        not_before=float(claims["nbf"]),
        expires=float(claims["exp"]),
        user=str(claims["upn"]).lower() if "scp" in claims else "",
        scopes=frozenset(str(claims.get("scp", "")).split()),
    )
