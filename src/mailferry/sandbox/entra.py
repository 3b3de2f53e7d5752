"""Entra over HTTPS: discovery, keys, tokens, device codes, and the issuer of workloads' tokens.

Leaves to others: what is granted (grants, device, authorize, refresh), pages (sign_in), errors (aadsts). Invariant: a
path that is not here is answered 501 and says so; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from aiohttp import web

from mailferry.clock import Clock
from mailferry.sandbox import aadsts, device, federation
from mailferry.sandbox.aadsts import GrantRefused
from mailferry.sandbox.authorize import CodeGrant
from mailferry.sandbox.device import DeviceFlow
from mailferry.sandbox.faults import Action, Fault, Point
from mailferry.sandbox.grants import ClientCredentials
from mailferry.sandbox.identities import EXCHANGE_AUDIENCE
from mailferry.sandbox.recorder import Request, shown
from mailferry.sandbox.refresh import RefreshGrant
from mailferry.sandbox.sign_in import SignInPages
from mailferry.sandbox.sign_in_pages import DEVICE as DEVICE_PAGE
from mailferry.sandbox.signer import Issued, Signer
from mailferry.sandbox.tenant import Tenant
from mailferry.sandbox.user_tokens import UserTokens
from mailferry.sandbox.world import World

_COMMON = frozenset({"common", "organizations", "consumers"})
_FOR_USERS = frozenset({"common", "organizations"})
_HOST = "https://login.microsoftonline.com"


class Entra:
    """The application behind the HTTPS listener. `base_url` is set once the port is known."""

    def __init__(self, world: World, signer: Signer, machine: Clock) -> None:
        self._world = world
        self._signer = signer
        self._machine = machine
        self.base_url = _HOST
        self.workloads = federation.WorkloadIssuer(lambda: self.base_url, machine.time)
        self._grants = ClientCredentials(world, signer, machine.time, self.workloads)
        tokens = UserTokens(world, signer, machine.time, lambda: self.base_url)
        self._device = DeviceFlow(world, tokens)
        self._codes = CodeGrant(world, tokens)
        self._refresh = RefreshGrant(world, tokens)
        self._pages = SignInPages(world, self._codes, lambda name: self.tenant(name, users=True))

    def application(self) -> web.Application:
        app = web.Application(client_max_size=256 * 1024)
        app.router.add_get("/common/discovery/instance", self._instance)
        app.router.add_get("/{tenant}/v2.0/.well-known/openid-configuration", self._configuration)
        app.router.add_get("/{tenant}/.well-known/openid-configuration", self._configuration)
        app.router.add_get("/{tenant}/discovery/v2.0/keys", self._keys)
        app.router.add_get("/{tenant}/discovery/keys", self._keys)
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self._token)
        app.router.add_post("/{tenant}/oauth2/v2.0/devicecode", self._device_code)
        app.router.add_get(f"{federation.PATH}/.well-known/openid-configuration", self._issuer)
        app.router.add_get(f"{federation.PATH}/keys", self._issuer_keys)
        app.router.add_post(f"{federation.PATH}/token", self._workload_token)
        self._pages.add_to(app)
        app.router.add_route("*", "/{rest:.*}", self._unknown)
        return app

    def tenant(self, name: str, *, users: bool = False) -> Tenant:
        """The tenant by id or accepted domain; for users by common and organizations too. Raises GrantRefused."""
        tenant = self._world.tenant
        if users and name.lower() in _FOR_USERS:
            return tenant
        if name.lower() in _COMMON:
            raise GrantRefused(aadsts.NO_COMMON_FOR_APPLICATIONS)
        if name.lower() != tenant.tenant_id.lower() and name.lower() not in tenant.accepted_domains:
            raise GrantRefused(aadsts.TENANT_NOT_FOUND, tenant=name)
        return tenant

    # Discovery

    async def _instance(self, request: web.Request) -> web.Response:
        """Instance discovery: this host is its own authority."""
        wanted = request.query.get("authorization_endpoint", "")
        tenant = wanted.split("://", 1)[-1].partition("/")[2].partition("/")[0] or "common"
        host = self.base_url.removeprefix("https://")
        return web.json_response(
            {
                "tenant_discovery_endpoint": f"{self.base_url}/{tenant}/v2.0/.well-known/openid-configuration",
                "api-version": "1.1",
                "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
            }
        )

    async def _configuration(self, request: web.Request) -> web.Response:
        name = request.match_info["tenant"]
        return self._answer(request, {}, lambda: self._metadata(name))

    def _metadata(self, name: str) -> dict[str, Any]:
        if name.lower() not in _COMMON:
            name = self.tenant(name).tenant_id
        base = f"{self.base_url}/{name}"
        return {
            "issuer": f"{base}/v2.0",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "cloud_instance_name": self.base_url.removeprefix("https://"),
            "tenant_region_scope": None,
        }

    async def _keys(self, request: web.Request) -> web.Response:
        issuer = f"https://sts.windows.net/{self._world.tenant.tenant_id}/"
        return self._answer(request, {}, lambda: self._signer.jwks(issuer))

    # Tokens

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
        fault = self._struck(form)
        if fault is not None and (taken := await self._obey(fault, request, form)) is not None:
            return taken
        return self._answer(request, form, lambda: self._granted(request.match_info["tenant"], form))

    def _granted(self, name: str, form: dict[str, str]) -> dict[str, Any]:
        grant = form.get("grant_type", "")
        tenant = self.tenant(name, users=grant != _APPLICATIONS)
        match grant:
            case "client_credentials":
                return _body(self._grants.grant(form, tenant=tenant, audiences=self._audiences(tenant)))
            case "refresh_token":
                return self._refresh.grant(form, tenant)
            case "authorization_code":
                return self._codes.grant(form, tenant)
            case device.GRANT:
                return self._device.grant(form, tenant)
            case "":
                raise GrantRefused(aadsts.MISSING_PARAMETER, name="grant_type")
        raise GrantRefused(aadsts.UNSUPPORTED_GRANT, "the sandbox does not know it", name=grant)

    async def _device_code(self, request: web.Request) -> web.StreamResponse:
        form = {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
        fault = self._struck(form)
        if fault is not None and (taken := await self._obey(fault, request, form)) is not None:
            return taken
        name, address = request.match_info["tenant"], self.base_url + DEVICE_PAGE
        return self._answer(request, form, lambda: self._device.start(form, self.tenant(name, users=True), address))

    # The issuer of workloads' tokens

    async def _issuer(self, _: web.Request) -> web.Response:
        return web.json_response(self.workloads.configuration())

    async def _issuer_keys(self, _: web.Request) -> web.Response:
        return web.json_response(self.workloads.jwks())

    async def _workload_token(self, request: web.Request) -> web.Response:
        """As a cluster gives a workload its token: {"subject": ..., "audience": ...}."""
        body = await request.json()
        subject, audience = str(body.get("subject", "")), str(body.get("audience") or EXCHANGE_AUDIENCE)
        return web.json_response({"token": self.workloads.token(subject, audience)})

    def _audiences(self, tenant: Tenant) -> frozenset[str]:
        """What a client assertion may name: the token endpoint here or at its public host, by id or domain."""
        names = (tenant.tenant_id, *tenant.domains)
        bases = (self.base_url, _HOST)
        return frozenset(f"{base}/{name}{tail}" for base in bases for name in names for tail in _ENDPOINTS)

    def _struck(self, form: dict[str, str]) -> Fault | None:
        if not self._world.faults:
            return None
        facts = {"client_id": form.get("client_id", ""), "scope": form.get("scope", "")}
        return self._world.faults.strike("token", Point.REQUEST, facts)

    async def _obey(self, fault: Fault, request: web.Request, form: dict[str, str]) -> web.Response | None:
        if fault.action is Action.DELAY:
            await self._machine.sleep(fault.delay)
            return None
        self._record(request, form, fault.status, "", f"fault: {fault.action}")
        if fault.action is Action.DROP:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=fault.status)
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        return web.Response(status=fault.status, text=fault.body, content_type="application/json", headers=headers)

    # Answers

    def _answer(self, request: web.Request, form: dict[str, str], act: Callable[[], dict[str, Any]]) -> web.Response:
        trace_id = self._guid()
        correlation_id = request.headers.get("client-request-id") or self._guid()
        headers = {"x-ms-request-id": trace_id, "Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}
        if "client-request-id" in request.headers:
            headers["client-request-id"] = correlation_id
        error = cause = ""
        try:
            status, body = 200, act()
            self._sign_in(request, form, correlation_id, None)
        except GrantRefused as refused:
            status, error, cause = refused.kind.status, str(refused), refused.cause
            self._sign_in(request, form, correlation_id, refused)
            body = refused.body(now=self._world.clock.time(), trace_id=trace_id, correlation_id=correlation_id)
        self._record(request, form, status, error, cause)
        return web.json_response(body, status=status, headers=headers)

    def _sign_in(
        self, request: web.Request, form: dict[str, str], correlation_id: str, refused: GrantRefused | None
    ) -> None:
        """An application that Entra knows leaves its trace in the sign-in log, refused or not."""
        application = self._world.tenant.applications.get(form.get("client_id", "").lower())
        if application is None or form.get("grant_type") != _APPLICATIONS:
            return
        self._world.signins.application(
            at=self._world.clock.time(),
            application=application,
            certificate="client_assertion" in form,
            resource=form.get("scope", "").removesuffix("/.default").rstrip("/"),
            remote=request.remote or "",
            user_agent=request.headers.get("User-Agent", ""),
            error=0 if refused is None else refused.kind.number,
            reason="" if refused is None else refused.sentence,
            correlation_id=correlation_id,
        )

    async def _unknown(self, request: web.Request) -> web.Response:
        said = f"not implemented in the sandbox: {request.method} {request.path}"
        self._record(request, {}, 501, "", said)
        return web.json_response({"error": "not_implemented", "error_description": said}, status=501)

    def _record(self, request: web.Request, form: dict[str, str], status: int, error: str, cause: str) -> None:
        if not self._world.behaviour.record:
            return
        self._world.recorder.requests.append(
            Request(
                surface="token",
                at=self._world.clock.time(),
                remote=request.remote or "",
                method=request.method,
                path=request.path,
                form=shown(form),
                user_agent=request.headers.get("User-Agent", ""),
                status=status,
                error=error,
                cause=cause,
            )
        )

    def _guid(self) -> str:
        return str(UUID(int=self._world.random.getrandbits(128), version=4))


_APPLICATIONS = "client_credentials"
_ENDPOINTS = ("/oauth2/v2.0/token", "/v2.0", "/oauth2/token")


def _body(issued: Issued) -> dict[str, Any]:
    """V: client credentials flow; ext_expires_in UNV."""
    return {
        "token_type": "Bearer",
        "expires_in": issued.lifetime,
        "ext_expires_in": issued.lifetime,
        "access_token": issued.token,
    }
