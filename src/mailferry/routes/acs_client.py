"""Requests to Azure Communication Services through its official client (acs_sdk).

Leaves to others: what to send (acs_json), what an answer means (acs_errors), when to ask again (acs_rest).
Invariants: one call is one request, but for the one that follows a renewed token; a request that may have arrived is
never told as one that did not.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mailferry.routes.acs_access import Access, TokenAccess
from mailferry.routes.acs_errors import Answer
from mailferry.routes.graph_http import retry_after
from mailferry.routes.settings import TimeoutSettings

if TYPE_CHECKING:  # half a second of imports, on first use
    from aiohttp import ClientSession
    from azure.communication.email.aio import EmailClient
    from azure.core.exceptions import AzureError


#: The stable version, which azure-communication-email 1.1.0 speaks.
VERSION = "2025-09-01"


class Lost(Exception):
    """No answer. `sent`: the request may have arrived; `tls`: the connection could not be trusted."""

    def __init__(self, text: str, *, sent: bool, tls: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.sent = sent
        self.tls = tls


class Client:
    """One resource; connections are kept between requests."""

    __slots__ = ("_access", "_closed", "_context", "_endpoint", "_idle", "_sdk", "_session", "_timeouts")

    def __init__(
        self, endpoint: str, access: Access, context: ssl.SSLContext | None, timeouts: TimeoutSettings, idle: float
    ) -> None:
        self._endpoint = endpoint
        self._access = access
        self._context = context
        self._timeouts = timeouts
        self._idle = idle
        self._session: ClientSession | None = None
        self._sdk: EmailClient | None = None
        self._closed = False

    async def send(self, message: dict[str, Any], operation: str) -> Answer:
        """Ask to send `message` as the operation of that id. Raises Lost, TokenError and ImportError."""
        from azure.core.polling import AsyncLROPoller

        async def once(sdk: EmailClient) -> Answer:
            poller: AsyncLROPoller[Any] = await sdk.begin_send(
                message, operation_id=operation, polling=False, cls=lambda pipeline, *_: pipeline, **self._options()
            )
            return _answer((await poller.result()).http_response)

        return await self._twice(once)

    async def status(self, operation: str) -> Answer:
        """The state of an operation. Raises as send does."""
        from azure.core.rest import HttpRequest

        url = f"{{endpoint}}/emails/operations/{operation}"

        async def once(sdk: EmailClient) -> Answer:
            request = HttpRequest("GET", url, params={"api-version": sdk._config.api_version})
            return _answer(await sdk.send_request(request, **self._options()))

        return await self._twice(once)

    async def close(self) -> None:
        self._closed = True
        if self._sdk is not None:
            await self._sdk.close()
            self._sdk = None
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _twice(self, once: Callable[[EmailClient], Awaitable[Answer]]) -> Answer:
        answer = await self._guarded(once)
        if answer.status == 401 and await self._access.renewed():
            return await self._guarded(once)
        return answer

    async def _guarded(self, once: Callable[[EmailClient], Awaitable[Answer]]) -> Answer:
        from azure.core.exceptions import AzureError, HttpResponseError

        if self._closed:
            raise Lost("The route is being closed", sent=False)
        sdk = self._open()
        await self._access.ready()
        try:
            async with asyncio.timeout(self._timeouts.connect * 2 + self._timeouts.end):
                return await once(sdk)
        except HttpResponseError as error:
            if error.response is None:
                raise Lost(f"The request was sent, but no answer came: {_reason(error)}", sent=True) from error
            return _answer(error.response)
        except AzureError as error:
            raise _lost(error) from error
        except (OSError, TimeoutError) as error:
            raise Lost(f"The request was sent, but no answer came: {_reason(error)}", sent=True) from error

    def _options(self) -> dict[str, Any]:
        """A token goes in clear to this machine's own addresses only, as the settings make sure."""
        plain = self._endpoint.startswith("http:") and isinstance(self._access, TokenAccess)
        return {"enforce_https": False} if plain else {}

    def _open(self) -> EmailClient:
        if self._sdk is None:
            from mailferry.routes import acs_sdk

            self._session = acs_sdk.session(self._context, self._idle)
            credential = self._access.credential()
            self._sdk = acs_sdk.client(self._endpoint, credential, self._session, self._timeouts, VERSION)
        return self._sdk


def _answer(response: Any) -> Answer:
    """What came, read as far as it can be: the status holds even where the body is none."""
    try:
        body = response.json()
    except Exception:
        body = {}
    body = body if isinstance(body, dict) else {}
    error = body.get("error")
    error = error if isinstance(error, dict) else {}
    good = 200 <= response.status_code < 300
    headers = response.headers
    answer = Answer(
        response.status_code,
        operation=str(body.get("status") or "") if good else "",
        code=str(error.get("code") or headers.get("x-ms-error-code", "") or ("" if good else response.reason or "")),
        message=str(error.get("message") or ""),
        retry_after=retry_after(headers),
    )
    return answer if good else replace(answer, request_id=headers.get("x-ms-request-id", ""))


def _lost(error: AzureError) -> Lost:
    """The client calls every loss a failed request, though the request may have arrived: what is beneath it tells."""
    import aiohttp

    inner = error.inner_exception or error.__cause__ or error
    if isinstance(inner, aiohttp.ClientSSLError):
        problem = getattr(inner, "certificate_error", inner)
        reason = getattr(problem, "verify_message", "") or type(problem).__name__
        return Lost(f"No trusted connection to {inner.host}: {reason}", sent=False, tls=True)
    if isinstance(inner, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return Lost(f"Cannot reach {getattr(inner, 'host', 'the service')}: {_reason(inner)}", sent=False)
    return Lost(f"The request was sent, but no answer came: {_reason(inner)}", sent=True)


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error).partition("\n")[0][:120] or type(error).__name__
