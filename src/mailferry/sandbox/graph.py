"""Microsoft Graph over HTTPS: tokens, throttling, faults and records around the documented requests.

Leaves to others: what a request does (graph_send, graph_drafts, graph_upload, graph_read, graph_signins). Invariant: a
path or option that is not here is answered 501 and says so; every answer carries request-id.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from aiohttp import web

from mailferry.clock import Clock
from mailferry.sandbox import graph_errors as errors
from mailferry.sandbox.bearer import Bearer, TokenChecker
from mailferry.sandbox.faults import Action, Fault, Point
from mailferry.sandbox.graph_access import bearer_of, mailbox_named
from mailferry.sandbox.graph_call import Answer, Call, Operation
from mailferry.sandbox.graph_drafts import Drafting
from mailferry.sandbox.graph_errors import GraphRefused, not_implemented
from mailferry.sandbox.graph_read import Reading
from mailferry.sandbox.graph_send import Sending
from mailferry.sandbox.graph_signins import SignInLog
from mailferry.sandbox.graph_submit import Submitter
from mailferry.sandbox.graph_trace import NAME as TRACES
from mailferry.sandbox.graph_trace import Tracing
from mailferry.sandbox.graph_upload import Uploading
from mailferry.sandbox.recorder import Request
from mailferry.sandbox.tenant import Mailbox
from mailferry.sandbox.world import World

_HARD_CAP = 256 * 1024 * 1024
_REPORTS = "listSignIns"
#: Operations that are about no mailbox.
_NO_MAILBOX = frozenset({_REPORTS, TRACES})


@dataclass(frozen=True, slots=True)
class _Inbound:
    """What came in, before anything is judged."""

    request: web.Request
    operation: str
    body: bytes
    too_large: bool
    request_id: str


class Graph:
    """The application behind the Graph listener. `base_url` is set once the port is known."""

    def __init__(self, world: World, checker: TokenChecker, machine: Clock) -> None:
        self._world = world
        self._checker = checker
        self._machine = machine
        self._serial = itertools.count(1)
        self._submitter = Submitter(world)
        drafting = Drafting(world)
        self._uploading = Uploading(world, drafting)
        traces = Tracing(world.traces, world.clock.time, lambda: world.behaviour.trace_delay)
        parts = (Sending(world, self._submitter), drafting, self._uploading, Reading(world), SignInLog(world), traces)
        self._operations = tuple(operation for part in parts for operation in part.operations())
        self.base_url = "https://graph.microsoft.com"

    def application(self) -> web.Application:
        app = web.Application(client_max_size=_HARD_CAP)
        for operation in self._operations:
            app.router.add_route(operation.method, operation.path, self._handler(operation))
        app.router.add_route("PUT", "/api/v2.0/{rest:.*}", self._upload)
        app.router.add_route("DELETE", "/api/v2.0/{rest:.*}", self._upload)
        app.router.add_route("*", "/{version:v1.0|beta}/me{rest:(/.*)?}", self._me)
        app.router.add_route("*", "/{rest:.*}", self._unknown)
        app.on_cleanup.append(self._stop)
        return app

    async def _stop(self, _: web.Application) -> None:
        await self._submitter.stop()

    # The kinds of requests

    def _handler(self, operation: Operation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            inbound = await self._inbound(request, operation.name)
            return await self._answer(inbound, lambda: self._operate(inbound, operation))

        return handle

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        inbound = await self._inbound(request, "upload" if request.method == "PUT" else "cancelUpload")
        return await self._answer(inbound, lambda: self._send_up(inbound))

    async def _me(self, request: web.Request) -> web.StreamResponse:
        """The sandbox issues tokens to applications only."""
        return await self._refuse(request, lambda: GraphRefused(errors.ME_NEEDS_USER))

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        return await self._refuse(request, lambda: not_implemented(f"{request.method} {request.path}"))

    async def _refuse(self, request: web.Request, refusal: Callable[[], GraphRefused]) -> web.StreamResponse:
        inbound = await self._inbound(request, "")

        async def refuse() -> Answer:
            raise refusal()

        return await self._answer(inbound, refuse)

    # What is common to them

    async def _inbound(self, request: web.Request, operation: str) -> _Inbound:
        """Read the body to its end, so that a refusal is heard; over the limit it is dropped as it comes."""
        limit, parts, size = self._world.behaviour.graph_request_size, [], 0
        upload = operation == "upload"  # an upload has its own limit, in graph_upload
        async for part in request.content.iter_any():
            size += len(part)
            if size <= _HARD_CAP and (upload or not limit or size <= limit):
                parts.append(part)
        too_large = size > _HARD_CAP or (not upload and bool(limit) and size > limit)
        body = b"" if too_large else b"".join(parts)
        id = str(uuid5(NAMESPACE_URL, f"{self.base_url}/request/{next(self._serial)}"))
        return _Inbound(request, operation, body, too_large, id)

    async def _operate(self, inbound: _Inbound, operation: Operation) -> Answer:
        request, world = inbound.request, self._world
        user = request.match_info.get("user", "")
        bearer = bearer_of(world, self._checker, request.headers.get("Authorization"))
        mailbox = mailbox_named(world.tenant, world.behaviour, user)
        owner = mailbox.address.lower() if mailbox else user.lower()
        if inbound.operation in _NO_MAILBOX:
            if inbound.operation == _REPORTS:
                self._check_reports(bearer)
            return await self._guarded(
                inbound, bearer.app_id, owner, lambda: self._act(inbound, operation, bearer, None)
            )
        return await self._throttled(
            inbound, bearer.app_id, owner, lambda: self._act(inbound, operation, bearer, mailbox)
        )

    async def _act(self, inbound: _Inbound, operation: Operation, bearer: Bearer, mailbox: Mailbox | None) -> Answer:
        if inbound.too_large:
            raise GraphRefused(errors.REQUEST_TOO_LARGE)
        return await operation.act(self._call(inbound, bearer, mailbox))

    async def _send_up(self, inbound: _Inbound) -> Answer:
        request = inbound.request
        url = f"{self.base_url}{request.path}"
        upload = self._uploading.find(request.path, request.query, request.headers, url)

        async def act() -> Answer:
            if inbound.operation == "cancelUpload":
                return self._uploading.cancel(upload)
            return self._uploading.put(upload, request.headers, inbound.body, self.base_url)

        return await self._throttled(inbound, upload.client_id, upload.box, act)

    def _call(self, inbound: _Inbound, bearer: Bearer, mailbox: Mailbox | None) -> Call:
        request = inbound.request
        return Call(
            world=self._world,
            operation=inbound.operation,
            bearer=bearer,
            user=request.match_info.get("user", ""),
            mailbox=mailbox,
            path=request.match_info,
            query=request.query,
            headers=request.headers,
            url=f"{self.base_url}{request.path}",
            base_url=self.base_url,
            remote=_remote(request),
            tls=_tls(request),
            request_id=inbound.request_id,
            body=inbound.body,
        )

    # Throttling and faults

    def _check_reports(self, bearer: Bearer) -> None:
        world = self._world
        wait = world.graph_throttles.report(bearer.app_id, world.clock.time(), world.behaviour.graph_reports)
        if wait:
            raise GraphRefused(errors.TOO_MANY_REQUESTS, "over the rate of reports", retry_after=wait)

    async def _throttled(
        self, inbound: _Inbound, app: str, mailbox: str, act: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        throttles, behaviour, now = self._world.graph_throttles, self._world.behaviour, self._world.clock.time()
        if wait := throttles.request(app, mailbox, now, behaviour.graph_requests):
            raise GraphRefused(errors.TOO_MANY_REQUESTS, "over the request rate", retry_after=wait)
        if not throttles.enter(app, mailbox, behaviour):
            raise GraphRefused(errors.CONCURRENCY, retry_after=behaviour.graph_retry_after)
        try:
            if inbound.request.method in ("POST", "PATCH", "PUT"):
                wait = throttles.upload(app, mailbox, now, len(inbound.body), behaviour.graph_upload)
                if wait:
                    raise GraphRefused(errors.TOO_MANY_REQUESTS, "over the upload volume", retry_after=wait)
            return await self._guarded(inbound, app, mailbox, act)
        finally:
            throttles.leave(app, mailbox)

    async def _guarded(self, inbound: _Inbound, app: str, mailbox: str, act: Callable[[], Awaitable[Answer]]) -> Answer:
        """The faults around what is done."""
        request = inbound.request
        facts = {
            "user": mailbox,
            "client_id": app,
            "operation": inbound.operation,
            "method": request.method,
            "path": request.path,
            "remote": _remote(request),
        }
        before = self._world.faults.strike("graph", Point.REQUEST, facts)
        if before is not None and (taken := await self._obey(before)) is not None:
            return taken
        answer = await act()
        after = self._world.faults.strike("graph", Point.RESPONSE, facts)
        if after is not None and (taken := await self._obey(after)) is not None:
            return replace(taken, cause=f"{taken.cause} after it was done")
        return answer

    async def _obey(self, fault: Fault) -> Answer | None:
        cause = f"fault: {fault.action}"
        if fault.action is Action.DELAY:
            await self._machine.sleep(fault.delay)
            return None
        if fault.action in (Action.DROP, Action.TAKE_AND_DROP):
            return Answer(status=0, cause=cause)
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        return Answer(fault.status, raw=fault.body.encode(), headers=headers, cause=cause)

    # Answers

    async def _answer(self, inbound: _Inbound, act: Callable[[], Awaitable[Answer]]) -> web.StreamResponse:
        request, error = inbound.request, ""
        client_id = request.headers.get("client-request-id", inbound.request_id)
        try:
            answer = await act()
        except GraphRefused as refused:
            error = refused.kind.code
            answer = self._refusal(refused, inbound.request_id, client_id)
        self._record(inbound, answer, error)
        if answer.status == 0:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        headers = {"request-id": inbound.request_id, "client-request-id": client_id, **answer.headers}
        if answer.raw is not None:
            return web.Response(
                status=answer.status, body=answer.raw, headers={"Content-Type": answer.content_type, **headers}
            )
        if answer.value is None:
            return web.Response(status=answer.status, headers=headers)
        text = json.dumps(answer.value, ensure_ascii=False)
        return web.Response(status=answer.status, text=text, content_type="application/json", headers=headers)

    def _refusal(self, refused: GraphRefused, request_id: str, client_id: str) -> Answer:
        headers = {}
        if refused.kind.status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="", authorization_uri="https://login.microsoftonline.com"'
        if refused.retry_after is not None:
            headers["Retry-After"] = f"{refused.retry_after:g}"
        now = self._world.clock.time()
        body = refused.body(now=now, request_id=request_id, client_request_id=client_id)
        return Answer(refused.kind.status, body, headers=headers, cause=refused.cause)

    def _record(self, inbound: _Inbound, answer: Answer, error: str) -> None:
        if not self._world.behaviour.record:
            return
        request = inbound.request
        shown: dict[str, Any] = {key: value for key, value in request.query.items() if key != "authtoken"}
        form = {"operation": inbound.operation, "octets": str(len(inbound.body)), **shown}
        self._world.recorder.requests.append(
            Request(
                surface="graph",
                at=self._world.clock.time(),
                remote=request.remote or "",
                method=request.method,
                path=request.path,
                form=form,
                user_agent=request.headers.get("User-Agent", ""),
                status=answer.status,
                error=error,
                cause=answer.cause,
            )
        )


def _remote(request: web.Request) -> str:
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return f"{peer[0]}:{peer[1]}" if peer else request.remote or ""


def _tls(request: web.Request) -> str:
    tls = request.transport.get_extra_info("ssl_object") if request.transport is not None else None
    return str(tls.version() or "") if tls is not None else ""
