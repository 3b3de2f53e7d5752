"""The token services of managed identities: the Instance Metadata Service of a virtual machine, and App Service's.

Leaves to others: the tokens (signer). Invariant: both answer only who shows the header that a forged request cannot
carry (V), and give tokens of the applications that are managed identities, of no others.
V: entra-docs how-to-use-vm-token.md, ms.date 2025-02-27; azure-docs app-service/overview-managed-identity.md.
"""

from __future__ import annotations

import hmac
from typing import Any
from uuid import UUID

from aiohttp import web

from mailferry.clock import Clock
from mailferry.sandbox import aadsts
from mailferry.sandbox.aadsts import GrantRefused
from mailferry.sandbox.faults import Action, Point
from mailferry.sandbox.grants import EXCHANGE, GRAPH, RESOURCES
from mailferry.sandbox.recorder import Request, shown
from mailferry.sandbox.signer import Issued, Signer
from mailferry.sandbox.tenant import Application
from mailferry.sandbox.world import World

#: O (azure-sdk issues): what App Service says of an identity that it has not.
_NOT_ASSIGNED = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
_MANY = "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity."


class _Refused(Exception):
    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(error)
        self.status, self.error, self.description = status, error, description


class ManagedIdentities:
    """The application behind the HTTP listener that stands for 169.254.169.254 and IDENTITY_ENDPOINT."""

    def __init__(self, world: World, signer: Signer, machine: Clock) -> None:
        self._world = world
        self._signer = signer
        self._machine = machine

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._any)
        return app

    async def _any(self, request: web.Request) -> web.Response:
        """The paths are settings of the behaviour, so they are looked at with each request."""
        behaviour = self._world.behaviour.entra
        if request.method == "GET" and request.path == behaviour.imds_path:
            return await self._answer(request, self._imds, _imds_error)
        if request.method == "GET" and request.path == behaviour.app_service_path:
            return await self._answer(request, self._app_service, self._app_service_error)
        said = f"not implemented in the sandbox: {request.method} {request.path}"
        self._record(request, 501, "", said)
        return web.json_response({"error": "not_implemented", "error_description": said}, status=501)

    async def _answer(self, request: web.Request, act: Any, tell: Any) -> web.Response:
        if (struck := await self._struck(request)) is not None:
            return struck
        try:
            body = act(request)
        except _Refused as refused:
            self._record(request, refused.status, refused.error, refused.description)
            return web.json_response(tell(refused), status=refused.status)
        self._record(request, 200, "", "")
        return web.json_response(body)

    # The two forms

    def _imds(self, request: web.Request) -> dict[str, Any]:
        if request.headers.get("Metadata") != "true":
            raise _Refused(400, "bad_request_102", "Required metadata header not specified")
        if "X-Forwarded-For" in request.headers:  # V: a proxied request is refused; words UNV
            raise _Refused(400, "invalid_request", "X-Forwarded-For is not allowed")
        self._version(request)
        names = {"client_id": "client_id", "object_id": "object_id", "msi_res_id": "resource", "mi_res_id": "resource"}
        found = self._identity(request, names, "Identity not found")
        issued, resource, now = self._issue(request, found)
        return {
            "access_token": issued.token,
            "client_id": found.client_id,
            "expires_in": str(issued.lifetime),
            "expires_on": str(now + issued.lifetime),
            "ext_expires_in": str(issued.lifetime),
            "not_before": str(now - 300),
            "resource": resource,
            "token_type": "Bearer",
        }

    def _app_service(self, request: web.Request) -> dict[str, Any]:
        expected = self._world.behaviour.entra.app_service_header
        given = request.headers.get("X-IDENTITY-HEADER", "")
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise _Refused(401, "Unauthorized", "The X-IDENTITY-HEADER is missing or wrong")  # UNV
        self._version(request)
        names = {
            "client_id": "client_id",
            "principal_id": "object_id",
            "object_id": "object_id",
            "mi_res_id": "resource",
        }
        found = self._identity(request, names, _NOT_ASSIGNED)
        issued, resource, now = self._issue(request, found)
        return {
            "access_token": issued.token,
            "expires_on": str(now + issued.lifetime),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": found.client_id,
        }

    def _app_service_error(self, refused: _Refused) -> dict[str, Any]:
        """O: statusCode, message, correlationId."""
        correlation = str(UUID(int=self._world.random.getrandbits(128), version=4))
        return {"statusCode": refused.status, "message": refused.description, "correlationId": correlation}

    # What both do

    def _version(self, request: web.Request) -> None:
        if not request.query.get("api-version"):
            raise _Refused(400, "invalid_request", "api-version was not specified")
        if not request.query.get("resource"):
            raise _Refused(400, "invalid_request", "Required query variable 'resource' is missing")

    def _identity(self, request: web.Request, names: dict[str, str], unknown: str) -> Application:
        """The one that is named; else the system-assigned one, else the only one (O)."""
        managed = [one for one in self._world.tenant.applications.values() if one.managed is not None and one.enabled]
        named = [(names[key], value.lower()) for key, value in request.query.items() if key in names]
        if len(named) > 1:
            raise _Refused(400, "invalid_request", "Only one of the identity's ids may be given")
        if named:
            found = [one for one in managed if _ids(one)[named[0][0]] == named[0][1]]
        else:
            found = [one for one in managed if one.managed is not None and one.managed.system_assigned] or managed
        if len(found) > 1:
            raise _Refused(400, "invalid_request", _MANY)
        if not found:
            raise _Refused(400, "invalid_request", unknown)
        return found[0]

    def _issue(self, request: web.Request, identity: Application) -> tuple[Issued, str, int]:
        """A token, the resource as it was written, and the machine's time, by which clients count."""
        resource = request.query["resource"]
        name, tenant = resource.rstrip("/"), self._world.tenant
        if name not in RESOURCES:
            refused = GrantRefused(aadsts.RESOURCE_NOT_FOUND, resource=resource, tenant=tenant.name)
            raise _Refused(400, "invalid_resource", f"{refused}: {refused.sentence}")
        roles = identity.app_roles if name in EXCHANGE else identity.graph_roles if name in GRAPH else ()
        issued = self._signer.issue(
            application=identity,
            tenant_id=tenant.tenant_id,
            audience=resource,
            roles=roles,
            by="2",
            now=self._world.clock.time(),
        )
        return issued, resource, int(self._machine.time())

    async def _struck(self, request: web.Request) -> web.Response | None:
        query = request.query
        facts = {"client_id": query.get("client_id", ""), "scope": query.get("resource", "")}
        fault = self._world.faults.strike("imds", Point.REQUEST, facts) if self._world.faults else None
        if fault is None:
            return None
        if fault.action is Action.DELAY:
            await self._machine.sleep(fault.delay)
            return None
        self._record(request, fault.status, "", f"fault: {fault.action}")
        if fault.action is Action.DROP and request.transport is not None:
            request.transport.abort()
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        return web.Response(status=fault.status, text=fault.body, content_type="application/json", headers=headers)

    def _record(self, request: web.Request, status: int, error: str, cause: str) -> None:
        if not self._world.behaviour.record:
            return
        self._world.recorder.requests.append(
            Request(
                surface="imds",
                at=self._world.clock.time(),
                remote=request.remote or "",
                method=request.method,
                path=request.path,
                form=shown(dict(request.query)),
                user_agent=request.headers.get("User-Agent", ""),
                status=status,
                error=error,
                cause=cause,
            )
        )


def _imds_error(refused: _Refused) -> dict[str, Any]:
    return {"error": refused.error, "error_description": refused.description}


def _ids(one: Application) -> dict[str, str]:
    resource = one.managed.resource_id if one.managed is not None else ""
    return {
        "client_id": one.client_id.lower(),
        "object_id": one.service_principal.lower(),
        "resource": resource.lower(),
    }
