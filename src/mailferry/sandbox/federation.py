"""Workload identity federation: another issuer's tokens in place of a secret, and an issuer of the sandbox's own.

Leaves to others: the request around the assertion (grants). Invariant: nothing of an assertion is believed before its
signature fits a key that its issuer publishes, and then issuer, subject and audience must be those of one federated
credential of that very application, letter by letter (V entra-docs workload-identity-federation.md).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from mailferry.sandbox import aadsts
from mailferry.sandbox import aadsts_sign_in as errors
from mailferry.sandbox.aadsts import GrantRefused
from mailferry.sandbox.identities import EXCHANGE_AUDIENCE, FederatedCredential
from mailferry.sandbox.tenant import Application

OWN = "sandbox"
PATH = "/workload"
_KID = "workload-1"
_SKEW = 300.0


class WorkloadIssuer:
    """Stands for a cluster or a CI service that gives its workloads tokens. Keys live as long as the sandbox."""

    def __init__(self, base_url: Callable[[], str], machine_time: Callable[[], float]) -> None:
        self._base_url = base_url
        self._machine_time = machine_time

    @cached_property
    def _key(self) -> RSAKey:
        # Entra takes RS256 alone from other issuers (V workload-identity-federation-considerations.md).
        return RSAKey.generate_key(2048, {"kid": _KID, "use": "sig", "alg": "RS256"})

    @property
    def issuer(self) -> str:
        return self._base_url() + PATH

    def configuration(self) -> dict[str, Any]:
        """OpenID Connect discovery."""
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def jwks(self) -> dict[str, Any]:
        return {"keys": [self._key.as_dict(private=False)]}

    def token(self, subject: str, audience: str = EXCHANGE_AUDIENCE, *, lifetime: float = 3600.0, **more: Any) -> str:
        """What the platform would put into the workload's file."""
        now = int(self._machine_time())
        claims = {"iss": self.issuer, "sub": subject, "aud": [audience], "iat": now, "nbf": now, "exp": now + lifetime}
        return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": _KID}, {**claims, **more}, self._key)

    def verify(self, assertion: str) -> Mapping[str, Any]:
        """Its claims. Raises GrantRefused."""
        try:
            return jwt.decode(assertion, KeySet([self._key]), algorithms=["RS256"]).claims
        except (JoseError, ValueError) as error:
            raise GrantRefused(aadsts.ASSERTION_INVALID, reason="signature does not fit") from error

    def check(self, application: Application, assertion: str) -> None:
        """Whether `assertion` stands for `application`. Raises GrantRefused."""
        said = claims_of(assertion)
        known = [one for one in application.federated if self._issuer_of(one) == said.get("iss")]
        if not known:
            raise GrantRefused(errors.FEDERATED_ISSUER, value=str(said.get("iss", "")))
        if said.get("iss") != self.issuer:
            cause = f"the sandbox asks nobody over the network, not {said.get('iss')} for its keys either"
            raise GrantRefused(aadsts.ASSERTION_INVALID, cause, reason="keys of the issuer cannot be had")
        claims = self.verify(assertion)
        bound = [one for one in known if one.subject == claims.get("sub")]
        if not bound:
            raise GrantRefused(errors.FEDERATED_SUBJECT, value=str(claims.get("sub", "")))
        audiences = claims.get("aud")
        audiences = [audiences] if isinstance(audiences, str) else audiences or []
        if not any(set(one.audiences) & set(audiences) for one in bound):
            raise GrantRefused(errors.FEDERATED_AUDIENCE, value=", ".join(map(str, audiences)))
        self._check_time(claims)

    def _check_time(self, claims: Mapping[str, Any]) -> None:
        now, end = self._machine_time(), float(claims.get("exp", 0))
        start = float(claims.get("nbf", claims.get("iat", now)))
        if not start - _SKEW <= now < end + _SKEW:
            raise GrantRefused(aadsts.ASSERTION_TIME, now=f"{now:.0f}", start=f"{start:.0f}", end=f"{end:.0f}")

    def _issuer_of(self, credential: FederatedCredential) -> str:
        return self.issuer if credential.issuer == OWN else credential.issuer


def is_foreign(assertion: str, client_id: str) -> bool:
    """Whether another issuer made it: it says so, and names no certificate of the application."""
    header = _part(assertion, 0)
    return bool(claims_of(assertion).get("iss", client_id) != client_id) and not {"x5t", "x5t#S256"} & set(header)


def claims_of(assertion: str) -> Mapping[str, Any]:
    """What an assertion says of itself, unverified. Nothing where it is no JWT."""
    return _part(assertion, 1)


def _part(assertion: str, index: int) -> Mapping[str, Any]:
    parts = assertion.split(".")
    if len(parts) != 3:
        return {}
    text = parts[index].rstrip("=")
    try:
        value = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
