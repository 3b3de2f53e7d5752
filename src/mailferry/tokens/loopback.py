"""The receiving end of a sign-in in the browser: an HTTP listener on this machine that takes one answer.

Leaves to others: what the answer is worth (login). Invariants: it listens on loopback addresses only (RFC 8252 section
7.3), takes an answer only with the right state, once, and lets none of it into a log or a page.
"""

from __future__ import annotations

import asyncio
import errno
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web

_TRIES = 10
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body style="font: 1.1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 4rem auto; padding: 0 1rem">
<h1 style="font-size: 1.4rem">{title}</h1><p>{text}</p></body></html>"""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Loopback:
    """async with: `redirect_uri` is there; then expect(state), then received()."""

    def __init__(self) -> None:
        self._state = ""
        self._answer: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        self._runner: web.AppRunner | None = None
        self.redirect_uri = ""

    async def __aenter__(self) -> Loopback:
        from aiohttp import web

        app = web.Application(client_max_size=64 * 1024)
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        for again in reversed(range(_TRIES)):
            site = web.TCPSite(self._runner, "127.0.0.1", 0)
            await site.start()
            port = int(self._runner.addresses[0][1])
            try:
                await web.TCPSite(self._runner, "::1", port).start()
            except OSError as error:
                # "localhost" may mean either, and there another user's program may listen: then another port. A
                # machine without IPv6 has no such neighbour.
                if error.errno == errno.EADDRINUSE:
                    await site.stop()
                    if again:
                        continue
                    raise
            break
        # Entra registers http://localhost, of which the port does not count (V reply-url.md).
        self.redirect_uri = f"http://localhost:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def expect(self, state: str) -> None:
        self._state = state

    async def received(self) -> dict[str, str]:
        """What the browser brought. Waits for as long as the caller lets it."""
        return await asyncio.shield(self._answer)

    async def _take(self, request: web.Request) -> web.Response:
        if request.path != "/" or request.method not in ("GET", "POST"):
            return self._page(404, "Nothing here", "This address only receives the answer of a sign-in.")
        fields = await request.post() if request.method == "POST" else request.query
        brought = {key: value for key, value in fields.items() if isinstance(value, str)}
        if not self._state or not hmac.compare_digest(brought.get("state", "").encode(), self._state.encode()):
            return self._page(400, "Not this sign-in", "This answer does not belong to the sign-in that was started.")
        if self._answer.done():
            return self._page(400, "Already used", "This answer was taken before.")
        self._answer.set_result(brought)
        if "error" in brought:
            return self._page(200, "Not signed in", "The program in your terminal says why. You may close this window.")
        return self._page(200, "Received", "The program in your terminal goes on. You may close this window.")

    def _page(self, status: int, title: str, text: str) -> web.Response:
        from aiohttp import web

        body = _PAGE.format(title=title, text=text)
        return web.Response(status=status, text=body, content_type="text/html", headers=_HEADERS)
