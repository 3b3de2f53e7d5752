"""A plain HTTP client for the sandbox's Microsoft Graph, with tokens signed by the sandbox's own key."""

from __future__ import annotations

import base64
import io
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from mailferry.sandbox.organisation import SECRET_CLIENT_ID
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.signer import Signer

SCANNER, IT, ANNA = "scanner@contoso.example", "it@contoso.example", "anna@contoso.example"
OUTSIDE = "eve@fabrikam.example"
MIME = (
    b"From: scanner@contoso.example\r\nTo: anna@contoso.example\r\nSubject: Scan\r\n"
    b"Message-ID: <scan-1@scanner>\r\nDate: Tue, 24 Nov 2026 00:00:00 +0000\r\n\r\nHello =\r\n.\r\n"
)


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer, read to its end."""

    status: int
    headers: Any
    body: bytes
    json: Any

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])

    @property
    def said(self) -> str:
        return str(self.json["error"]["message"])


def graph_token(box: Sandbox, client_id: str = SECRET_CLIENT_ID, **changes: Any) -> str:
    application = box.tenant.applications[client_id]
    given: dict[str, Any] = {
        "application": application,
        "tenant_id": box.tenant.tenant_id,
        "audience": "https://graph.microsoft.com",
        "roles": application.graph_roles,
        "by": "1",
        "now": box.clock.time(),
        **changes,
    }
    return Signer(box.keys.signing_key, box.world.random).issue(**given).token


class GraphClient:
    def __init__(self, box: Sandbox, http: aiohttp.ClientSession) -> None:
        self.box = box
        self.http = http
        self.token = graph_token(box)

    def as_application(self, client_id: str, **changes: Any) -> GraphClient:
        other = GraphClient(self.box, self.http)
        other.token = graph_token(self.box, client_id, **changes)
        return other

    async def ask(self, method: str, path: str, *, authorization: str | None = None, **options: Any) -> Heard:
        url = path if path.startswith("https://") else f"{self.box.graph_url}/v1.0{path}"
        bearer = f"Bearer {self.token}" if authorization is None else authorization
        headers = {"Authorization": bearer, **options.pop("headers", {})}
        headers = {name: value for name, value in headers.items() if value}
        async with self.http.request(method, url, headers=headers, **options) as answer:
            body = await answer.read()
            json = await answer.json() if answer.content_type == "application/json" and body else None
            return Heard(answer.status, answer.headers, body, json)

    async def get(self, path: str, **options: Any) -> Heard:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, json: Any = None, **options: Any) -> Heard:
        return await self.ask("POST", path, json=json, **options)

    async def mime(self, raw: bytes = MIME, user: str = SCANNER, path: str = "sendMail") -> Heard:
        return await self.ask(
            "POST",
            f"/users/{user}/{path}",
            data=io.BytesIO(base64.b64encode(raw)),
            headers={"Content-Type": "text/plain"},
        )

    async def send(self, message: Any = None, user: str = SCANNER, **parameters: Any) -> Heard:
        message = message if message is not None else simple()
        return await self.post(f"/users/{user}/sendMail", {"message": message, **parameters})

    async def draft(self, message: Any = None, user: str = SCANNER) -> str:
        heard = await self.post(f"/users/{user}/messages", message if message is not None else simple())
        assert heard.status == 201, heard.body
        return f"/users/{user}/messages/{heard.json['id']}"


def simple(*to: str, **properties: Any) -> dict[str, Any]:
    return {
        "subject": "Scan",
        "body": {"contentType": "Text", "content": "Hello"},
        "toRecipients": listed(*(to or (ANNA,))),
        **properties,
    }


def listed(*addresses: str) -> list[dict[str, Any]]:
    return [{"emailAddress": {"address": address}} for address in addresses]


@asynccontextmanager
async def graph_client(box: Sandbox) -> AsyncIterator[GraphClient]:
    context = ssl.create_default_context(cafile=str(box.ca_file))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
        yield GraphClient(box, http)
