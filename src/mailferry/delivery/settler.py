"""Looks for messages whose answer was lost, beside the attempts, before anything of them is sent again.

Leaves to others: how a service is asked (routes.sighting), what the answer means (settle), storing it (recorder).
Invariants: a look holds no connection and no slot of its lane; few run at a time and each ends; a look that fails is
told, and whatever happens its lease ends in a record.
"""

from __future__ import annotations

import asyncio
from asyncio import Task
from collections.abc import Callable, Sequence

from mailferry.clock import Clock
from mailferry.delivery import alarm_texts
from mailferry.delivery.alarms import Alarms
from mailferry.delivery.lanes import Lane
from mailferry.delivery.recorder import Recorder
from mailferry.delivery.settings import DeliverySettings
from mailferry.delivery.settle import NOT_YET, Lost, history, moves, wait
from mailferry.m365.facts import Text
from mailferry.mail.message import format_id
from mailferry.obs.maillog import MailLog
from mailferry.routes.api import route_of
from mailferry.routes.sighting import Attempted, CannotTell, Finder, Finders, Seen, Sighting
from mailferry.spool.api import Claim, Lease, Move, Spool, SpoolError, State, Use

#: Looks at a time, and leases that may wait for their turn; what is more waits in the spool.
_AT_A_TIME, _WAITING = 4, 100
#: Seconds that one look may take, whatever the route's timeouts say.
_LONGEST = 60.0
_AGAIN = 60.0
#: The message trace answers for ten days at most in one request (Learn, Get-MessageTraceV2, 2025).
_RANGE = 9 * 86400.0
#: Seconds before a message came in which another one of its Message-ID may have come that was sent beside it.
_BESIDE = 86400.0
_TWINS = "another message has the same Message-ID, and a copy cannot be told to be of this one"
_NOTHING = Use(0, 0)


class Settler:
    """Takes leases over whose recipients are in doubt."""

    def __init__(
        self, spool: Spool, finders: Finders, settings: DeliverySettings, recorder: Recorder, alarms: Alarms,
        clock: Clock, log: MailLog, due: Callable[[Lane, float], None],
    ) -> None:  # fmt: skip
        self._spool = spool
        self._finders = finders
        self._settings = settings
        self._recorder = recorder
        self._alarms = alarms
        self._clock = clock
        self._log = log
        self._due = due
        self._turns = asyncio.Semaphore(_AT_A_TIME)
        self._tasks: set[Task[None]] = set()

    def first(self, lane: Lane) -> float | None:
        """Seconds from a lost answer to the first look; None where nobody can look."""
        return wait(self._settings, 0) if self.looks(lane) else None

    def looks(self, lane: Lane) -> bool:
        return route_of(lane.name) in self._finders

    async def ready(self, lane: Lane, lease: Lease) -> bool:
        """Whether the lease may be attempted. False: it was taken over, for something of it is in doubt."""
        doubtful = [claim for claim in lease.claims if claim.state is State.UNKNOWN]
        finder = self._finders.get(route_of(lane.name))
        if not doubtful or finder is None:
            return True
        try:
            view = await self._spool.show(lease.message.id)
        except SpoolError as error:
            self._postpone(lane, lease, doubtful, str(error))
            return False
        lost = None if view is None else history(view, doubtful, lane.mailbox)
        if lost is None or lost.told:
            return True
        if len(self._tasks) >= _WAITING:
            self._postpone(lane, lease, doubtful, "many others are looked for")
            return False
        task = asyncio.get_running_loop().create_task(self._settle(lane, lease, lost, finder))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return False

    async def close(self) -> None:
        """End every look; the leases go back as they were."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _settle(self, lane: Lane, lease: Lease, lost: Lost, finder: Finder) -> None:
        found: list[Move] = []
        try:
            async with self._turns:
                sighting = await self._look(lane, lease, lost, finder)
            self._tell(lane, lost, sighting if isinstance(sighting, CannotTell) else None)
            found = moves(lost, sighting, self._settings, self._clock.time())
        except Exception as error:  # a fault of our own must not make a loop of looks
            self._log.trouble("look for a lost answer failed", lane=lane.name, cause=repr(error))
            now, text = self._clock.time(), f"{NOT_YET} internal error of this gateway"
            found = [Move(one.id, State.UNKNOWN, now, text, now + _AGAIN, count=False) for one in lost.claims]
        finally:
            self._record(lane, lease, found)

    async def _look(self, lane: Lane, lease: Lease, lost: Lost, finder: Finder) -> Sighting:
        message, until = lease.message, lost.at
        since = max(message.received_at, until - _RANGE)
        try:
            async with asyncio.timeout(_LONGEST):
                recipients = tuple(claim.recipient for claim in lost.claims)
                seen = await finder.find(
                    message.header_id, lane.mailbox or message.mailbox, since, until, of=Attempted(message, recipients)
                )
        except TimeoutError:
            return CannotTell("no answer in time", lasting=False)
        if not isinstance(seen, Seen) or seen.own:
            return seen
        # There are devices that write one Message-ID all their lives: none of their mail may be taken for another's.
        alike = await self._spool.known([message.header_id], message.received_at - _BESIDE)
        return CannotTell(_TWINS, lasting=True) if any(each != message.id for each in alike) else seen

    def _tell(self, lane: Lane, lost: Lost, failed: CannotTell | None) -> None:
        key = f"lookup:{lane.name}"
        if failed is None:
            self._alarms.clear(key)
            return
        self._log.trouble("look for a lost answer failed", lane=lane.name, cause=failed.reason)
        if failed.reason == _TWINS:  # nobody can mend that, and the message goes on by the policy
            return
        if failed.lasting or self._clock.time() - lost.at >= self._settings.lookup_patience:
            where = Text(f"{lane.name}: {alarm_texts.LOOKUP.en}", f"{lane.name}: {alarm_texts.LOOKUP.ja}")
            self._alarms.sound(key, alarm_texts.about(where, failed.reason), alarm_texts.LOOKUP_CURE)

    def _postpone(self, lane: Lane, lease: Lease, doubtful: Sequence[Claim], cause: str) -> None:
        now = self._clock.time()
        text = f"{NOT_YET} {cause}"
        self._record(
            lane, lease, [Move(claim.id, State.UNKNOWN, now, text, now + _AGAIN, count=False) for claim in doubtful]
        )

    def _record(self, lane: Lane, lease: Lease, found: list[Move]) -> None:
        if not found or len(found) < len(lease.claims):  # what is not in doubt, and what a stop interrupted
            self._recorder.put(lease, found, _NOTHING, lambda: self._due(lane, 0.0))
        else:
            self._recorder.put(lease, found, _NOTHING)
        message = format_id(lease.message.id)
        addresses = {claim.id: claim.recipient.address for claim in lease.claims}
        for move in found:
            if move.next_attempt is not None:
                self._due(lane, move.next_attempt)
            if move.state is State.HELD:
                self._log.unknown(message, lane.name, addresses[move.claim], move.reply)
            elif not move.reply.startswith(NOT_YET):
                self._log.settled(message, lane.name, addresses[move.claim], move.state.value, move.reply)
