"""Azure Communication Services by REST: emails:send and its operations, signed or with a token, limited, remembered.

Leaves to others: who calls (acs_access), the message (acs_mail), the suppression list (suppression). Invariants: a path
that is not here is answered 501 and says so; what was refused was not counted; nothing is sent by an operation that
fails, and an operation sends once.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from aiohttp import web

from mailferry.clock import Clock
from mailferry.sandbox import acs_refusals as refusals
from mailferry.sandbox import suppression
from mailferry.sandbox.acs_access import Caller, Signed, caller_of
from mailferry.sandbox.acs_mail import Asked, parse, render
from mailferry.sandbox.acs_operations import Operation
from mailferry.sandbox.acs_refusals import AcsRefused
from mailferry.sandbox.bearer import TokenChecker
from mailferry.sandbox.faults import Action, Fault, Point
from mailferry.sandbox.hosts import mail_date
from mailferry.sandbox.mailbox import Folder, Received
from mailferry.sandbox.recorder import Request
from mailferry.sandbox.service_settings import AcsBehaviour
from mailferry.sandbox.world import World

#: V: the folders of the specification.
_VERSIONS = frozenset({"2023-03-31", "2024-07-01-preview", "2025-01-15-preview", "2025-09-01"})
_HARD_CAP = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    value: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    cause: str = ""


#: What is done for a caller that may ask.
Act = Callable[[web.Request, Caller, bytes], Answer]


class AcsRest:
    """The application behind the listener. `base_url` is set once the port is known."""

    def __init__(self, world: World, checker: TokenChecker, machine: Clock) -> None:
        self._world = world
        self._checker = checker
        self._machine = machine
        self.base_url = "https://contoso-communication.communication.azure.com"

    def application(self) -> web.Application:
        app = web.Application(client_max_size=_HARD_CAP)
        app.router.add_route("POST", "/emails:send", self._handler("send", self._send))
        app.router.add_route("GET", "/emails/operations/{id}", self._handler("getStatus", self._status))
        app.router.add_route("*", "/{rest:.*}", self._handler("", None))
        return app

    @property
    def _behaviour(self) -> AcsBehaviour:
        return self._world.behaviour.acs

    # -- requests ----------------------------------------------------------------------------------------------------

    def _handler(self, operation: str, act: Act | None) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            try:
                answer = await self._guarded(request, operation, body, act)
            except AcsRefused as refused:
                headers = {"x-ms-error-code": refused.kind.code}
                if refused.retry_after is not None:
                    headers["Retry-After"] = str(refused.retry_after)
                answer = Answer(refused.kind.status, refused.body(), headers, cause=refused.cause)
            self._record(request, operation, body, answer)
            return _respond(request, answer)

        return handle

    async def _guarded(self, request: web.Request, operation: str, body: bytes, act: Act | None) -> Answer:
        """Who calls, then the faults around what is done."""
        if act is None:
            raise AcsRefused(refusals.NOT_IMPLEMENTED, what=f"{request.method} {request.path}")
        signed = Signed(request.method, request.raw_path, request.headers, body)
        facts = {"operation": operation, "method": request.method, "path": request.path, "remote": _remote(request)}
        before = self._world.faults.strike("acs-rest", Point.REQUEST, facts)
        if before is not None and (taken := await self._obey(before)) is not None:
            return taken
        caller = caller_of(self._world, self._checker, signed, self._machine.time())
        answer = act(request, caller, body)
        after = self._world.faults.strike("acs-rest", Point.RESPONSE, facts)
        if after is not None and (taken := await self._obey(after)) is not None:
            return taken
        return answer

    async def _obey(self, fault: Fault) -> Answer | None:
        if fault.action is Action.DELAY:
            await self._machine.sleep(fault.delay)
            return None
        if fault.action in (Action.DROP, Action.TAKE_AND_DROP):
            return Answer(0, cause=f"fault: {fault.action}")
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        return Answer(fault.status, raw=fault.body.encode(), headers=headers, cause="fault: reply")

    def _check_version(self, request: web.Request) -> None:
        version = request.query.get("api-version", "")
        if version not in _VERSIONS:
            raise AcsRefused(refusals.VERSION, version=version)

    # -- sending -----------------------------------------------------------------------------------------------------

    def _send(self, request: web.Request, caller: Caller, body: bytes) -> Answer:
        self._check_version(request)
        behaviour = self._behaviour
        if behaviour.size and len(body) > behaviour.size:
            raise AcsRefused(refusals.PAYLOAD)
        id = self._operation_id(request.headers.get("Operation-Id", ""))
        known = self._world.operations.get(id)
        if known is not None:
            if behaviour.known_operation == "conflict":
                raise AcsRefused(refusals.EXISTS, id=id)
            return self._accepted(known)
        asked = self._read(body)
        self._check_sender(asked.sender)
        if behaviour.recipients and len(asked.recipients) > behaviour.recipients:
            raise AcsRefused(refusals.RECIPIENTS, limit=str(behaviour.recipients))
        self._count("", (behaviour.messages_per_minute, behaviour.messages_per_hour))
        operation = Operation(id, behaviour.running_looks)
        left = tuple(path for path in asked.recipients if not suppression.is_suppressed(self._world, path))
        if left:
            self._deliver(request, caller, asked, left)
        else:
            operation.error = refusals.SUPPRESSED
        self._world.operations.add(operation)
        return self._accepted(operation)

    def _operation_id(self, given: str) -> str:
        """V: "If an ID is not provided by the customer, the service will generate one"."""
        if not given:
            return str(UUID(int=self._world.random.getrandbits(128), version=4))
        try:
            UUID(given)
        except ValueError as error:
            raise AcsRefused(refusals.OPERATION_ID) from error
        return given

    def _read(self, body: bytes) -> Asked:
        try:
            value = json.loads(body)
        except ValueError as error:
            raise AcsRefused(refusals.BODY, problem="The request body is not valid JSON.") from error
        return parse(value, any_type=self._behaviour.attachment_types == "any")

    def _check_sender(self, sender: str) -> None:
        resource = self._world.tenant.communication
        user, _, domain = sender.rpartition("@")
        if domain.lower() not in {name.lower() for name in resource.domains}:
            raise AcsRefused(refusals.DOMAIN, sender)
        if not resource.provisioned(sender):
            raise AcsRefused(refusals.SENDER, user=user)

    def _count(self, what: str, limits: tuple[int, int]) -> None:
        """The sending limits are the subscription's: what goes by SMTP counts in the same windows."""
        now, throttles = self._world.clock.time(), self._world.throttles
        spans = (("acs/minute", 60.0), ("acs/hour", 3600.0))
        windows = [throttles.window(f"{name}{what}", span) for name, span in spans]
        waits = [window.wait(now, limit) for window, limit in zip(windows, limits, strict=True) if limit]
        if any(waits):
            raise AcsRefused(refusals.TOO_MANY, retry_after=int(max(waits)) + 1)
        for window in windows:
            window.add(now, 1)

    def _accepted(self, operation: Operation) -> Answer:
        """V examples/SendEmail.json: Running, with the two header fields."""
        where = f"{self.base_url}/emails/operations/{operation.id}?api-version=2025-09-01"
        headers = {"Operation-Location": where, "retry-after": str(self._behaviour.retry_after)}
        return Answer(202, {"id": operation.id, "status": "Running"}, headers)

    def _deliver(self, request: web.Request, caller: Caller, asked: Asked, recipients: tuple[str, ...]) -> None:
        world, now = self._world, self._world.clock.time()
        front = world.hosts.front_end(now)
        made = f"<{world.hosts.queue_id(front)}@{front.backend_host}>"
        raw = render(asked, now=now, message_id=made)
        received = Received(
            surface="acs-rest",
            at=now,
            sender=asked.sender,
            recipients=recipients,
            user=caller.name,
            mechanism=caller.mechanism,
            client_id=caller.client_id,
            session=front.session,
            remote=_remote(request),
            tls="",
            queue_id=made.strip("<>").partition("@")[0],
            message_id=(asked.message_id or made).strip("<>"),
        )
        trace = (f"Received: by {front.backend_host} with HTTPS id 15.20.9999.1; {mail_date(now)}",)
        world.store.accepted += 1
        for path in recipients:
            box = world.tenant.mailbox(path)
            if box is None and world.tenant.is_internal(path):
                suppression.bounced(world, path)
                continue
            where, folder = (box.address, Folder.INBOX) if box is not None else (path, Folder.EXTERNAL)
            world.store.add(where, folder, received, trace, raw, keep=world.behaviour.keep_messages)

    # -- status ------------------------------------------------------------------------------------------------------

    def _status(self, request: web.Request, _caller: Caller, _body: bytes) -> Answer:
        self._check_version(request)
        behaviour = self._behaviour
        self._count("/status", (behaviour.status_per_minute, behaviour.status_per_hour))
        id = request.match_info["id"]
        operation = self._world.operations.get(id)
        if operation is None:
            raise AcsRefused(refusals.NOT_FOUND, id=id)
        status = operation.look()
        value: dict[str, Any] = {"id": operation.id, "status": status, "error": None}
        if status == "Running":
            return Answer(200, value, {"retry-after": str(behaviour.retry_after)})
        if status == "Failed" and operation.error is not None:
            value["error"] = {"code": operation.error[0], "message": operation.error[1]}
        return Answer(200, value)

    # -- records -----------------------------------------------------------------------------------------------------

    def _record(self, request: web.Request, operation: str, body: bytes, answer: Answer) -> None:
        if not self._world.behaviour.record:
            return
        error = str(answer.value["error"]["code"]) if answer.status >= 400 and answer.value else ""
        self._world.recorder.requests.append(
            Request(
                surface="acs-rest",
                at=self._world.clock.time(),
                remote=request.remote or "",
                method=request.method,
                path=request.path,
                form={"operation": operation, "octets": str(len(body)), **request.query},
                user_agent=request.headers.get("User-Agent", ""),
                status=answer.status,
                error=error,
                cause=answer.cause,
            )
        )


def _respond(request: web.Request, answer: Answer) -> web.StreamResponse:
    if answer.status == 0:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)
    if answer.raw is not None:
        return web.Response(
            status=answer.status, body=answer.raw, headers=answer.headers, content_type="application/json"
        )
    text = json.dumps(answer.value, ensure_ascii=False)
    return web.Response(status=answer.status, text=text, content_type="application/json", headers=answer.headers)


def _remote(request: web.Request) -> str:
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return f"{peer[0]}:{peer[1]}" if peer else request.remote or ""
