"""Signing in and out: the form, the link, and what is said when it fails.

Leaves to others: whether somebody may come in (doors). Invariants: a token leaves the address bar at once; a session
begins anew with each sign-in; nobody is sent elsewhere than to a page of the console.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from aiohttp import web

from mailferry.console.doors import Entry
from mailferry.console.front import see_other
from mailferry.console.pages import Pages
from mailferry.console.site import Site
from mailferry.console.visit import visit_of

_STATUS = {
    Entry.WRONG: HTTPStatus.FORBIDDEN,
    Entry.LOCKED: HTTPStatus.TOO_MANY_REQUESTS,
    Entry.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
}
#: A path of ours: no other host ("//host", "/\host"), nothing that a header could not hold.
_NEXT = re.compile(r"/(?![/\\])[!-~]*")


class Login:
    """The way in and out."""

    def __init__(self, site: Site, pages: Pages) -> None:
        self._site = site
        self._pages = pages

    async def show(self, request: web.Request) -> web.StreamResponse:
        visit, token = visit_of(request), request.query.get("token", "")
        if visit.session is not None:
            return see_other("/")
        if token and request.method == "GET":  # a HEAD, as of a preview, uses nothing up
            entry = await self._site.doors.link(token, visit.address)
            return self._in("/") if entry is Entry.IN else self._form(request, entry)
        return self._form(request, None)

    async def enter(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        entry = await self._site.doors.password(str(form.get("password", "")), visit_of(request).address)
        return self._in(_next(request)) if entry is Entry.IN else self._form(request, entry)

    async def leave(self, request: web.Request) -> web.StreamResponse:
        self._site.sessions.end(request.cookies.get(self._site.cookies.session, ""))
        answer = see_other("/login")
        self._site.cookies.sign_out(answer)
        return answer

    def _in(self, place: str) -> web.StreamResponse:
        answer = see_other(place)
        self._site.cookies.sign_in(answer, self._site.sessions.begin())
        return answer

    def _form(self, request: web.Request, entry: Entry | None) -> web.Response:
        seconds = self._site.doors.locked(visit_of(request).address) if entry is Entry.LOCKED else 0
        answer = self._pages.page(
            request,
            "login.html",
            status=_STATUS[entry] if entry is not None else HTTPStatus.OK,
            failed=entry.value if entry is not None else "",
            seconds=seconds,
            has_password=self._site.doors.has_password,
            next=_next(request),
        )
        if seconds:
            answer.headers["Retry-After"] = str(seconds)
        return answer


def _next(request: web.Request) -> str:
    place = request.query.get("next", "/")
    return place if _NEXT.fullmatch(place) and not place.startswith(("/login", "/logout")) else "/"
