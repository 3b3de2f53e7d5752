"""Puts on record that leases are attempted, before they are: a kill then leaves in doubt what may have got through, and
what was only claimed ahead goes back untried.

Leaves to others: who attempts what and when (dispatch), the record itself (spool).
Invariants: nothing of a lease is sent before its beginning is durable; no lane waits for a sync of its own while it has
more mail, since the beginnings of those that come next are recorded, several at once, while the present ones are sent.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from itertools import islice

from mailferry.delivery.lanes import Lane
from mailferry.mail.message import format_id
from mailferry.obs.maillog import MailLog
from mailferry.spool.api import Lease, Spool, SpoolError

#: Leases of one lane whose beginning is recorded ahead: as many as it sends at a time, between these bounds. A kill
#: leaves no more than these, and the ones under way, in doubt.
_FEWEST, _MOST = 4, 20


class Beginnings:
    """Of every lane."""

    def __init__(self, spool: Spool, log: MailLog) -> None:
        self._spool = spool
        self._log = log
        self._asked: dict[tuple[int, int], Future[bool]] = {}

    async def recorded(self, lane: Lane, lease: Lease) -> bool:
        """Return when the lease may be attempted; False when it may not, and nobody has attempted it."""
        key = (lease.token, lease.message.id)
        self._ahead(lane, lease)
        try:
            future = self._asked.get(key)
            if future is None or await asyncio.shield(future):
                return True
            return await self._spool.begin([lease])  # another one of the group was lost
        except SpoolError as error:
            self._log.trouble("attempt not begun", message=format_id(lease.message.id), cause=str(error))
            return False
        finally:
            self._asked.pop(key, None)

    def forget(self, lease: Lease) -> None:
        """The lease goes back."""
        self._asked.pop((lease.token, lease.message.id), None)

    def _ahead(self, lane: Lane, lease: Lease) -> None:
        """Ask for this lease, if that is to be done yet, and for those that come next, when half of them are near."""
        window = min(max(lane.health.width, _FEWEST), _MOST)
        coming = list(islice(lane.ready, window))
        first = [lease] if self._open(lease) else []
        if first or any(self._open(each) for each in coming[: window // 2]):
            self._ask(first + [each for each in coming if self._open(each)])

    def _open(self, lease: Lease) -> bool:
        return not lease.begun and (lease.token, lease.message.id) not in self._asked

    def _ask(self, leases: list[Lease]) -> None:
        future = self._spool.begin(leases)
        future.add_done_callback(_retrieve)
        for lease in leases:
            self._asked[lease.token, lease.message.id] = future


def _retrieve(future: Future[bool]) -> None:
    """Whoever waited has been told; where nobody did, there is nothing to tell."""
    if not future.cancelled():
        future.exception()
