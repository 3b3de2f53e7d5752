"""One request's circumstances: language, session, where the browser is; and the cookies they are kept in.

Leaves to others: whether a request is let in (front). Invariants: a session's cookie is out of reach of scripts, of
other sites, and over TLS of clear connections; nothing else that is secret is in a cookie.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

from aiohttp import web

from mailferry.console.sessions import Session

LANGUAGES = ("en", "ja")
_LANGUAGE = "mailferry-language"
_YEAR = 365 * 86_400
_QUALITY = re.compile(r"\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?")


@dataclass(slots=True)
class Visit:
    """What the handlers know of a request besides the request. `visitor` names a browser that is not signed in."""

    language: str
    address: str
    session: Session | None = None
    visitor: str = field(default="", repr=False)


KEY = web.RequestKey("visit", Visit)


def visit_of(request: web.Request) -> Visit:
    return request[KEY]


def session_of(request: web.Request) -> Session:
    """The session of a page that nobody sees without one."""
    session = request[KEY].session
    if session is None:
        raise web.HTTPForbidden
    return session


def language_of(request: web.BaseRequest) -> str:
    """The one asked for, else the one chosen before, else the browser's, else English."""
    for choice in (request.query.get("lang", ""), request.cookies.get(_LANGUAGE, "")):
        if choice in LANGUAGES:
            return choice
    return _accepted(request.headers.get("Accept-Language", ""))


def _accepted(header: str) -> str:
    """The language that a browser likes best of those that there are (RFC 9110 section 12.5.4)."""
    best, most = "en", 0.0
    for part in header.split(",")[:20]:
        match = _QUALITY.fullmatch(part)
        if match is None:
            continue
        name, quality = match[1].lower(), float(match[2] or 1)
        if name in LANGUAGES and quality > most:
            best, most = name, quality
    return best


def address_of(request: web.BaseRequest, *, proxied: bool) -> str:
    """Where the browser is, for counting failures. Behind a proxy, what that proxy itself wrote: the last one."""
    if proxied:
        hops = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
        if hops[-1].strip():
            return hops[-1].strip()[:64]
    return request.remote or "unknown"


class Cookies:
    """The console's cookies. Cookies know no port, so the name has it: two consoles on a machine get along. The prefix
    __Host- keeps other hosts of the domain from setting them."""

    def __init__(self, *, secure: bool, port: int) -> None:
        self._secure = secure
        self._prefix = "__Host-" if secure else ""
        self._port = port

    @property
    def session(self) -> str:
        """The name of the cookie of a session."""
        return f"{self._prefix}mailferry-console-{self._port}"

    @property
    def visitor(self) -> str:
        """The name of the cookie of a browser that is not signed in."""
        return f"{self._prefix}mailferry-visitor-{self._port}"

    def sign_in(self, answer: web.StreamResponse, token: str) -> None:
        self._set(answer, self.session, token)
        answer.del_cookie(self.visitor, path="/", secure=self._secure, httponly=True, samesite="Strict")

    def sign_out(self, answer: web.StreamResponse) -> None:
        answer.del_cookie(self.session, path="/", secure=self._secure, httponly=True, samesite="Strict")

    def introduce(self, answer: web.StreamResponse, visitor: str) -> None:
        """Remember a visitor for as long as the browser runs."""
        self._set(answer, self.visitor, visitor)

    def speak(self, answer: web.StreamResponse, language: str) -> None:
        """Remember a language that was asked for."""
        answer.set_cookie(_LANGUAGE, language, path="/", max_age=_YEAR, secure=self._secure, samesite="Strict",
                          httponly=True)  # fmt: skip

    def _set(self, answer: web.StreamResponse, name: str, value: str) -> None:
        answer.set_cookie(name, value, path="/", secure=self._secure, httponly=True, samesite="Strict")


def new_visitor() -> str:
    return secrets.token_urlsafe(18)
