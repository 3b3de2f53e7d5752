"""Alarms whose cause has left the spool, so that no success will ever clear them.

Leaves to others: raising and clearing (alarms), when to look (monitor).
Invariant: an alarm is obsolete only while no recipient is left that it tells of; should its cause still stand, the
next message that meets it raises it again.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailferry.mail.message import parse_id
from mailferry.spool.api import WAITING, Filter, Spool, State

#: Alarms that are looked at in one go.
_MOST = 100
_DOUBTFUL = frozenset({State.UNKNOWN, State.CLAIMED})
_SENDING = WAITING | {State.CLAIMED}


class Obsolete:
    """Looks through the standing alarms, the next part of them at each call where they are many."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._next = 0

    async def among(self, keys: Sequence[str]) -> list[str]:
        """Those of `keys` that nothing waits for any more."""
        self._next = self._next if self._next < len(keys) else 0
        part = keys[self._next : self._next + _MOST]
        self._next += _MOST
        return [key for key in part if await self._gone(key)]

    async def _gone(self, key: str) -> bool:
        kind, _, name = key.partition(":")
        match kind:
            case "body" | "message":
                return await self._finished(name)
            case "lane":
                return not await self._spool.find(Filter(states=_SENDING, lane=name), 1)
            case "lookup":
                return not await self._spool.find(Filter(states=_DOUBTFUL, lane=name), 1)
            case "sender":
                return not await self._of_sender(name)
            case _:
                return False

    async def _finished(self, name: str) -> bool:
        try:
            view = await self._spool.show(parse_id(name))
        except ValueError:  # not a message of ours: whoever raised it clears it
            return False
        return view is None or all(each.state.final for each in view.recipients)

    async def _of_sender(self, name: str) -> bool:
        """`name` is lane/sender; either may hold slashes, so that each of them could be the one between."""
        for place in (index for index, char in enumerate(name) if char == "/"):
            sender = name[place + 1 :]
            which = Filter(states=_SENDING, lane=name[:place], sender="" if sender == "<>" else sender)
            if await self._spool.find(which, 1):
                return True
        return False
