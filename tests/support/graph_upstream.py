"""A scripted HTTP server on a real socket: what Microsoft Graph, and the network before it, may do to a transport.

Written by hand on bare streams, so that it can answer early, hang up in the middle and count octets. It decides by
operation: `answers["sendMail"]` holds what comes next; without an entry a request is taken as documented.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.routes.build import build_transport
from mailferry.routes.settings import RouteSettings
from support.transport_contract import PATIENT, Bench, FakeTokens, secret

DROP_AT_ONCE = "drop-at-once"  # when the head of the request is there
DROP_WITHIN = "drop-within"  # when half of the body is there
DROP_AFTER = "drop-after"  # when all of it is there
HOLD = "hold"  # take it and never answer
_REASONS = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 401: "Unauthorized", 403: "Forbidden"}


@dataclass(frozen=True)
class Asked:
    """One request that came whole."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def operation(self) -> str:
        return operation(self.method, self.path)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Says:
    """An answer. `early`: given before the body is read, and the connection closed."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    early: bool = False


def error(status: int, code: str, message: str = "Words of the service.", **headers: str) -> Says:
    inner = {"date": "2026-11-24T00:00:00", "request-id": "r-1", "client-request-id": "c-1"}
    body = {"error": {"code": code, "message": message, "innerError": inner}}
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return Says(status, json.dumps(body).encode(), {"Content-Type": "application/json"} | named)


def operation(method: str, path: str) -> str:
    last = path.split("?")[0].rstrip("/").rsplit("/", 1)[-1]
    if method == "PUT":
        return "upload"
    if method == "DELETE":
        return "deleteDraft"
    return {"messages": "createDraft", "attachments": "addAttachment"}.get(last, last)


@dataclass
class GraphUpstream:
    """The script and the memory."""

    tokens: set[str] = field(default_factory=lambda: {"good"})
    answers: dict[str, deque[Says | str]] = field(default_factory=lambda: defaultdict(deque))
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    keeps_lost: bool = False  # what is dropped when all of it is there was taken
    discard: bool = False  # keep the digest of large bodies in the place of the bodies
    digest: Any = field(default_factory=hashlib.sha256)
    port: int = 0
    upload_url: str = ""
    release: asyncio.Event = field(default_factory=asyncio.Event)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def mails(self) -> list[Asked]:
        return [one for one in self.asked if one.operation in ("sendMail", "send")]

    def name_of(self, method: str, path: str) -> str:
        return operation(method, path)

    def lets_in(self, headers: dict[str, str]) -> bool:
        return headers.get("authorization") in {f"Bearer {token}" for token in self.tokens}

    def says(self, name: str, *answers: Says | str) -> None:
        self.answers[name].extend(answers)

    def operations(self) -> list[str]:
        return [one.operation for one in self.asked]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.tasks.discard(task)
            self.writers.discard(writer)
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        start, *lines = head.rstrip("\r\n").split("\r\n")
        method, path, _ = start.split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        assert "transfer-encoding" not in headers, "the length is known"
        length = int(headers.get("content-length", "0"))
        planned = self.answers[self.name_of(method, path)]
        answer = planned.popleft() if planned else None
        if answer == DROP_AT_ONCE:
            return self._drop(writer)
        if isinstance(answer, Says) and answer.early:
            return self._say(writer, answer, closing=True)
        body = await self._read(reader, length // 2 if answer == DROP_WITHIN else length)
        if answer == DROP_WITHIN:
            return self._drop(writer)
        request = Asked(method, path, headers, body)
        if answer is None and method != "PUT" and not self.lets_in(headers):
            answer = error(401, "InvalidAuthenticationToken", "Access token has expired.")
        self.asked.append(request)
        if answer == DROP_AFTER:
            if self.keeps_lost:
                self._taken(request)
            return self._drop(writer)
        if answer == HOLD:
            await self.release.wait()
            return False
        assert not isinstance(answer, str)
        return self._say(writer, answer or self._taken(request))

    async def _read(self, reader: asyncio.StreamReader, length: int) -> bytes:
        if not self.discard or length < 1 << 16:
            return await reader.readexactly(length)
        while length:
            piece = await reader.read(min(length, 1 << 16))
            if not piece:
                raise ConnectionError
            self.digest.update(piece)
            length -= len(piece)
        return b""

    def _drop(self, writer: asyncio.StreamWriter) -> bool:
        transport = writer.transport
        transport.abort()
        return False

    def _say(self, writer: asyncio.StreamWriter, answer: Says, *, closing: bool = False) -> bool:
        headers = {"request-id": f"r-{len(self.asked)}", "Content-Length": str(len(answer.body))} | answer.headers
        if closing:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Said')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body)
        return not closing

    def _taken(self, request: Asked) -> Says:
        """As documented."""
        match request.operation:
            case "sendMail" | "send":
                return Says(202)
            case "createDraft":
                return Says(201, json.dumps({"id": "AAMk=", "isDraft": True}).encode())
            case "addAttachment":
                return Says(201, b'{"id":"a"}')
            case "createUploadSession":
                url = self.upload_url or f"http://127.0.0.1:{self.port}/upload/session?authtoken=x%3Dy"
                return Says(201, json.dumps({"uploadUrl": url, "nextExpectedRanges": ["0-"]}).encode())
            case "upload":
                span, _, total = request.headers["content-range"].removeprefix("bytes ").partition("/")
                return Says(201 if int(span.partition("-")[2]) + 1 == int(total) else 200)
            case "deleteDraft":
                return Says(204)
        return Says(404)


@asynccontextmanager
async def listening_graph(upstream: GraphUpstream, context: ssl.SSLContext | None = None) -> AsyncIterator[None]:
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, ssl=context, limit=1 << 20)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        upstream.release.set()
        server.close()
        for writer in list(upstream.writers):
            writer.close()
        await asyncio.gather(*upstream.tasks, return_exceptions=True)


@asynccontextmanager
async def graph_bench(
    *,
    source: FakeTokens | None = None,
    context: ssl.SSLContext | None = None,
    ca_file: Path | None = None,
    **changes: Any,
) -> AsyncIterator[Bench]:
    """A graph route to an upstream of its own. `bench.upstream` is the GraphUpstream."""
    upstream = GraphUpstream()
    tokens = source or FakeTokens("good")
    async with listening_graph(upstream, context):
        scheme = "https://localhost" if context is not None else "http://127.0.0.1"
        timeouts = PATIENT | changes.pop("timeouts", {})
        settings = {"name": "out", "type": "graph", "tenant": "contoso", "endpoint": f"{scheme}:{upstream.port}"}
        full = settings | {"timeouts": timeouts, "ca_file": ca_file} | changes
        log: list[tuple[str, str, dict[str, Any]]] = []
        transport = build_transport(
            RouteSettings.model_validate(full),
            hostname="gateway.example",
            cloud="worldwide",
            tokens=tokens,
            secret=secret,
            log=MailLog(lambda *entry: log.append(entry), Metrics()),
        )
        try:
            yield Bench(upstream, transport, tokens, log)  # type: ignore[arg-type]
        finally:
            await transport.close()
