"""The client credentials grant: is this application what it says, and what token does it get.

Leaves to others: HTTP (entra), JWTs of the service (signer). Invariant: a secret is compared in constant time; an
assertion is believed only after its signature fits a certificate registered with that very application.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from mailferry.clock import utc
from mailferry.sandbox import aadsts
from mailferry.sandbox.aadsts import GrantRefused
from mailferry.sandbox.federation import WorkloadIssuer, is_foreign
from mailferry.sandbox.signer import Issued, Signer
from mailferry.sandbox.tenant import Application, ClientCertificate, Tenant
from mailferry.sandbox.world import World

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

#: Resources known to every tenant; Exchange Online (00000002-0000-0ff1-ce00-000000000000) goes by two names.
EXCHANGE = ("https://outlook.office365.com", "https://outlook.office.com")
#: Microsoft Graph by its address and by its application id.
GRAPH = ("https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000")
RESOURCES = (*EXCHANGE, *GRAPH, "https://communication.azure.com")

_DEFAULT = "/.default"
_SKEW = 300.0  # what the service forgives between two clocks; UNV
_LONGEST = 86_400.0


class ClientCredentials:
    """Answers grant_type=client_credentials."""

    def __init__(self, world: World, signer: Signer, machine_time: Callable[[], float], issuer: WorkloadIssuer) -> None:
        self._world = world
        self._issuer = issuer
        self._signer = signer
        self._machine_time = machine_time
        self._used: dict[str, float] = {}  # jti -> end of its life

    def grant(self, form: Mapping[str, str], *, tenant: Tenant, audiences: frozenset[str]) -> Issued:
        """The token. Raises GrantRefused."""
        application = self._application(form, tenant)
        by = self._prove(application, form, audiences)
        resource = self._resource(form, tenant)
        name = resource.rstrip("/")
        roles = application.app_roles if name in EXCHANGE else application.graph_roles if name in GRAPH else ()
        return self._signer.issue(
            application=application,
            tenant_id=tenant.tenant_id,
            audience=resource,
            roles=roles,
            by=by,
            now=self._world.clock.time(),
        )

    def _application(self, form: Mapping[str, str], tenant: Tenant) -> Application:
        client_id = form.get("client_id", "")
        if not client_id:
            raise GrantRefused(aadsts.MISSING_PARAMETER, name="client_id")
        application = tenant.applications.get(client_id.lower())
        if application is None or application.managed is not None:  # whose tokens come from IMDS alone
            raise GrantRefused(aadsts.APPLICATION_NOT_FOUND, client_id=client_id, tenant=tenant.name)
        if not application.enabled:
            raise GrantRefused(aadsts.APPLICATION_DISABLED, client_id=client_id, name=application.name)
        return application

    def _prove(self, application: Application, form: Mapping[str, str], audiences: frozenset[str]) -> str:
        """appidacr of the proof that was given: "1" secret, "2" certificate or another issuer's token."""
        if assertion := form.get("client_assertion"):
            if form.get("client_assertion_type") != ASSERTION_TYPE:
                raise GrantRefused(aadsts.MISSING_PARAMETER, name="client_assertion_type")
            if is_foreign(assertion, application.client_id):
                self._issuer.check(application, assertion)
            else:
                self._check_assertion(application, assertion, audiences)
            return "2"
        if secret := form.get("client_secret"):
            self._check_secret(application, secret)
            return "1"
        raise GrantRefused(aadsts.NO_CREDENTIAL)

    def _check_secret(self, application: Application, secret: str) -> None:
        matching = [s for s in application.secrets if hmac.compare_digest(s.value.encode(), secret.encode())]
        if not matching:
            raise GrantRefused(aadsts.WRONG_SECRET, client_id=application.client_id)
        now = self._world.clock.time()
        if all(now >= s.expires.timestamp() for s in matching):
            raise GrantRefused(aadsts.SECRET_EXPIRED, client_id=application.client_id)

    def _check_assertion(self, application: Application, assertion: str, audiences: frozenset[str]) -> None:
        """V: certificate-credentials.md. PS256 or RS256, x5t#S256 or x5t, aud, iss, sub, exp, jti."""
        head, payload, signature = _segments(assertion)
        header = _decoded(head)
        certificate, thumbprint = _certificate(application, header)
        self._check_certificate(certificate, thumbprint)
        _verify(f"{head}.{payload}".encode(), signature, header.get("alg"), certificate)
        claims = _decoded(payload)
        if claims.get("iss") != application.client_id or claims.get("sub") != application.client_id:
            raise GrantRefused(aadsts.ASSERTION_INVALID, reason="issuer and subject must be the client id")
        if str(claims.get("aud", "")).rstrip("/") not in audiences:
            raise GrantRefused(aadsts.ASSERTION_INVALID, str(claims.get("aud")), reason="audience is not this tenant")
        self._check_time(claims)

    def _check_certificate(self, certificate: ClientCertificate, thumbprint: str) -> None:
        loaded = x509.load_pem_x509_certificate(certificate.pem.encode())
        now = self._world.clock.now()
        until = certificate.expires or loaded.not_valid_after_utc
        if not loaded.not_valid_before_utc <= now < until:
            raise GrantRefused(aadsts.KEY_EXPIRED, thumbprint=thumbprint)

    def _check_time(self, claims: Mapping[str, Any]) -> None:
        clock = self._machine_time if self._world.behaviour.assertion_clock == "machine" else self._world.clock.time
        now = clock()
        try:
            start, end = float(claims.get("nbf", claims.get("iat", now))), float(claims["exp"])
        except (KeyError, TypeError, ValueError) as error:
            raise GrantRefused(aadsts.ASSERTION_INVALID, reason="no valid exp") from error
        if not start - _SKEW <= now < end + _SKEW or end - start > _LONGEST:
            moments = {k: f"{utc(v):%Y-%m-%dT%H:%M:%SZ}" for k, v in (("now", now), ("start", start), ("end", end))}
            raise GrantRefused(aadsts.ASSERTION_TIME, **moments)
        self._check_unused(str(claims.get("jti", "")), now, end)

    def _check_unused(self, jti: str, now: float, end: float) -> None:
        """An assertion is good once; Microsoft asks for a jti, what it does about a second use is UNV."""
        if not self._world.behaviour.reject_used_assertions:
            return
        if not jti:
            raise GrantRefused(aadsts.ASSERTION_INVALID, reason="no jti")
        for old in [used for used, until in self._used.items() if until + _SKEW <= now]:
            del self._used[old]
        if jti in self._used:
            raise GrantRefused(aadsts.ASSERTION_INVALID, reason="jti was used before")
        self._used[jti] = end

    def _resource(self, form: Mapping[str, str], tenant: Tenant) -> str:
        """The one resource whose .default is asked for."""
        scopes = form.get("scope", "").split()
        if not scopes:
            raise GrantRefused(aadsts.MISSING_PARAMETER, name="scope")
        if len({_resource_of(scope) for scope in scopes}) > 1:
            raise GrantRefused(aadsts.TWO_RESOURCES, scope=" ".join(scopes))
        scope = scopes[0]
        if not scope.endswith(_DEFAULT):
            kind = aadsts.SCOPE_NEEDS_DEFAULT if "://" in scope else aadsts.INVALID_SCOPE
            raise GrantRefused(kind, scope=scope)
        resource = scope.removesuffix(_DEFAULT)
        if resource.rstrip("/") not in RESOURCES:
            raise GrantRefused(aadsts.RESOURCE_NOT_FOUND, resource=resource, tenant=tenant.name)
        return resource


def _resource_of(scope: str) -> str:
    return scope.rpartition("/")[0].rstrip("/").lower()


def _segments(assertion: str) -> tuple[str, str, str]:
    parts = assertion.split(".")
    if len(parts) != 3 or not assertion.isascii():
        raise GrantRefused(aadsts.ASSERTION_INVALID, reason="it is not a JWT")
    return parts[0], parts[1], parts[2]


def _decoded(segment: str) -> dict[str, Any]:
    """A JSON segment of a JWT. Padding is forgiven: azure-identity's asynchronous credential sends it."""
    try:
        value = json.loads(base64.urlsafe_b64decode(segment.rstrip("=") + "=" * (-len(segment.rstrip("=")) % 4)))
    except ValueError as error:
        raise GrantRefused(aadsts.ASSERTION_INVALID, reason="it is not a JWT") from error
    if not isinstance(value, dict):
        raise GrantRefused(aadsts.ASSERTION_INVALID, reason="it is not a JWT")
    return value


def _certificate(application: Application, header: Mapping[str, Any]) -> tuple[ClientCertificate, str]:
    """The registered certificate that the header names, and its thumbprint as the client sent it."""
    for name, algorithm in (("x5t#S256", hashes.SHA256()), ("x5t", hashes.SHA1())):  # noqa: S303 - the header's own
        if wanted := header.get(name):
            for certificate in application.certificates:
                digest = x509.load_pem_x509_certificate(certificate.pem.encode()).fingerprint(algorithm)
                if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == str(wanted).rstrip("="):
                    return certificate, digest.hex().upper()
            raise GrantRefused(aadsts.KEY_NOT_FOUND, thumbprint=str(wanted))
    raise GrantRefused(aadsts.ASSERTION_INVALID, reason="neither x5t#S256 nor x5t is given")


def _verify(signed: bytes, signature: str, algorithm: object, certificate: ClientCertificate) -> None:
    """The signature by hand: JWT libraries refuse the padded form that clients send and the service takes."""
    key = x509.load_pem_x509_certificate(certificate.pem.encode()).public_key()
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    schemes: dict[object, AsymmetricPadding] = {"PS256": pss, "RS256": padding.PKCS1v15()}
    if algorithm not in schemes or not isinstance(key, RSAPublicKey):
        raise GrantRefused(aadsts.ASSERTION_INVALID, reason="the algorithm must be PS256 or RS256")
    try:
        raw = base64.urlsafe_b64decode(signature.rstrip("=") + "==")
        key.verify(raw, signed, schemes[algorithm], hashes.SHA256())
    except (InvalidSignature, ValueError) as error:
        raise GrantRefused(aadsts.ASSERTION_INVALID, reason="signature does not fit") from error
