"""A token endpoint over real TLS that checks what it is sent as Microsoft Entra does, and counts.

It shares no code with what it tests: forms by aiohttp, signatures by cryptography over the registered public key.
azure-identity 1.27 leaves the padding on the parts of its assertion, which RFC 7515 section 2 does not allow and Entra
accepts; strict readers such as joserfc do not, so the parts are read by hand here.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme
from aiohttp import web
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

TENANT = "72f988bf-0000-4000-8000-2d7cd011db47"
CLIENT = "11111111-2222-4333-8444-555555555555"
SCOPE = "https://outlook.office365.com/.default"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Script = Callable[[], web.StreamResponse]


@dataclass
class TokenEndpoint:
    """State of the endpoint: what it accepts, what it was asked, what it answers next."""

    url: str = ""
    ca_file: Path = Path()
    secret: str = ""
    certificate: x509.Certificate | None = None
    lifetime: object = 3599
    delay: float = 0.0
    requests: list[dict[str, str]] = field(default_factory=list)
    issued: list[str] = field(default_factory=list)
    assertion: dict[str, Any] = field(default_factory=dict)
    at_once: int = 0
    most_at_once: int = 0
    next: list[Script] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.requests.append(form)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.delay)
            return self.next.pop(0)() if self.next else self._answer(request, form)
        finally:
            self.at_once -= 1

    async def discovery(self, request: web.Request) -> web.Response:
        """What MSAL asks first (OpenID Connect discovery 1.0)."""
        base = f"{self.url}/{request.match_info['tenant']}"
        return web.json_response(
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            }
        )

    def _answer(self, request: web.Request, form: dict[str, str]) -> web.Response:
        if request.match_info["tenant"] != TENANT:
            return refusal(400, "invalid_request", 90002, "Tenant not found.")
        if form.get("client_id") != CLIENT:
            return refusal(400, "unauthorized_client", 700016, "Application was not found in the directory.")
        if form.get("grant_type") != "client_credentials" or not form.get("scope", "").endswith("/.default"):
            return refusal(400, "invalid_scope", 1002012, "The provided value for scope is not valid.")
        if "client_secret" in form:
            if not self.secret or form["client_secret"] != self.secret:
                return refusal(401, "invalid_client", 7000215, "Invalid client secret provided.")
        elif not self._assertion_holds(form):
            return refusal(401, "invalid_client", 700027, "The certificate is not registered.")
        token = f"eyJ.{secrets.token_urlsafe(24)}.sig"
        self.issued.append(token)
        body = {"token_type": "Bearer", "expires_in": self.lifetime, "ext_expires_in": 3599, "access_token": token}
        return web.json_response(body)

    def _assertion_holds(self, form: dict[str, str]) -> bool:
        """Check the client assertion as entra-docs certificate-credentials.md says."""
        assert self.certificate is not None
        assert form["client_assertion_type"] == ASSERTION_TYPE
        head, payload, signature = form["client_assertion"].split(".")
        header, claims = json.loads(_unpack(head)), json.loads(_unpack(payload))
        self.assertion = {"header": header, "claims": claims}
        key = self.certificate.public_key()
        assert isinstance(key, RSAPublicKey)
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)  # PS256: RFC 7518 section 3.5
        try:
            key.verify(_unpack(signature), f"{head}.{payload}".encode(), pss, hashes.SHA256())
        except InvalidSignature:
            return False
        now = time.time()
        return (
            header["alg"] == "PS256"
            and _unpack(header["x5t#S256"]) == self.certificate.fingerprint(hashes.SHA256())
            and claims["aud"] == f"{self.url}/{TENANT}/oauth2/v2.0/token"
            and claims["iss"] == claims["sub"] == CLIENT
            and bool(claims["jti"])
            and claims["nbf"] <= now + 5
            and now < claims["exp"] <= now + 3600
        )


def _unpack(part: str) -> bytes:
    return base64.urlsafe_b64decode(part.rstrip("=") + "=" * (-len(part.rstrip("=")) % 4))


def refusal(status: int, error: str, number: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    """An error as Microsoft Entra words it."""
    description = (
        f"AADSTS{number}: {text} Trace ID: 00000000-0000-0000-0000-000000000000 "
        "Correlation ID: 00000000-0000-0000-0000-000000000001 Timestamp: 2026-11-24 10:00:00Z"
    )
    body = {"error": error, "error_description": description, "error_codes": [number]}
    return web.json_response(body, status=status, headers=headers)


def raw(
    status: int, body: bytes, headers: dict[str, str] | None = None, kind: str = "application/json"
) -> web.Response:
    """Any answer."""
    return web.Response(status=status, body=body, headers=headers, content_type=kind)


def json_answer(value: object, status: int = 200) -> web.Response:
    return raw(status, json.dumps(value).encode())


@asynccontextmanager
async def token_endpoint(directory: Path, authority: trustme.CA | None = None) -> AsyncIterator[TokenEndpoint]:
    """A running endpoint on https://localhost:PORT; its certification authority is in `ca_file`."""
    ca = authority or trustme.CA()
    endpoint = TokenEndpoint(ca_file=directory / "token-ca.pem")
    ca.cert_pem.write_to_path(endpoint.ca_file)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("localhost").configure_cert(context)
    application = web.Application()
    application.router.add_post("/{tenant}/oauth2/v2.0/token", endpoint.handle)
    application.router.add_get("/{tenant}/v2.0/.well-known/openid-configuration", endpoint.discovery)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0, ssl_context=context)
    await site.start()
    server: Any = site._server
    port = server.sockets[0].getsockname()[1]
    endpoint.url = f"https://localhost:{port}"
    try:
        yield endpoint
    finally:
        await runner.cleanup()
