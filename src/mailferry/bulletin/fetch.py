"""One page over HTTP: politely, within limits, from the given host and no other.

Leaves to others: when to ask (watch) and what the page says (read). Invariant: no request goes to another host than the
address names, and no more than the limit is ever held, however small the answer looked when compressed.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

import aiohttp

from mailferry import __version__
from mailferry.bulletin.read import LIMIT
from mailferry.bulletin.unreachable import why

_REDIRECTS = 5
_MOVED = (301, 302, 303, 307, 308)
_AGENT = f"mailferry/{__version__} (reads announcements; asks rarely)"


class FetchError(Exception):
    """The page could not be had. `retry_after` is what the server asked for, in seconds."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Tag:
    """By what the server knows which version we have."""

    etag: str = ""
    modified: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page; `body` is None where it is still the version of the tag."""

    body: bytes | None
    charset: str
    tag: Tag


_NO_TAG = Tag()


class Fetcher:
    """Asks for pages over one session."""

    def __init__(self, session: aiohttp.ClientSession, limit: int = LIMIT, timeout: float = 60.0) -> None:
        self._session = session
        self._limit = limit
        self._timeout = aiohttp.ClientTimeout(total=timeout)

    async def get(self, address: str, tag: Tag = _NO_TAG, now: float = 0.0) -> Fetched:
        """The page at `address`. `now` is Unix time, for a Retry-After given as a date. Raises FetchError."""
        place = address
        for _ in range(_REDIRECTS + 1):
            try:
                async with self._session.get(
                    place,
                    headers=_headers(tag),
                    allow_redirects=False,
                    auto_decompress=False,
                    timeout=self._timeout,
                ) as answer:
                    if answer.status in _MOVED and "Location" in answer.headers:
                        place = _next(address, place, answer.headers["Location"])
                        continue
                    return await self._answer(place, answer, tag, now)
            except TimeoutError:
                raise FetchError(f"{place} did not answer within {self._timeout.total:g} s") from None
            except (aiohttp.ClientError, ValueError, OSError) as error:
                raise FetchError(f"{place} cannot be had: {why(error)}") from error
        raise FetchError(f"{address} redirects more than {_REDIRECTS} times; give the address where the page is")

    async def _answer(self, place: str, answer: aiohttp.ClientResponse, tag: Tag, now: float) -> Fetched:
        if answer.status == 304:
            return Fetched(None, "", tag)
        if answer.status != 200:
            raise FetchError(f"{place} answers {answer.status} {answer.reason or ''}".rstrip(),
                             _retry_after(answer.headers, now))  # fmt: skip
        fresh = Tag(answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", ""))
        return Fetched(await self._body(place, answer), _charset(answer), fresh)

    async def _body(self, place: str, answer: aiohttp.ClientResponse) -> bytes:
        coding = answer.headers.get("Content-Encoding", "").strip().lower()
        if coding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise FetchError(f"{place} answers in the coding {coding!r}, which was not asked for")
        unpack = zlib.decompressobj(wbits=47) if coding not in ("", "identity") else None
        body = bytearray()
        async for chunk in answer.content.iter_chunked(64 << 10):
            try:
                body += unpack.decompress(chunk, self._limit + 1 - len(body)) if unpack else chunk
            except zlib.error as error:
                raise FetchError(f"{place} answers with damaged {coding} data") from error
            if len(body) > self._limit:
                raise FetchError(
                    f"{place} has more than the {self._limit >> 20} MiB that an announcement may have; "
                    "save the article alone and read that"
                )
        return bytes(body)


def _headers(tag: Tag) -> dict[str, str]:
    headers = {
        "User-Agent": _AGENT,
        "Accept": "text/html, application/xhtml+xml, application/json;q=0.9, text/plain;q=0.8, */*;q=0.1",
        "Accept-Encoding": "gzip",
    }
    if tag.etag:
        headers["If-None-Match"] = tag.etag
    if tag.modified:
        headers["If-Modified-Since"] = tag.modified
    return headers


def _next(address: str, place: str, location: str) -> str:
    """Where a redirect leads: the same host or its www form, never from https to http."""
    target = urljoin(place, location)
    parts, asked = urlsplit(target), urlsplit(address)
    same = (parts.hostname or "").removeprefix("www.") == (asked.hostname or "").removeprefix("www.")
    safe = parts.scheme == "https" or (parts.scheme == "http" and asked.scheme == "http")
    if not (same and safe and (parts.port == asked.port or parts.scheme != asked.scheme)):
        raise FetchError(f"{address} redirects to {target[:200]}; give that address if you trust it")
    return target


def _charset(answer: aiohttp.ClientResponse) -> str:
    """What the Content-Type says, as the bytes may well contradict it."""
    return answer.charset or ""


def _retry_after(headers: Mapping[str, str], now: float) -> float:
    value = headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.fromtimestamp(now, UTC)).total_seconds())
