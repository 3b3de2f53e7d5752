"""From a template and values to a page, in the visitor's language.

Leaves to others: the values (the pages' modules), the policy sent along (front). Invariants: whatever is filled in is
escaped; a name that is missing is an error, never an empty place.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from mailferry.clock import utc
from mailferry.console.site import Site
from mailferry.console.visit import LANGUAGES, visit_of
from mailferry.console.words import EVENTS, STATES, Words
from mailferry.mail.message import format_id
from mailferry.planner.papers.templating import prose


class Pages:
    """Renders templates and hands out what they need besides: one style sheet, one icon."""

    def __init__(self, site: Site) -> None:
        self._site = site
        static = resources.files(__package__).joinpath("static")
        self._static = {
            "console.css": (static.joinpath("console.css").read_bytes(), "text/css"),
            "icon.svg": (static.joinpath("icon.svg").read_bytes(), "image/svg+xml"),
        }

    def page(self, request: web.Request, template: str, status: int = 200, **values: Any) -> web.Response:
        """The page, for the visitor who asked."""
        visit = visit_of(request)
        text = (
            _templates()
            .get_template(template)
            .render(
                words=Words(visit.language),
                language=visit.language,
                others=[(each, _in_language(request, each)) for each in LANGUAGES],
                path=request.path,
                gateway=self._site.name,
                signed_in=visit.session is not None,
                csrf=visit.session.csrf if visit.session is not None else self._site.doors.form(visit.visitor),
                notices=visit.session.heard() if visit.session is not None else [],
                now=self._site.clock.time(),
                states={state: text.of(visit.language) for state, text in STATES.items()},
                events={kind: text.of(visit.language) for kind, text in EVENTS.items()},
                **values,
            )
        )
        return web.Response(text=text, content_type="text/html", charset="utf-8", status=status)

    async def static(self, request: web.Request) -> web.Response:
        """What anybody may have, signed in or not."""
        found = self._static.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        body, kind = found
        return web.Response(body=body, content_type=kind, headers={"Cache-Control": "max-age=300"})


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("mailferry.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(prose=prose, moment=moment, queue_id=format_id)
    return templates


def moment(seconds: float) -> str:
    """A time as tables have it; their headings say UTC."""
    return f"{utc(seconds):%Y-%m-%d %H:%M:%S}"


def _in_language(request: web.Request, language: str) -> str:
    """The same page in another language; the way back from a form is the page it stood on."""
    kept = {name: value for name, value in request.query.items() if name != "token"}
    query: Mapping[str, str] = {**kept, "lang": language}
    place = "/" + quote(request.path.lstrip("/")) if request.method == "GET" else "/"  # "//name" is another host
    return f"{place}?{urlencode(query)}"
