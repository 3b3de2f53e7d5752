"""What every request passes before a page sees it, and every answer before it leaves.

Leaves to others: pages. Invariants: no page but the way in is shown to who is not signed in; nothing is changed but by
a form of the console's own, for this very session; no answer goes without the policy that forbids scripts, frames and
other sites; what failed inside is told to the log and not to the browser.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Middleware

from mailferry.console.pages import Pages
from mailferry.console.site import Site
from mailferry.console.visit import KEY, LANGUAGES, Visit, address_of, language_of, new_visitor, visit_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_PUBLIC = ("/login", "/static/")
_CHANGES = frozenset({"POST"})


def see_other(place: str) -> web.Response:
    """An answer that leads to another page of the console."""
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": place})


class Front:
    """The middlewares, outermost first."""

    def __init__(self, site: Site, pages: Pages) -> None:
        self._site = site
        self._pages = pages

    def middlewares(self) -> list[Middleware]:
        # aiohttp marks what it is given, and a bound method cannot be marked
        return [web.middleware(partial(each)) for each in (self.harden, self.greet, self.let_in, self.from_here)]

    async def harden(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse foreign names; put the policy on every answer; make an error a page."""
        if not self._site.hosts.knows(request.headers.get("Host", "")):
            answer: web.StreamResponse = web.Response(
                status=HTTPStatus.MISDIRECTED_REQUEST,
                text="This console does not answer to that name. Open it by the name or address it was started with, "
                "or add the name to hosts in [console].\n",
            )
        else:
            try:
                answer = await handler(request)
            except web.HTTPException as error:
                answer = self._failed(request, error.status)
            except Exception as error:  # whatever it is, the browser gets a page and the log the cause
                self._site.log.trouble("console failed", path=request.path, cause=f"{type(error).__name__}: {error}")
                answer = self._failed(request, HTTPStatus.INTERNAL_SERVER_ERROR)
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        answer.headers["Server"] = "mailferry"
        return answer

    def _failed(self, request: web.Request, status: int) -> web.Response:
        if KEY not in request:
            request[KEY] = Visit(language_of(request), "")
        return self._pages.page(request, "error.html", status=status, code=int(status))

    async def greet(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Find out who asks, and in which language."""
        site = self._site
        visitor = request.cookies.get(site.cookies.visitor, "")
        visit = Visit(language_of(request), address_of(request, proxied=site.proxied), visitor=visitor)
        token = request.cookies.get(site.cookies.session, "")
        visit.session = site.sessions.find(token) if token else None
        fresh = visit.session is None and not visitor
        if fresh:
            visit.visitor = new_visitor()
        request[KEY] = visit
        answer = await handler(request)
        if fresh and request.path == "/login" and request.method == "GET":
            site.cookies.introduce(answer, visit.visitor)
        if request.query.get("lang") in LANGUAGES and not request.path.endswith(".svg"):
            site.cookies.speak(answer, visit.language)
        return answer

    async def let_in(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Send who is not signed in to the way in."""
        if visit_of(request).session is not None or request.path.startswith(_PUBLIC):
            return await handler(request)
        if request.method in _CHANGES:
            raise web.HTTPForbidden
        wanted = "" if request.path_qs == "/" else f"?next={quote(request.path_qs, safe='')}"
        return see_other(f"/login{wanted}")

    async def from_here(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a change through only from a form of this session, or of this visitor."""
        if request.method not in _CHANGES:
            return await handler(request)
        if not self._site.hosts.own(request.headers):
            raise web.HTTPForbidden
        visit, given = visit_of(request), str((await request.post()).get("csrf", ""))
        if visit.session is not None:
            known = hmac.compare_digest(visit.session.csrf.encode(), given.encode("utf-8", "surrogateescape"))
        else:
            known = self._site.doors.is_form(visit.visitor, given)
        if not known:
            raise web.HTTPForbidden
        return await handler(request)
