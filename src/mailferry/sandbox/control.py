"""The control interface: JSON over HTTP on loopback, for tests, rehearsals and people with curl.

Leaves to others: the pages for people (inbox), the state itself (world, tenant). Invariant: what is not here is
answered 501 and says so; a request from another site's page, or by another host name, is refused.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mailferry.sandbox.faults import Fault
from mailferry.sandbox.graph_store import Draft
from mailferry.sandbox.inbox import Inbox
from mailferry.sandbox.mailbox import Folder, Message
from mailferry.sandbox.world import State, World

_MAX_BODY = 8 * 1024 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ClockChange(BaseModel):
    """Body of PUT /clock."""

    model_config = ConfigDict(extra="forbid")

    now: datetime | None = Field(default=None, description="ISO 8601; a date alone is its start in UTC.")
    running: bool | None = None


class Advance(BaseModel):
    """Body of POST /clock/advance."""

    model_config = ConfigDict(extra="forbid")

    seconds: float = 0.0
    minutes: float = 0.0
    hours: float = 0.0
    days: float = 0.0

    @property
    def total(self) -> float:
        return self.seconds + 60 * self.minutes + 3600 * self.hours + 86400 * self.days


class Seed(BaseModel):
    """Body of POST /seed."""

    model_config = ConfigDict(extra="forbid")

    seed: int


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    handler: Handler
    does: str


class Control:
    """The application behind the control listener; `endpoints` tells where everything listens."""

    def __init__(self, world: World, endpoints: Callable[[], dict[str, object]]) -> None:
        self._world = world
        self._endpoints = endpoints
        self._routes = (
            Route("GET", "/", self._index, "this list, and where everything listens"),
            Route("GET", "/schema", self._schema, "JSON schemas of the state and of a fault"),
            Route("GET", "/state", self._state, "tenant and behaviour"),
            Route("PUT", "/state", self._put_state, "replace tenant and behaviour"),
            Route("PATCH", "/state", self._patch_state, "change parts of it (JSON merge patch, RFC 7396)"),
            Route("GET", "/clock", self._clock, "the sandbox's time"),
            Route("PUT", "/clock", self._put_clock, '{"now": "2027-01-05", "running": false}'),
            Route("POST", "/clock/advance", self._advance, '{"hours": 1}: move the clock on'),
            Route("GET", "/faults", self._faults, "the armed faults, how often each matched and struck"),
            Route("POST", "/faults", self._add_fault, "arm a fault; answers its id"),
            Route("DELETE", "/faults", self._clear_faults, "disarm all"),
            Route("DELETE", "/faults/{id}", self._remove_fault, "disarm one"),
            Route("GET", "/messages", self._messages, "what arrived; ?box= &folder= &message_id= &after=id &limit="),
            Route("DELETE", "/messages", self._clear_messages, "empty all boxes"),
            Route("GET", "/messages/{id}", self._message, "one message with its envelope and trace headers"),
            Route("GET", "/messages/{id}/raw", self._raw, "its octets exactly as they were received"),
            Route("GET", "/drafts", self._drafts, "drafts made by Graph and not sent yet; ?box="),
            Route("GET", "/signins", self._signins, "the sign-in log, oldest first"),
            Route("GET", "/dialogues", self._dialogues, "recorded SMTP dialogues, oldest first"),
            Route("GET", "/requests", self._requests, "recorded HTTP requests to the service, oldest first"),
            Route("GET", "/counters", self._counters, "messages accepted, kept, dropped"),
            Route("POST", "/seed", self._reseed, '{"seed": 1}: start the draws anew'),
            Route(
                "POST",
                "/forget",
                self._forget,
                "drop mail, drafts, counters, sign-ins, faults and records; keep tenant and clock",
            ),
            Route("POST", "/reset", self._reset, "as at the start, but for the clock"),
        )

    def application(self) -> web.Application:
        app = web.Application(client_max_size=_MAX_BODY, middlewares=[_guard, _errors])
        for route in self._routes:
            app.router.add_route(route.method, route.path, route.handler)
        Inbox(self._world).add_to(app)
        app.router.add_route("*", "/{rest:.*}", self._unknown)
        return app

    async def _index(self, _: web.Request) -> web.Response:
        routes = [{"method": r.method, "path": r.path, "does": r.does} for r in self._routes]
        routes.append({"method": "GET", "path": "/inbox", "does": "the mailboxes as pages"})
        return _json({"sandbox": "mailferry", "endpoints": self._endpoints(), "routes": routes})

    async def _schema(self, _: web.Request) -> web.Response:
        return _json({"state": State.model_json_schema(), "fault": Fault.model_json_schema()})

    async def _state(self, _: web.Request) -> web.Response:
        return _json(self._world.state.model_dump(mode="json"))

    async def _put_state(self, request: web.Request) -> web.Response:
        self._world.replace(State.model_validate(await _body(request)))
        return await self._state(request)

    async def _patch_state(self, request: web.Request) -> web.Response:
        self._world.patch(await _body(request))
        return await self._state(request)

    async def _clock(self, _: web.Request) -> web.Response:
        clock = self._world.clock
        return _json({"now": clock.now().isoformat(), "running": clock.running})

    async def _put_clock(self, request: web.Request) -> web.Response:
        change = ClockChange.model_validate(await _body(request))
        self._world.clock.set(change.now or self._world.clock.now(), change.running)
        return await self._clock(request)

    async def _advance(self, request: web.Request) -> web.Response:
        self._world.clock.advance(Advance.model_validate(await _body(request)).total)
        return await self._clock(request)

    async def _faults(self, _: web.Request) -> web.Response:
        status = self._world.faults.status()
        return _json(
            [
                {"id": id, "matched": matched, "struck": struck, **fault.model_dump(mode="json")}
                for id, (fault, matched, struck) in status.items()
            ]
        )

    async def _add_fault(self, request: web.Request) -> web.Response:
        return _json({"id": self._world.faults.add(Fault.model_validate(await _body(request)))}, 201)

    async def _clear_faults(self, _: web.Request) -> web.Response:
        self._world.faults.clear()
        return web.Response(status=204)

    async def _remove_fault(self, request: web.Request) -> web.Response:
        if not self._world.faults.remove(request.match_info["id"]):
            return _json({"error": "no such fault"}, 404)
        return web.Response(status=204)

    async def _messages(self, request: web.Request) -> web.Response:
        query = request.query
        folder = Folder(query["folder"]) if "folder" in query else None
        found = self._world.store.find(box=query.get("box"), folder=folder, message_id=query.get("message_id"))
        after = query.get("after", "")
        chosen = [m for m in found if m.id > after][: int(query.get("limit", 1000))]
        return _json({"count": len(found), "messages": [_summary(m) for m in chosen]})

    async def _clear_messages(self, _: web.Request) -> web.Response:
        self._world.store.clear()
        return web.Response(status=204)

    async def _message(self, request: web.Request) -> web.Response:
        message = self._world.store.get(request.match_info["id"])
        if message is None:
            return _json({"error": "no such message"}, 404)
        text = message.raw.decode("utf-8", "replace")
        return _json({**_summary(message), "trace": list(message.trace), "text": text})

    async def _raw(self, request: web.Request) -> web.Response:
        message = self._world.store.get(request.match_info["id"])
        if message is None:
            return _json({"error": "no such message"}, 404)
        return web.Response(body=message.raw, content_type="application/octet-stream")

    async def _drafts(self, request: web.Request) -> web.Response:
        box = request.query.get("box", "").lower()
        return _json([_draft(draft) for draft in self._world.drafts if not box or draft.box == box])

    async def _signins(self, _: web.Request) -> web.Response:
        return _json([asdict(event) for event in self._world.signins])

    async def _dialogues(self, request: web.Request) -> web.Response:
        return _json([asdict(dialogue) for dialogue in self._world.recorder.dialogues])

    async def _requests(self, request: web.Request) -> web.Response:
        return _json([asdict(recorded) for recorded in self._world.recorder.requests])

    async def _counters(self, _: web.Request) -> web.Response:
        store = self._world.store
        counters = {
            "accepted": store.accepted,
            "kept": len(store),
            "dropped": store.dropped,
            "drafts": len(self._world.drafts),
            "signins": len(self._world.signins),
        }
        return _json(counters)

    async def _reseed(self, request: web.Request) -> web.Response:
        self._world.reseed(Seed.model_validate(await _body(request)).seed)
        return web.Response(status=204)

    async def _forget(self, _: web.Request) -> web.Response:
        self._world.forget()
        return web.Response(status=204)

    async def _reset(self, _: web.Request) -> web.Response:
        self._world.reset()
        return web.Response(status=204)

    async def _unknown(self, request: web.Request) -> web.Response:
        return _json({"error": f"not implemented in the sandbox: {request.method} {request.path}"}, 501)


def _summary(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "box": message.box,
        "folder": message.folder.value,
        "size": len(message.raw),
        **asdict(message.received),
    }


def _draft(draft: Draft) -> dict[str, Any]:
    return {
        "id": draft.id,
        "box": draft.box,
        "client_id": draft.client_id,
        "created": draft.created,
        "modified": draft.modified,
        "subject": draft.composed.subject,
        "recipients": [one.address for one in draft.composed.recipients],
        "message_id": draft.composed.message_id,
        "size": draft.size,
        "mime": draft.mime is not None,
        "attachments": [{"name": one.name, "size": len(one.content)} for one in draft.attachments],
    }


def _json(value: Any, status: int = 200) -> web.Response:
    return web.json_response(value, status=status, dumps=lambda v: json.dumps(v, ensure_ascii=False))


async def _body(request: web.Request) -> Any:
    return json.loads(await request.text() or "{}")


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What was wrong with the request, all of it at once."""
    try:
        return await handler(request)
    except ValidationError as error:
        problems = [{"at": ".".join(map(str, e["loc"])), "problem": e["msg"]} for e in error.errors()]
        return _json({"error": "not valid", "problems": problems}, 400)
    except ValueError as error:
        return _json({"error": f"not valid: {error}"}, 400)


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """No page of another site may drive the sandbox through a browser: neither by its Origin nor by DNS rebinding."""
    host = request.host.rsplit(":", 1)[0].strip("[]") if not request.host.endswith("]") else request.host.strip("[]")
    if host != "localhost" and not _is_address(host):
        return _json({"error": "use an address or localhost"}, 403)
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.host}":
        return _json({"error": "requests from other sites are refused"}, 403)
    return await handler(request)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
