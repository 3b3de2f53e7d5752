"""Issuing access tokens and publishing the key that verifies them.

Leaves to others: whether one is due (grants) and verifying it (bearer). Invariant: the claims are those of an app-only
Exchange Online token, version 1.0 (iss and appid V, the rest UNV).
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from random import Random
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from mailferry.sandbox.tenant import Application


@dataclass(frozen=True, slots=True)
class Issued:
    token: str
    lifetime: int


class Signer:
    """Holds the sandbox's token signing key."""

    def __init__(self, key_pem: bytes, random: Random) -> None:
        key = RSAKey.import_key(key_pem)
        self._kid = (
            base64.urlsafe_b64encode(hashlib.sha1(key_pem, usedforsecurity=False).digest()).rstrip(b"=").decode()
        )
        self._key = RSAKey.import_key(key_pem, {"kid": self._kid, "use": "sig"})
        self._random = random
        self._public = {**key.as_dict(private=False), "kid": self._kid, "x5t": self._kid, "use": "sig"}

    @property
    def key_set(self) -> KeySet:
        """For a resource that verifies tokens."""
        return KeySet([RSAKey.import_key(dict(self._public))])

    def jwks(self, issuer: str) -> dict[str, Any]:
        """The body of /discovery/v2.0/keys."""
        return {"keys": [{**self._public, "issuer": issuer}]}

    def lifetime(self) -> int:
        """60 to 90 minutes, 75 on average (V: access-tokens.md); expires_in counts from the second after."""
        return self._random.randint(3600, 5400) - 1

    def issue(
        self, *, application: Application, tenant_id: str, audience: str, roles: tuple[str, ...], by: str, now: float
    ) -> Issued:
        """A token for `application` itself. `by` is how it proved who it is: "1" secret, "2" certificate."""
        lifetime, start = self.lifetime(), int(now)
        claims: dict[str, Any] = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{tenant_id}/",
            "iat": start - 300,
            "nbf": start - 300,
            "exp": start + lifetime,
            "aio": "",
            "app_displayname": application.name,
            "appid": application.client_id,
            "appidacr": by,
            "idp": f"https://sts.windows.net/{tenant_id}/",
            "idtyp": "app",
            "oid": application.service_principal,
            "sub": application.service_principal,
            "tid": tenant_id,
            "uti": base64.urlsafe_b64encode(self._random.randbytes(16)).rstrip(b"=").decode(),
            "ver": "1.0",
        }
        if roles:  # absent, not empty, when no app role is assigned (V: client credentials flow)
            claims["roles"] = list(roles)
        header = {"typ": "JWT", "alg": "RS256", "kid": self._kid, "x5t": self._kid}
        return Issued(jwt.encode(header, claims, self._key), lifetime)
