"""Leases from the spool into the hands of workers, lane by lane.

Leaves to others: when a lane is looked at (scheduler), what it may do (lanes) and the attempt (worker).
Invariants: a lane has one claim on its way at most, and never claims more than it can use soon; the leases of all lanes
together have a bound; a lease that cannot be used goes back at once; where attempts or leases are scarce, lanes take
turns, and in a lane its clients do.
"""

from __future__ import annotations

import asyncio
from asyncio import Future, Task
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence

from mailferry.clock import Clock
from mailferry.delivery import alarm_texts
from mailferry.delivery.agenda import Agenda
from mailferry.delivery.alarms import Alarms
from mailferry.delivery.begin import Beginnings
from mailferry.delivery.lanes import Lane
from mailferry.delivery.recorder import Recorder
from mailferry.delivery.settings import DeliverySettings
from mailferry.delivery.worker import NOTHING, Worker
from mailferry.mail.message import format_id
from mailferry.obs.maillog import MailLog
from mailferry.spool.api import Lease, Spool

ALARM = "spool:claim"
#: Seconds until a claim that failed is made again.
_AGAIN = 5.0
#: Attempts of one worker after which it lets others run, should its transport never wait.
_BREATH = 16


class Dispatcher:
    """Claims and workers of every lane."""

    def __init__(
        self, spool: Spool, worker: Worker, recorder: Recorder, agenda: Agenda, settings: DeliverySettings,
        alarms: Alarms, clock: Clock, log: MailLog,
    ) -> None:  # fmt: skip
        self._spool = spool
        self._alarms = alarms
        self._barred: set[str] = set()  # lanes whose last claim failed
        self._worker = worker
        self._recorder = recorder
        self._beginnings = Beginnings(spool, log)
        self._agenda = agenda
        self._settings = settings
        self._clock = clock
        self._log = log
        self._running: dict[Task[None], float] = {}  # worker -> when its attempt must be over (monotonic)
        self._waiting: OrderedDict[str, Lane] = OrderedDict()  # lanes that want a worker when one is free
        self._hungry: OrderedDict[str, Lane] = OrderedDict()  # lanes that may claim when others hold less
        self._ahead = 0  # leases that lanes hold ready, or have asked for
        self._overdue: set[Task[None]] = set()
        self._claims = 0
        self._served = 0
        self.full: Callable[[Lane], None] = _nothing  # a lane has mail and may not send it now
        self.starved: Callable[[Lane], None] = _nothing  # a paused lane may probe and has nothing to do it with
        self._changed = asyncio.Event()
        self.closed = False

    def fill(self, lane: Lane) -> None:
        """Claim for `lane` what it can use, if there may be something."""
        if self.closed or not lane.more or lane.claiming or not lane.usable or self._recorder.blocked:
            return
        now = self._clock.time()
        room = lane.room(now)
        if room <= 0:
            self._agenda.at(lane.next_free(now), lane.name)
            self.full(lane)
            return
        room = min(room, self._settings.claim_ahead_all - self._ahead)
        if room <= 0:
            self._hungry[lane.name] = lane
            return
        self._ahead += room
        lane.claiming, lane.more = True, False
        self._claims += 1
        self._served += 1
        lane.served = self._served
        future = self._spool.claim(
            lane.name, now, room, self._settings.lease, lane.last, begin=self._at_once(lane, now)
        )
        future.add_done_callback(lambda done: self._claimed(lane, room, done))

    def _feed(self) -> None:
        """Let those claim that could not for what others held."""
        while self._hungry and self._ahead < self._settings.claim_ahead_all and not self.closed:
            self.fill(self._hungry.popitem(last=False)[1])

    def _at_once(self, lane: Lane, now: float) -> int:
        """How many of the next leases are attempted as soon as they are there."""
        spare = min(lane.health.slots(now, lane.flying), lane.health.width - lane.workers) - len(lane.ready)
        return max(0, min(spare, self._settings.parallel - len(self._running)))

    def _claimed(self, lane: Lane, asked: int, future: Future[list[Lease]]) -> None:
        self._claims -= 1
        self._ahead -= asked
        self._changed.set()
        lane.claiming = False
        error = asyncio.CancelledError() if future.cancelled() else future.exception()
        if error is not None:
            self._barred_by(lane, str(error) or "cancelled")
            self._feed()
            return
        self._barred.discard(lane.name)
        if not self._barred:
            self._alarms.clear(ALARM)  # it may stand from an earlier run
        leases = future.result()
        lane.ready.extend(leases)
        self._ahead += len(leases)
        if leases:
            lane.used_at = self._clock.time()
        lane.last = last_served(lane.last, [lease.message.origin.client for lease in leases])
        if not leases and lane.health.paused:
            self.starved(lane)
        if self.closed:
            self.give_back(lane)
            return
        if len(leases) >= asked:
            lane.more = True
        elif lane.timed:
            lane.timed = False
            self._agenda.at(self._clock.time(), "")  # what comes due next is known to the spool alone
        self._staff(lane)
        if lane.more and lane.low:
            self.fill(lane)
        self._feed()

    def _barred_by(self, lane: Lane, cause: str) -> None:
        """A claim failed: try again soon."""
        self._log.trouble("claim failed", lane=lane.name, cause=cause)
        lane.more = True
        if self.closed:
            return
        self._barred.add(lane.name)
        self._alarms.sound(ALARM, alarm_texts.about(alarm_texts.CLAIM, cause), alarm_texts.SPOOL_CURE)
        self._agenda.at(self._clock.time() + _AGAIN, lane.name)

    def _staff(self, lane: Lane) -> None:
        """Give the lane as many workers as it has use for."""
        now = self._clock.time()
        spare = min(lane.health.slots(now, lane.flying), lane.health.width - lane.workers, len(lane.ready))
        while spare > 0:
            if len(self._running) >= self._settings.parallel:
                self._waiting[lane.name] = lane
                return
            spare -= 1
            lane.workers += 1
            task = asyncio.get_running_loop().create_task(self._work(lane))
            self._running[task] = self._clock.monotonic() + self._settings.lease
            task.add_done_callback(self._forget)
        if not lane.workers and lane.ready:
            self.give_back(lane)

    def _forget(self, task: Task[None]) -> None:
        self._running.pop(task, None)
        self._overdue.discard(task)
        self._changed.set()
        while self._waiting and len(self._running) < self._settings.parallel and not self.closed:
            self._staff(self._waiting.popitem(last=False)[1])

    async def _work(self, lane: Lane) -> None:
        """Make attempts as long as the lane has some."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        breath, turn = 0, False
        try:
            while (lease := self._next(lane)) is not None:
                self._running[task] = lease.expires
                if await self._begins(lane, lease):
                    await self._attempt(task, lane, lease)
                breath += 1
                if lane.more and lane.low:
                    self.fill(lane)
                self._feed()
                if len(self._waiting) > (lane.name in self._waiting):
                    turn = True
                    break
                if breath % _BREATH == 0:
                    await asyncio.sleep(0)
        finally:
            lane.workers -= 1
            self._after(lane, turn)

    async def _begins(self, lane: Lane, lease: Lease) -> bool:
        """Whether the attempt is on record, so that it may be made. Else the lease goes back."""
        begun = False
        try:
            begun = (lease.begun and not lane.ready) or await self._beginnings.recorded(lane, lease)
        finally:
            if not begun:
                self._return(lane, lease)
        return begun

    async def _attempt(self, task: Task[None], lane: Lane, lease: Lease) -> None:
        try:
            await self._worker.attempt(lane, lease)
        except asyncio.CancelledError:
            if task not in self._overdue:
                raise
            self._overdue.discard(task)
            task.uncancel()
            self._log.trouble("attempt took too long, cut off", message=format_id(lease.message.id), lane=lane.name)
        except Exception as error:
            # A fault of our own: the claim stays with its lease, and is tried again as unknown when that ends.
            self._log.trouble(
                "delivery failed", message=format_id(lease.message.id), lane=lane.name, cause=repr(error)
            )  # fmt: skip

    def _next(self, lane: Lane) -> Lease | None:
        """The next lease that lasts long enough for an attempt."""
        now, passed = self._clock.time(), self._clock.monotonic()
        while not self.closed and (lease := lane.take(now)) is not None:
            self._ahead -= 1
            if lease.expires - passed >= self._settings.lease / 2:
                return lease
            self._return(lane, lease)
        return None

    def _after(self, lane: Lane, turn: bool) -> None:
        """A worker of the lane ended: `turn` for another lane's sake, else because nothing could be taken."""
        if turn and not self.closed:
            self._waiting[lane.name] = lane
            self._waiting.move_to_end(lane.name)
        elif lane.ready and (self.closed or lane.blocked(self._clock.time())):
            self.give_back(lane)
        else:
            self.fill(lane)
        self._feed()
        for other in lane.kin:  # what this attempt did not use of the budget they share
            self.fill(other)

    def give_back(self, lane: Lane) -> None:
        """The lane cannot use its leases now: they go back as they were."""
        self._ahead -= len(lane.ready)
        while lane.ready:
            self._return(lane, lane.ready.popleft())

    def _return(self, lane: Lane, lease: Lease) -> None:
        def returned() -> None:
            lane.more = True
            self.fill(lane)

        self._beginnings.forget(lease)
        self._recorder.put(lease, (), NOTHING, returned)

    def cut_overdue(self) -> None:
        """Cancel attempts whose lease is about to end: somebody else could take the message over."""
        now = self._clock.monotonic()
        for task, end in self._running.items():
            if now >= end - 60.0 and task not in self._overdue:
                self._overdue.add(task)
                task.cancel()

    async def idle(self) -> None:
        """Return when no claim and no attempt is under way."""
        while self._running or self._claims:
            self._changed.clear()
            await self._changed.wait()

    def cancel(self) -> None:
        """Cut off every attempt."""
        for task in list(self._running):
            task.cancel()


def last_served(last: str, clients: Sequence[str]) -> str:
    """The client after which the next claim goes on, when a claim that began after `last` got mail of `clients`: the
    last one in the last round of turns."""
    if not clients:
        return last
    shares = Counter(clients)
    most = max(shares.values())
    return max((client for client, share in shares.items() if share == most), key=lambda each: (each <= last, each))


def _nothing(lane: Lane) -> None:
    pass
