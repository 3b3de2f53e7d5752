"""The queue as pages: a list that can be filtered, and one message with its history and what its replies mean.

Leaves to others: filters (ops.queue), explanations (ops.explain), changing anything (actions). Invariant: a body is
never shown, and nothing that others wrote is taken for ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from aiohttp import web

from mailferry.console.mailroom import NoGateway
from mailferry.console.pages import Pages
from mailferry.console.site import Site
from mailferry.console.visit import visit_of
from mailferry.m365 import errors
from mailferry.mail.message import MessageId, format_id, parse_id
from mailferry.ops import explain
from mailferry.ops.queue import Action, Query, to_filter
from mailferry.spool.api import MessageView, SpoolError, State

PAGE = 100
#: Recipients of one message, and events of its history, that a page shows at most.
MOST = 500
#: Replies of one message that are explained at most: recipients of a list get the same one.
_EXPLAINED = 5
AGES = ("15m", "1h", "1d", "1w")
_TEXTS = ("sender", "recipient", "client", "lane")


class Messages:
    """The pages."""

    def __init__(self, site: Site, pages: Pages) -> None:
        self._site = site
        self._pages = pages

    async def list(self, request: web.Request) -> web.Response:
        wanted = {name: request.query.get(name, "")[:200] for name in (*_TEXTS, "state", "age", "after")}
        views: list[MessageView] = []
        configured, trouble = True, ""
        try:
            which = to_filter(query_of(wanted), self._site.clock.time())
            after = parse_id(wanted["after"]) if wanted["after"] else None
        except ValueError:
            raise web.HTTPBadRequest from None
        try:
            async with self._site.mailroom.spool() as spool:
                views = await spool.find(which, limit=PAGE + 1, after=after)
        except NoGateway:
            configured = False
        except SpoolError as error:
            trouble = str(error)
        return self._pages.page(
            request,
            "messages.html",
            wanted=wanted,
            filtered=any(wanted[name] for name in (*_TEXTS, "state", "age")),
            ages=AGES,
            all_states=[state.value for state in State],
            views=views[:PAGE],
            more=_later(wanted, views[PAGE - 1].message.id) if len(views) > PAGE else "",
            back=request.path_qs,
            configured=configured,
            trouble=trouble,
        )

    async def show(self, request: web.Request) -> web.Response:
        try:
            key = parse_id(request.match_info["id"])
        except ValueError:
            raise web.HTTPNotFound from None
        view, trouble = None, ""
        try:
            async with self._site.mailroom.spool() as spool:
                view = await spool.show(key)
        except NoGateway:
            raise web.HTTPNotFound from None
        except SpoolError as error:
            trouble = str(error)
        if view is None and not trouble:
            raise web.HTTPNotFound
        language = visit_of(request).language
        return self._pages.page(
            request,
            "message.html",
            id=format_id(key),
            view=view,
            open=view is not None and any(not one.state.final for one in view.recipients),
            most=MOST,
            meanings=_meanings(view, language) if view is not None else [],
            labels=explain.WORDS[language],
            actions=tuple(Action),
            back=request.path,
            trouble=trouble,
        )


def query_of(wanted: Mapping[str, str]) -> Query:
    """What the form of the list asks for. An empty field is no filter; <> is the empty sender. Raises ValueError."""
    direction, _, age = wanted["age"].partition("-")
    if wanted["age"] and (direction not in ("newer", "older") or age not in AGES):
        raise ValueError(f"{wanted['age']!r} is no age")
    sender = wanted["sender"].strip()
    return Query(
        states=(wanted["state"],) if wanted["state"] else (),
        sender="" if sender == "<>" else sender or None,
        recipient=wanted["recipient"].strip() or None,
        client=wanted["client"].strip() or None,
        lane=wanted["lane"].strip() or None,
        newer=age if direction == "newer" else None,
        older=age if direction == "older" else None,
    )


def _later(wanted: Mapping[str, str], last: MessageId) -> str:
    """Where the list goes on."""
    return "/messages?" + urlencode({**{k: v for k, v in wanted.items() if v}, "after": format_id(last)})


def _meanings(view: MessageView, language: str) -> list[dict[str, object]]:
    """Each refusal among the last replies, explained: cause, cure, commands, who; or what its class says."""
    replies = dict.fromkeys(
        one.last_reply for one in view.recipients if one.last_reply and one.state is not State.DELIVERED
    )
    return [_meaning(reply, language) for reply in list(replies)[:_EXPLAINED]]


def _meaning(reply: str, language: str) -> dict[str, object]:
    facts = errors.explain(reply)
    if not facts:
        return {"reply": reply, "fact": None, "classes": explain.classes(reply, language)}
    fact = facts[0]
    return {
        "reply": reply,
        "fact": fact,
        "cause": explain.sentence(fact.cause.of(language), language),
        "cure": explain.sentence(fact.cure.of(language), language),
        "rows": explain.rows(fact, language),
    }
