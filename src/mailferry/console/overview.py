"""The first page: days left, what announcements change, open alarms, the queue, and how the clients stand.

Leaves to others: what each of these is (ops). Invariant: what cannot be had is said in its own place and hides nothing
else.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec

from aiohttp import web

from mailferry.clock import utc
from mailferry.console.mailroom import NoGateway
from mailferry.console.outlooks import Outlooks
from mailferry.console.pages import Pages
from mailferry.console.site import Site
from mailferry.console.visit import visit_of
from mailferry.ops import alarms, marks, timeline
from mailferry.ops.alarms import Standing
from mailferry.ops.in_force import AS_SHIPPED, InForce, in_force
from mailferry.ops.marks import Marks
from mailferry.ops.outlook import Outlook
from mailferry.spool.api import SpoolError, State

_DRAWING_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}


@dataclass(frozen=True, slots=True)
class Mail:
    """The queue as the overview has it. `trouble` is "" where it could be asked."""

    counts: tuple[tuple[State, int], ...] = ()
    alarms: tuple[Standing, ...] = ()
    configured: bool = True
    trouble: str = ""


class Overview:
    """The page and its drawing."""

    def __init__(self, site: Site, pages: Pages) -> None:
        self._site = site
        self._pages = pages
        self._outlooks = Outlooks(site.state, site.clock)

    async def show(self, request: web.Request) -> web.Response:
        language = visit_of(request).language
        today = utc(self._site.clock.time()).date()
        mail, outlook = await asyncio.gather(self._mail(), self._outlooks.get())
        kept, found, watched, trouble = await asyncio.to_thread(self._announced)
        return self._pages.page(
            request,
            "overview.html",
            title=timeline.TITLE[language],
            count=timeline.count(today, language, found),
            present=timeline.present(today, language, found),
            then=timeline.then(today, language, found),
            assumed=timeline.assumed(language, found),
            marks=told(kept, language),
            marks_trouble=trouble,
            alarms=[_alarm(one, language) for one in (*mail.alarms, *watched)],
            mail=mail,
            outlook=outlook,
            points=_points(outlook),
            drawn=outlook.plan is not None and find_spec("vl_convert") is not None,
        )

    async def drawing(self, request: web.Request) -> web.Response:
        """The burn-down as a picture of its own: its styles stand in it, which a page's policy would forbid."""
        svg = await self._outlooks.burndown(visit_of(request).language)
        if svg is None:
            raise web.HTTPNotFound
        return web.Response(body=svg, content_type="image/svg+xml", headers=_DRAWING_HEADERS)

    async def _mail(self) -> Mail:
        try:
            async with self._site.mailroom.spool() as spool:
                counts, standing = await spool.counts(), await spool.alarms()
        except NoGateway:
            return Mail(configured=False)
        except SpoolError as error:
            return Mail(trouble=str(error))
        shown = tuple((state, counts[state]) for state in State if counts.get(state))
        return Mail(shown, tuple(alarms.of_gateway(standing)))

    def _announced(self) -> tuple[Marks, InForce, list[Standing], str]:
        """In a thread: changes, the days they move, alarms of the watch, and why they cannot be had."""
        state = self._site.state
        try:
            return marks.marks(state), in_force(state), alarms.of_watch(state), ""
        except marks.ChangesError as error:
            return Marks((), ()), AS_SHIPPED, [], str(error)


def told(kept: Marks, language: str) -> list[dict[str, object]]:
    """The marks as the pages show them: those in force, then those that wait."""
    groups = ((kept.accepted, marks.ACCEPTED, True), (kept.proposed, marks.PROPOSED, False))
    return [
        {
            "title": marks.title(language, accepted=accepted),
            "sign": sign,
            "accepted": accepted,
            "changes": [
                {
                    "id": change.id,
                    "sentence": change.sentence,
                    "told": marks.told(change, language),
                    "address": change.address if change.address.startswith(("https://", "http://")) else "",
                    "cure": "" if accepted else marks.cure(change, language),
                }
                for change in changes
            ],
        }
        for changes, sign, accepted in groups
        if changes
    ]


def _alarm(one: Standing, language: str) -> dict[str, object]:
    """`foreign`: the gateway keeps its alarms in English."""
    alarm = one.alarm
    return {
        "severity": alarm.severity.value,
        "title": alarm.code.label(language),
        "text": alarm.text.of(language),
        "cure": alarm.cure.of(language),
        "foreign": language != "en" and alarm.text.en == alarm.text.ja,
        "since": one.since,
    }


def _points(outlook: Outlook) -> list[tuple[date, int]]:
    """The burn-down of the plan, for who cannot see the picture."""
    if outlook.plan is None:
        return []
    from mailferry.planner.papers.view import View

    return View(outlook.plan, "en").burndown()
