"""Requests to Microsoft Graph: a body that streams with its length known, an answer, and what was lost between.

Leaves to others: what to ask (graph, graph_draft) and what an answer means (graph_errors).
Invariants: a request that was broken off before its last octet was given to the socket says so, any other loss counts
as sent whole; no token goes to an address of the service's choice; nothing follows a redirection; memory does not grow
with the message.
"""

from __future__ import annotations

import asyncio
import binascii
import json
import ssl
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from mailferry.mail.body import BodyGone
from mailferry.routes.graph_errors import Answer
from mailferry.routes.settings import TimeoutSettings

if TYPE_CHECKING:  # a quarter of a second of imports, on first use
    from aiohttp import ClientResponse, ClientSession

_PIECE = 64 * 1024
_LONGEST_ANSWER = 8 * 1024 * 1024  # a draft comes back with its text
_LONGEST_SOURCE = 1024 * 1024  # of a report, whose first parts say everything


class Lost(Exception):
    """No answer. `whole`: the request may have arrived; `tls`: the connection could not be trusted; `connecting`: it
    was never made."""

    def __init__(self, text: str, *, whole: bool, tls: bool = False, connecting: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.whole = whole
        self.tls = tls
        self.connecting = connecting


class Unreadable(Exception):
    """The body of a request could not be read whole, so that the request was not sent; `error` says why."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True)
class Content:
    """What a request carries: `length` octets of `type`, which `chunks` gives from the start each time."""

    type: str
    length: int
    chunks: Callable[[], AsyncIterator[bytes]]


def json_content(value: Any) -> Content:
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return bytes_content("application/json", data)


def bytes_content(kind: str, data: bytes) -> Content:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(data), _PIECE):
            yield data[start : start + _PIECE]

    return Content(kind, len(data), chunks)


async def in_base64(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The octets of `chunks` in base64 without line breaks."""
    rest = b""
    async for chunk in chunks:
        data = rest + chunk if rest else chunk
        whole = len(data) // 3 * 3
        rest = data[whole:]
        if whole:
            yield binascii.b2a_base64(data[:whole], newline=False)
    if rest:
        yield binascii.b2a_base64(rest, newline=False)


def base64_length(octets: int) -> int:
    return (octets + 2) // 3 * 4


class _Sending:
    """Feeds one request and knows how far it came. `move(seconds)` puts the deadline off."""

    __slots__ = ("_content", "_move", "_patience", "error", "started", "whole")

    def __init__(self, content: Content | None, move: Callable[[float], None], timeouts: TimeoutSettings) -> None:
        self._content = content
        self._move = move
        self._patience = timeouts
        self.error: Exception | None = None
        self.started = False
        self.whole = content is None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, its last octet by itself: as long as that was not asked for, the request cannot be whole."""
        content = self._content
        assert content is not None  # noqa: S101 - only asked for where there is one
        held, sent = b"", 0
        try:
            async for chunk in content.chunks():
                if not chunk:
                    continue
                self._move(self._patience.block)
                self.started = True
                sent += len(chunk)
                if held or len(chunk) > 1:
                    yield held + chunk[:-1]
                held = chunk[-1:]
            if sent != content.length:
                raise BodyGone(f"{sent} octets in place of {content.length}")
        except Exception as error:
            self.error = error
            raise
        self.whole = True
        self._move(self._patience.end)
        yield held


class Client:
    """One session of requests; the connections are kept between them."""

    __slots__ = ("_closed", "_context", "_idle", "_session", "_timeouts")

    def __init__(self, context: ssl.SSLContext | None, timeouts: TimeoutSettings, idle: float) -> None:
        self._context = context
        self._timeouts = timeouts
        self._idle = idle
        self._session: ClientSession | None = None
        self._closed = False

    async def request(
        self,
        method: str,
        url: str,
        content: Content | None = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Answer, bool]:
        """The answer, and whether any of the body had gone. Raises Lost and Unreadable."""
        import aiohttp
        from yarl import URL

        if self._closed:
            raise Lost("The route is being closed", whole=False, connecting=True)
        deadline = asyncio.timeout(self._timeouts.connect * 2 + (self._timeouts.end if content is None else 0))
        loop = asyncio.get_running_loop()
        sending = _Sending(content, lambda seconds: _postpone(deadline, loop.time() + seconds), self._timeouts)
        data = sending.chunks() if content is not None and content.length else None
        full = self._headers(content, token, headers)
        try:
            async with (
                deadline,
                self._open().request(
                    method, URL(url, encoded=True), data=data, headers=full, allow_redirects=False
                ) as response,
            ):
                return await _answer(response), sending.started
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            if sending.error is not None:
                raise Unreadable(sending.error) from error
            raise _lost(error, sending) from error

    async def close(self) -> None:
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _headers(self, content: Content | None, token: str | None, more: Mapping[str, str] | None) -> dict[str, str]:
        # client-request-id comes back in the answer and in Microsoft's logs.
        full = {"Accept": "application/json, text/plain", "client-request-id": str(uuid.uuid4())}
        if content is not None:
            full |= {"Content-Type": content.type, "Content-Length": str(content.length)}
        elif token is not None:
            full["Content-Length"] = "0"  # message: send asks for it
        if token is not None:
            full["Authorization"] = f"Bearer {token}"
        return full | dict(more or {})

    def _open(self) -> ClientSession:
        import aiohttp

        from mailferry.routes.kept import connector

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=connector(self._context, self._idle),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._timeouts.connect),
                # The token service is asked through the same proxy; what goes in clear never leaves the machine.
                trust_env=self._context is not None,
                skip_auto_headers=["User-Agent"],
            )
        return self._session


def _postpone(deadline: asyncio.Timeout, when: float) -> None:
    if not deadline.expired():
        deadline.reschedule(when)


async def _answer(response: ClientResponse) -> Answer:
    good = 200 <= response.status < 300
    if good and response.content_type.startswith("text/"):  # the source of a message
        return Answer(response.status, request_id=response.headers.get("request-id", ""), raw=await _start(response))
    data = await _json(response)
    error = data.get("error")
    error = error if isinstance(error, dict) else {}
    return Answer(
        response.status,
        str(error.get("code") or ("" if good else response.reason or "")),
        str(error.get("message") or ""),
        response.headers.get("request-id", ""),
        retry_after(response.headers),
        data,
    )


async def _start(response: ClientResponse) -> bytes:
    text = bytearray()
    async for chunk in response.content.iter_any():
        text += chunk
        if len(text) >= _LONGEST_SOURCE:
            break
    return bytes(text[:_LONGEST_SOURCE])


async def _json(response: ClientResponse) -> dict[str, Any]:
    """The object that came; nothing for what is none, is larger than any answer, or was cut off: the status that came
    before it holds all the same."""
    import aiohttp

    text = bytearray()
    try:
        async for chunk in response.content.iter_any():
            text += chunk
            if len(text) > _LONGEST_ANSWER:
                return {}
        value = json.loads(text or b"{}")
    except (aiohttp.ClientError, OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _lost(error: Exception, sending: _Sending) -> Lost:
    import aiohttp

    whole = sending.whole
    if isinstance(error, aiohttp.ClientSSLError):
        problem = getattr(error, "certificate_error", error)
        reason = getattr(problem, "verify_message", "") or type(problem).__name__
        return Lost(f"No trusted connection to {error.host}: {reason}", whole=False, tls=True)
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        host = getattr(error, "host", "the service")
        return Lost(f"Cannot reach {host}: {_reason(error)}", whole=False, connecting=True)
    if not sending.started and not whole:
        return Lost(f"Connection lost before the message was sent: {_reason(error)}", whole=False, connecting=True)
    if whole:
        return Lost(f"The request was sent, but no answer came: {_reason(error)}", whole=True)
    return Lost(f"Connection lost within the message: {_reason(error)}", whole=False)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error).partition("\n")[0][:120] or type(error).__name__


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds, which may be decimal here, or a date that counts from the answer's own
    (RFC 9110 section 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        pass
    else:
        return seconds if 0 <= seconds < 1e7 else None
    try:
        until = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
    return max(0.0, until.total_seconds())
