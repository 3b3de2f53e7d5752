"""Sign-ins and message traces straight from Microsoft Graph, page by page, into a file that is imported like any other.

Leaves to others: tokens (the caller has a source of them) and what the records mean (readers). Invariant: the token
goes to the endpoint that was named and nowhere else, a link to another host is refused; what is asked too fast is
asked again when the service says so.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from mailferry.clock import Clock
from mailferry.inventory.errors import InventoryError

if TYPE_CHECKING:  # a quarter of a second of imports, on first use
    from aiohttp import ClientSession

#: Gives the bearer token for the endpoint.
Token = Callable[[], Awaitable[str]]
#: Told after each page how many records have come.
Counted = Callable[[int], None]

_TRIES = 6
_PAGE = 1000  # the most that Graph gives (V signin-list.md)
#: A sign-in by password shows as one of these (V Graph docs; O CIPP).
_APPS = ("Authenticated SMTP", "SMTP")
_KINDS = ("interactiveUser", "nonInteractiveUser")
#: The message trace: rows of a page, and days that one query may ask for (V Learn, "List messageTraces"; the days are
#: those of Get-MessageTraceV2).
_TRACE_PAGE, _TRACE_SPAN = 5000, timedelta(days=10)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where Graph is, e.g. https://graph.microsoft.com; `ca_file` only for one that no public authority vouches for."""

    url: str
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is asked for, and what the application needs to be given it."""

    name: str
    needs: str


_SIGN_INS = _Wanted(
    "sign-ins",
    "the application needs the permission AuditLog.Read.All (and Directory.Read.All) with admin consent, the "
    "tenant needs Entra ID P1 or P2",
)
_TRACES = _Wanted(
    "message traces", "the application needs the permission ExchangeMessageTrace.Read.All with admin consent"
)


async def download(
    endpoint: Endpoint, token: Token, clock: Clock, since: datetime, target: Path, counted: Counted | None = None
) -> int:
    """SMTP sign-ins since `since`, an object a line, into `target`; how many. Raises InventoryError."""
    apps = " or ".join(f"clientAppUsed eq '{app}'" for app in _APPS)
    # Only beta has the user agent and the protocol, and those that are not interactive (V beta/resources/signin.md).
    kinds = " or ".join(f"signInEventTypes/any(t: t eq '{kind}')" for kind in _KINDS)
    wanted = f"createdDateTime ge {since:%Y-%m-%dT%H:%M:%SZ} and ({apps}) and ({kinds})"
    query = urlencode({"$filter": wanted, "$top": _PAGE})
    return await _download(endpoint, token, clock, _SIGN_INS, [f"/beta/auditLogs/signIns?{query}"], target, counted)


async def download_traces(
    endpoint: Endpoint,
    token: Token,
    clock: Clock,
    since: datetime,
    until: datetime,
    target: Path,
    counted: Counted | None = None,
) -> int:
    """Message traces from `since` to `until`, an object a line, into `target`; how many. Raises InventoryError."""
    paths = [
        f"/v1.0/admin/exchange/tracing/messageTraces?{urlencode({'$filter': span, '$top': _TRACE_PAGE})}"
        for span in _spans(since, until)
    ]
    return await _download(endpoint, token, clock, _TRACES, paths, target, counted)


def _spans(since: datetime, until: datetime) -> Iterator[str]:
    """The time in pieces that one query may ask for. A row at a seam comes twice, and counts once."""
    while since < until:
        last = min(since + _TRACE_SPAN, until)
        yield f"receivedDateTime ge {since:%Y-%m-%dT%H:%M:%SZ} and receivedDateTime le {last:%Y-%m-%dT%H:%M:%SZ}"
        since = last


async def _download(
    endpoint: Endpoint,
    token: Token,
    clock: Clock,
    wanted: _Wanted,
    paths: Sequence[str],
    target: Path,
    counted: Counted | None,
) -> int:
    import aiohttp

    count = 0
    context: ssl.SSLContext | bool = True
    if endpoint.ca_file is not None:
        context = ssl.create_default_context(cafile=str(endpoint.ca_file))
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=120)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context), timeout=timeout) as session:
        with target.open("w", encoding="utf-8") as out:
            for path in paths:
                async for page in _pages(session, endpoint, token, clock, wanted, path):
                    out.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in page)
                    count += len(page)
                    if counted is not None:
                        counted(count)
    return count


async def _pages(
    session: ClientSession, endpoint: Endpoint, token: Token, clock: Clock, wanted: _Wanted, path: str
) -> AsyncIterator[list[Any]]:
    url = endpoint.url.rstrip("/") + path
    seen: set[str] = set()
    while url:
        seen.add(url)
        body = await _page(session, token, clock, wanted, url)
        value = body.get("value")
        if not isinstance(value, list):
            raise InventoryError(endpoint.url, f"Microsoft Graph answered without a list of {wanted.name}")
        yield value
        link = body.get("@odata.nextLink") or ""
        if link and (not isinstance(link, str) or _origin(link) != _origin(endpoint.url)):
            raise InventoryError(
                endpoint.url, "the next page is said to be at another host; the token is not sent there"
            )
        if link in seen:
            raise InventoryError(endpoint.url, f"the pages of {wanted.name} go round in a circle")
        url = link


async def _page(session: ClientSession, token: Token, clock: Clock, wanted: _Wanted, url: str) -> dict[str, Any]:
    import aiohttp

    last = ""
    for attempt in range(_TRIES):
        try:
            headers = {"Authorization": f"Bearer {await token()}", "Accept": "application/json"}
            async with session.get(url, headers=headers, allow_redirects=False) as answer:
                if answer.status == 200:
                    body = await answer.json()
                    return body if isinstance(body, dict) else {}
                last = await _said(answer)
                if answer.status not in (429, 500, 502, 503, 504):
                    raise InventoryError(
                        _origin(url), f"Microsoft Graph refuses: {last}", cure=_cure(answer.status, wanted)
                    )
                wait = _seconds(answer.headers.get("Retry-After"), attempt)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            last, wait = str(error) or type(error).__name__, _seconds(None, attempt)
        if attempt + 1 < _TRIES:
            await clock.sleep(wait)
    raise InventoryError(
        _origin(url), f"Microsoft Graph gives no page in {_TRIES} tries: {last}", cure="try again later"
    )


def _cure(status: int, wanted: _Wanted) -> str:
    return wanted.needs if status in (401, 403) else ""


async def _said(answer: Any) -> str:
    """The service's own words; never the request, which holds the token."""
    try:
        error = (await answer.json(content_type=None)).get("error", {})
        return f"{answer.status} {error.get('code', '')} {error.get('message', '')}".strip()
    except (ValueError, AttributeError, TypeError):
        return str(answer.status)


def _seconds(retry_after: str | None, attempt: int) -> float:
    try:
        return min(max(float(retry_after or ""), 0.0), 300.0)
    except ValueError:
        return min(2.0**attempt, 60.0)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
