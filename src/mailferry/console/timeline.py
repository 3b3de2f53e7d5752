"""The schedule with every revision, its source and date, and what announcements change in it.

Leaves to others: the dates (m365.schedule), the words (ops.timeline, ops.marks). Invariant: what Microsoft gave loosely
is shown loosely; every revision stands with its source.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from mailferry.clock import utc
from mailferry.console.overview import told
from mailferry.console.pages import Pages
from mailferry.console.site import Site
from mailferry.console.visit import visit_of
from mailferry.m365.schedule import schedule
from mailferry.ops import marks, timeline
from mailferry.ops.in_force import AS_SHIPPED, in_force, moved, phases


class Timeline:
    """The page."""

    def __init__(self, site: Site, pages: Pages) -> None:
        self._site = site
        self._pages = pages

    async def show(self, request: web.Request) -> web.Response:
        language = visit_of(request).language
        today = utc(self._site.clock.time()).date()
        trouble, kept, found = "", marks.Marks((), ()), AS_SHIPPED
        try:
            kept, found = await asyncio.to_thread(lambda: (marks.marks(self._site.state), in_force(self._site.state)))
        except marks.ChangesError as error:
            trouble = str(error)
        return self._pages.page(
            request,
            "timeline.html",
            title=timeline.TITLE[language],
            count=timeline.count(today, language, found),
            assumed=timeline.assumed(language, found),
            labels=timeline.WORDS[language],
            today=today,
            phases=[(phase, moved(phase, found)) for phase in phases(found)],
            accepted=marks.ACCEPTED,
            revisions=tuple(reversed(schedule().revisions)),
            upcoming=schedule().events,
            unpublished=[text.of(language) for text in schedule().unpublished],
            marks=told(kept, language),
            marks_trouble=trouble,
        )
