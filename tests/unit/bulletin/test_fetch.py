"""Fetching over real HTTP on loopback: conditional, bounded, and from the given host only."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mailferry.bulletin.fetch import Fetcher, FetchError, Tag

Serve = Callable[[Callable[[web.Request], Awaitable[web.StreamResponse]]], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    servers: list[TestServer] = []

    async def start(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> str:
        application = web.Application()
        application.router.add_get("/{path:.*}", handler)
        server = TestServer(application)
        await server.start_server()
        servers.append(server)
        return str(server.make_url("/page"))

    yield start
    for server in servers:
        await server.close()


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    async with aiohttp.ClientSession() as session:
        yield Fetcher(session, limit=1 << 20, timeout=5)


async def test_a_page_with_its_tag_and_then_nothing_new(serve: Serve, fetcher: Fetcher) -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == '"v1"':
            return web.Response(status=304)
        return web.Response(body=b"<p>x</p>", headers={"ETag": '"v1"', "Content-Type": "text/html; charset=EUC-JP"})

    address = await serve(handler)
    first = await fetcher.get(address)
    assert (first.body, first.charset.lower(), first.tag.etag) == (b"<p>x</p>", "euc-jp", '"v1"')
    assert (await fetcher.get(address, first.tag)).body is None


@pytest.mark.parametrize("packed", [True, False])
async def test_a_bomb_is_refused(serve: Serve, fetcher: Fetcher, packed: bool) -> None:
    async def handler(_: web.Request) -> web.Response:
        body = b"0" * (64 << 20)
        headers = {"Content-Encoding": "gzip"} if packed else {}
        return web.Response(body=gzip.compress(body, 1) if packed else body[: 3 << 20], headers=headers)

    with pytest.raises(FetchError, match="more than the 1 MiB"):
        await fetcher.get(await serve(handler))


async def test_a_redirect_within_the_host_is_followed(serve: Serve, fetcher: Fetcher) -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/page":
            raise web.HTTPMovedPermanently("/new")
        return web.Response(text="here")

    assert (await fetcher.get(await serve(handler))).body == b"here"


@pytest.mark.parametrize(
    "target", ["http://other.example/", "file:///etc/passwd", "http://127.0.0.1:1/", "ftp://localhost/"]
)
async def test_a_redirect_elsewhere_is_not(serve: Serve, fetcher: Fetcher, target: str) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": target})

    with pytest.raises(FetchError, match="redirects to"):
        await fetcher.get(await serve(handler))


async def test_a_circle_of_redirects_ends(serve: Serve, fetcher: Fetcher) -> None:
    async def handler(_: web.Request) -> web.Response:
        raise web.HTTPFound("/page")

    with pytest.raises(FetchError, match="more than 5 times"):
        await fetcher.get(await serve(handler))


async def test_a_busy_server_says_how_long(serve: Serve, fetcher: Fetcher) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "7200"})

    with pytest.raises(FetchError, match="429") as refused:
        await fetcher.get(await serve(handler))
    assert refused.value.retry_after == 7200


async def test_damaged_data_and_an_unknown_coding(serve: Serve, fetcher: Fetcher) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=b"no gzip", headers={"Content-Encoding": "gzip" if request.path == "/page" else "br"})

    address = await serve(handler)
    with pytest.raises(FetchError, match="damaged gzip"):
        await fetcher.get(address)
    with pytest.raises(FetchError, match="not asked for"):
        await fetcher.get(f"{address}/other")


async def test_nobody_there(fetcher: Fetcher) -> None:
    with pytest.raises(FetchError, match=r"127\.0\.0\.1"):
        await fetcher.get("http://127.0.0.1:1/page", Tag())
