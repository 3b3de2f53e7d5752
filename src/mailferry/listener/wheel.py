"""One timer for all connections of the gateway: a wheel of slots, turned once per second.

Leaves to others: what a timeout means (protocol). A connection is looked at a few times in its timeout and asked
whether it got anywhere since; so a command costs nothing here, and an idle connection one entry of a set.
Invariant: an entry is in one slot at most, and a removed one is referenced no more.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

_SECONDS = 1.0


class Watched(Protocol):
    """What stands in the wheel. `slot` belongs to the wheel."""

    slot: int

    def look(self) -> float:
        """Seconds until the next look, 0 for none."""
        ...


class Wheel:
    """Turns by itself while it has entries to look at."""

    def __init__(self) -> None:
        self._slots: dict[int, set[Watched]] = {}
        self._now = 0
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(_SECONDS, self._turn)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def add(self, entry: Watched, seconds: float) -> None:
        """Look at `entry` in `seconds`, rounded up to the next turn but one."""
        slot = entry.slot = self._now + 1 + int(seconds / _SECONDS)
        self._slots.setdefault(slot, set()).add(entry)

    def remove(self, entry: Watched) -> None:
        slot = self._slots.get(entry.slot)
        if slot is not None:
            slot.discard(entry)

    def turn(self) -> None:
        """One second has passed."""
        self._now += 1
        for entry in self._slots.pop(self._now, ()):
            seconds = entry.look()
            if seconds > 0:
                self.add(entry, seconds)

    def _turn(self) -> None:
        self._handle = None
        self.start()
        self.turn()
