"""One coarse timer for all waits of a transport: a deadline costs an attribute, not a timer of the event loop.

Leaves to others: what happens when a deadline has passed (the watched object).
Invariant: `expired` is called after the deadline, at most one tick late, and once per sweep.
"""

from __future__ import annotations

import asyncio
from typing import Protocol


class Watched(Protocol):
    """`deadline` in the event loop's time; infinity while nothing is waited for."""

    deadline: float

    def expired(self) -> None: ...


class Watchdog:
    """Looks at every watched object each `tick` seconds, as long as there is one."""

    __slots__ = ("_tick", "_timer", "_watched")

    def __init__(self, tick: float) -> None:
        self._tick = tick
        self._watched: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, one: Watched) -> None:
        self._watched.add(one)
        if self._timer is None:
            self._arm()

    def discard(self, one: Watched) -> None:
        self._watched.discard(one)
        if not self._watched and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._tick, self._sweep)

    def _sweep(self) -> None:
        now = asyncio.get_running_loop().time()
        for one in tuple(self._watched):
            if one.deadline <= now:
                one.expired()
        self._timer = None
        if self._watched:
            self._arm()
