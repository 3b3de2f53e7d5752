"""A site that answers as the REST API of WordPress 6 does, over real HTTP; it shares no code with the client.

What it does was observed on the WordPress of Debian 12 (6.1), against which `make full` runs the same statements:
without a user "any" is an invalid status; a draft gets a slug of its own; the trash renames it.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

USER, PASSWORD = "author", "abcd EFGH ijkl MNOP qrst UVWX"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


def refused(status: int, code: str, message: str, **data: Any) -> web.Response:
    return web.json_response({"code": code, "message": message, "data": {"status": status, **data}}, status=status)


@dataclass
class FakeWordPress:
    """`posts` by id. `script` answers the next requests instead; None in it lets one through."""

    url: str = ""
    posts: dict[int, dict[str, str]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    script: list[Answer | None] = field(default_factory=list)
    role: str = "author"
    together: asyncio.Barrier | None = None  # creates that wait for each other
    lose_create: int = 0  # creates that are done, and whose answer is lost

    async def handle(self, request: web.Request) -> web.StreamResponse:
        route = request.query.get("rest_route", "")
        self.requests.append((request.method, route))
        if self.script and (answer := self.script.pop(0)) is not None:
            response = await answer(request)
            assert response is not None
            return response
        return await self._rest(request, route)

    async def _rest(self, request: web.Request, route: str) -> web.StreamResponse:
        known = self._logged_in(request)
        if route == "/wp/v2/users/me":
            return (
                web.json_response({"id": 1})
                if known
                else refused(401, "rest_not_logged_in", "You are not currently logged in.")
            )
        if route == "/wp/v2/posts" and request.method == "GET":
            if not known or self.role == "subscriber":
                return refused(
                    400, "rest_invalid_param", "Invalid parameter(s): status", params={"status": "Status is forbidden."}
                )
            return web.json_response(self._found(request))
        if not known:
            return refused(401, "rest_cannot_create", "Sorry, you are not allowed to create posts as this user.")
        if route == "/wp/v2/posts":
            return await self._create(request)
        number = int(route.removeprefix("/wp/v2/posts/"))
        if number not in self.posts:
            return refused(404, "rest_post_invalid_id", "Invalid post ID.")
        return await self._change(request, number)

    def _logged_in(self, request: web.Request) -> bool:
        wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return request.headers.get("Authorization") == f"Basic {wanted}"

    def _found(self, request: web.Request) -> list[dict[str, Any]]:
        assert request.query["status"] == "any"
        posts = [number for number, post in sorted(self.posts.items(), reverse=True) if post["status"] != "trash"]
        if "slug" in request.query:
            posts = [number for number in posts if self.posts[number]["slug"] == request.query["slug"]]
        if "search" in request.query:
            term = request.query["search"]
            posts = [number for number in posts if term in self.posts[number]["content"] + self.posts[number]["title"]]
        return [self._shown(number) for number in posts]

    async def _create(self, request: web.Request) -> web.StreamResponse:
        document = await request.json()
        if self.together is not None:
            await self.together.wait()
        if document.get("status") == "publish" and self.role == "contributor":
            return refused(
                403, "rest_cannot_publish", "Sorry, you are not allowed to <em>publish</em> posts in this post type."
            )
        number = max(self.posts, default=3) + 1
        self.posts[number] = {**document, "slug": self._free(document["slug"])}
        if self.lose_create:
            self.lose_create -= 1
            assert request.transport is not None
            request.transport.close()
        return web.json_response(self._shown(number), status=201)

    def _free(self, slug: str) -> str:
        taken = {post["slug"] for post in self.posts.values()}
        return next(name for name in [slug, *(f"{slug}-{n}" for n in range(2, 99))] if name not in taken)

    async def _change(self, request: web.Request, number: int) -> web.StreamResponse:
        post = self.posts[number]
        if request.method == "DELETE":
            if post["status"] == "trash":
                return refused(410, "rest_already_trashed", "The post has already been deleted.")
            post |= {"status": "trash", "slug": f"{post['slug']}__trashed"}
        else:
            post |= await request.json()
        return web.json_response(self._shown(number))

    def _shown(self, number: int) -> dict[str, Any]:
        post = self.posts[number]
        return {
            "id": number,
            "slug": post["slug"],
            "status": post["status"],
            "link": f"{self.url}/?p={number}",
            "title": {"raw": post["title"], "rendered": post["title"]},
            "content": {"raw": post["content"], "rendered": re.sub("<!--.*?-->", "", post["content"])},
        }

    def live(self) -> dict[int, dict[str, str]]:
        return {number: post for number, post in self.posts.items() if post["status"] != "trash"}


@asynccontextmanager
async def wordpress() -> AsyncIterator[FakeWordPress]:
    site = FakeWordPress()
    application = web.Application()
    application.router.add_route("*", "/", site.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        listener = web.TCPSite(runner, "127.0.0.1", 0)
        await listener.start()
        site.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield site
    finally:
        await runner.cleanup()
