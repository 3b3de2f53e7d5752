"""A scripted HTTP server on a real socket: what Azure Communication Services by REST, and the way to it, may do.

`answers["send"]` and `answers["status"]` hold what comes next; without an entry a request is taken as documented.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.routes.build import build_transport
from mailferry.routes.settings import RouteSettings
from support.graph_upstream import Asked, GraphUpstream, Says, listening_graph
from support.transport_contract import PATIENT, Bench, FakeTokens, secret

#: base64 of "the access key of these tests".
KEY = "dGhlIGFjY2VzcyBrZXkgb2YgdGhlc2UgdGVzdHM="


class QuickClock:
    """Time that passes only while somebody sleeps, and then at once."""

    def __init__(self, start: float = 1.7e9) -> None:
        self.now = start
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def refuses(status: int, code: str, message: str = "Words of the service.", **headers: str) -> Says:
    body = {"error": {"code": code, "message": message, "target": None, "details": None, "innererror": None}}
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return Says(status, json.dumps(body).encode(), {"Content-Type": "application/json"} | named)


def tells(status: str, code: str = "", message: str = "", **headers: str) -> Says:
    """An answer to a question for the state of an operation."""
    error = {"code": code, "message": message} if code else None
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = json.dumps({"id": "8540c0de-899f-5cce-acb5-3ec493af3800", "status": status, "error": error})
    return Says(200, body.encode(), {"Content-Type": "application/json"} | named)


@dataclass
class AcsUpstream(GraphUpstream):
    """Operations by id; each has Succeeded once it is asked for."""

    known: list[str] = field(default_factory=list)

    @property
    def sent(self) -> list[Asked]:
        return [one for one in self.asked if one.method == "POST"]

    @property
    def looks(self) -> list[str]:
        """The operations whose state was asked for."""
        return [one.path.split("?")[0].rsplit("/", 1)[-1] for one in self.asked if one.method == "GET"]

    @property
    def mail(self) -> Any:
        """The one request that sends."""
        (one,) = self.sent
        return one.json

    def name_of(self, method: str, path: str) -> str:
        return "send" if method == "POST" else "status"

    def lets_in(self, headers: dict[str, str]) -> bool:
        return super().lets_in(headers) or headers.get("authorization", "").startswith("HMAC-SHA256 ")

    def _taken(self, request: Asked) -> Says:
        if not request.path.endswith("?api-version=2025-09-01"):
            return refuses(400, "UnsupportedApiVersionValue")
        if request.method == "POST":
            id = request.headers["operation-id"]
            if id in self.known:
                return refuses(409, "Conflict")
            self.known.append(id)
            body = json.dumps({"id": id, "status": "Running"}).encode()
            return Says(202, body, {"Content-Type": "application/json", "retry-after": "0"})
        if self.looks[-1] not in self.known:
            return refuses(404, "OperationNotFound")
        return tells("Succeeded")


@asynccontextmanager
async def acs_rest_bench(
    *,
    source: FakeTokens | None = None,
    context: ssl.SSLContext | None = None,
    ca_file: Path | None = None,
    clock: QuickClock | None = None,
    upstream: AcsUpstream | None = None,
    **changes: Any,
) -> AsyncIterator[Bench]:
    """An acs-rest route with a key, or with a token where `source` is given. `bench.upstream` is the AcsUpstream."""
    there = upstream or AcsUpstream()
    async with listening_graph(there, context):
        scheme = "https://localhost" if context is not None else "http://127.0.0.1"
        access = {"tenant": "contoso"} if source is not None else {"access_key": {"env": KEY}}
        settings = {"name": "out", "type": "acs-rest", "endpoint": f"{scheme}:{there.port}"} | access
        full = settings | {"timeouts": PATIENT | changes.pop("timeouts", {}), "ca_file": ca_file} | changes
        log: list[tuple[str, str, dict[str, Any]]] = []
        tokens = source or FakeTokens("good")
        transport = build_transport(
            RouteSettings.model_validate(full),
            hostname="gateway.example",
            cloud="worldwide",
            tokens=tokens,
            secret=secret,
            log=MailLog(lambda *entry: log.append(entry), Metrics()),
            clock=clock or QuickClock(),
        )
        try:
            yield Bench(there, transport, tokens, log)  # type: ignore[arg-type]
        finally:
            await transport.close()
