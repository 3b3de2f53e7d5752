"""The outlook of inventory and plan, counted again only when one of their files was written, or a day has passed.

Leaves to others: counting (ops.outlook) and drawing (planner.papers.charts). Invariant: one count at a time, off the
event loop; two visitors cost what one costs.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from mailferry.clock import Clock, utc
from mailferry.ops.outlook import Outlook, look, state_of_files


class Outlooks:
    """Of one state directory."""

    def __init__(self, state: Path, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._lock = asyncio.Lock()
        self._key: object = None
        self._outlook = Outlook()
        self._drawings: dict[str, bytes | None] = {}

    async def get(self) -> Outlook:
        """How things stand now. What is being written meanwhile is a trouble of this look, and looked at again."""
        async with self._lock:
            return await self._current()

    async def burndown(self, language: str) -> bytes | None:
        """The chart as SVG; None where there is no plan, or nothing to draw with."""
        async with self._lock:
            outlook = await self._current()
            if language not in self._drawings:
                self._drawings[language] = await asyncio.to_thread(_drawn, outlook, language)
            return self._drawings[language]

    async def _current(self) -> Outlook:
        key = (state_of_files(self._state), utc(self._clock.time()).date())
        if key != self._key:
            self._outlook, self._drawings = await asyncio.to_thread(look, self._state, self._clock), {}
            self._key = None if self._outlook.troubles else key
        return self._outlook


def _drawn(outlook: Outlook, language: str) -> bytes | None:
    if outlook.plan is None:
        return None
    try:
        from mailferry.planner.papers import charts
        from mailferry.planner.papers.view import View

        return charts.svg(charts.burndown(View(outlook.plan, language, outlook.history))).encode()
    except ModuleNotFoundError:
        return None
