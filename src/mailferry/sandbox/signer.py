"""Issuing access tokens and publishing the key that verifies them.

Leaves to others: whether one is due (grants, user_tokens) and verifying it (bearer). Invariant: the claims are those of
an Exchange Online token, version 1.0 (iss and appid V, the rest UNV); a user's has `scp`, an application's never.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from random import Random
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from mailferry.sandbox.tenant import Application, Mailbox


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
        claims: dict[str, Any] = {
            "aud": audience,
            "appidacr": by,
            "idtyp": "app",
            "oid": application.service_principal,
            "sub": application.service_principal,
        }
        if roles:  # absent, not empty, when no app role is assigned (V: client credentials flow)
            claims["roles"] = list(roles)
        if application.managed is not None and application.managed.resource_id:
            claims["xms_mirid"] = application.managed.resource_id
        return self._issue(claims, application, tenant_id, now)

    def issue_user(
        self,
        *,
        application: Application,
        tenant_id: str,
        audience: str,
        permissions: tuple[str, ...],
        user: Mailbox,
        object_id: str,
        now: float,
    ) -> Issued:
        """A token for `user`, by whose leave `application` acts (claims UNV: facts 3.4)."""
        claims: dict[str, Any] = {
            "aud": audience,
            "appidacr": "0",
            "idtyp": "user",
            "name": user.display_name,
            "oid": object_id,
            "scp": " ".join(permissions),
            "sub": self._pairwise(application, object_id),
            "unique_name": user.address,
            "upn": user.address,
        }
        return self._issue(claims, application, tenant_id, now)

    def id_token(
        self, *, application: Application, tenant_id: str, issuer: str, user: Mailbox, object_id: str, nonce: str,
        now: float,
    ) -> str:  # fmt: skip
        """Who signed in (V: id-token-claims-reference.md). `now` is the machine's time, by which clients check it."""
        start = int(now)
        claims: dict[str, Any] = {
            "aud": application.client_id,
            "iss": issuer,
            "iat": start,
            "nbf": start,
            "exp": start + 3900,
            "name": user.display_name,
            "oid": object_id,
            "preferred_username": user.address,
            "sub": self._pairwise(application, object_id),
            "tid": tenant_id,
            "uti": self._uti(),
            "ver": "2.0",
        }
        if nonce:
            claims["nonce"] = nonce
        return self._sign(claims)

    def _issue(self, own: dict[str, Any], application: Application, tenant_id: str, now: float) -> Issued:
        lifetime, start = self.lifetime(), int(now)
        issuer = f"https://sts.windows.net/{tenant_id}/"
        claims: dict[str, Any] = {
            "iss": issuer,
            "iat": start - 300,
            "nbf": start - 300,
            "exp": start + lifetime,
            "aio": "",
            "app_displayname": application.name,
            "appid": application.client_id,
            "idp": issuer,
            "tid": tenant_id,
            "uti": self._uti(),
            "ver": "1.0",
            **own,
        }
        return Issued(self._sign(claims), lifetime)

    def _sign(self, claims: dict[str, Any]) -> str:
        header = {"typ": "JWT", "alg": "RS256", "kid": self._kid, "x5t": self._kid}
        return jwt.encode(header, claims, self._key)

    def _uti(self) -> str:
        return base64.urlsafe_b64encode(self._random.randbytes(16)).rstrip(b"=").decode()

    @staticmethod
    def _pairwise(application: Application, object_id: str) -> str:
        """`sub` differs from application to application (V: pairwise)."""
        digest = hashlib.sha256(f"{application.client_id}/{object_id}".encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
