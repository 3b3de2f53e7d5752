"""Acting on messages: hold, release, try now, drop, mark as arrived.

Leaves to others: what each does and to what it may be done (ops.queue, spool). Invariants: only messages that were
named are touched, an empty choice is no choice; what cannot be undone is asked about on a page of its own first; the
history says that it was the console, and from where.
"""

from __future__ import annotations

import re

from aiohttp import web

from mailferry.console.front import see_other
from mailferry.console.mailroom import NoGateway
from mailferry.console.messages import PAGE
from mailferry.console.pages import Pages
from mailferry.console.site import Site
from mailferry.console.visit import session_of, visit_of
from mailferry.mail.message import format_id, parse_id
from mailferry.ops.queue import Action, Query, act, to_filter
from mailferry.spool.api import SpoolError

_FINAL = frozenset({Action.DROP, Action.SETTLE})
_BACK = re.compile(r"/messages(?:/[0-9A-Za-z]{1,13})?(?:\?[!-~]*)?")


class Actions:
    """The one address that forms of messages are sent to."""

    def __init__(self, site: Site, pages: Pages) -> None:
        self._site = site
        self._pages = pages

    async def act(self, request: web.Request) -> web.StreamResponse:
        form, session = await request.post(), session_of(request)
        ids, back = tuple(str(each) for each in form.getall("id", ())), _back(str(form.get("back", "")))
        try:
            action = Action(str(form.get("action", "")))
            ids = tuple(dict.fromkeys(format_id(parse_id(each)) for each in ids))
        except ValueError:
            raise web.HTTPBadRequest from None
        if len(ids) > PAGE:
            raise web.HTTPBadRequest
        if not ids:  # a filter without ids would be the whole queue
            session.say("none_chosen", 0)
            return see_other(back)
        if action in _FINAL and form.get("confirmed") != action.value:
            return self._pages.page(request, "confirm.html", action=action.value, ids=ids, back=back)
        who = f"console:{visit_of(request).address}"
        try:
            async with self._site.mailroom.spool() as spool:
                clock = self._site.clock
                changed = await act(spool, action, to_filter(Query(ids=ids), clock.time()), clock, who)
        except NoGateway:
            raise web.HTTPNotFound from None
        except SpoolError as error:
            return self._pages.page(request, "trouble.html", status=503, trouble=str(error), back=back)
        session.say(f"done_{action.value}", changed)
        return see_other(back)


def _back(place: str) -> str:
    """A page of messages and nothing else."""
    return place if _BACK.fullmatch(place) else "/messages"
