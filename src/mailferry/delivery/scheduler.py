"""Delivery as one object: it learns which lanes have due mail and sees to it that each is served.

Leaves to others: claims and workers (dispatch), lanes and their limits (lanes), one attempt (worker).
Invariants: mail that is committed is looked for at once, not by polling; what waits for a time is found at that time,
across restarts and clocks that jump; nothing here waits for the spool while mail could be sent.
"""

from __future__ import annotations

import asyncio
from asyncio import Future, Task
from collections.abc import Collection, Iterable

from mailferry.clock import Clock
from mailferry.delivery.agenda import Agenda
from mailferry.delivery.alarms import Alarms, Teller
from mailferry.delivery.bounce import BounceTo, Gateway, Reporter
from mailferry.delivery.breaker import Breaker
from mailferry.delivery.budgets import Budgets
from mailferry.delivery.detour import Detour
from mailferry.delivery.dispatch import Dispatcher
from mailferry.delivery.external import External
from mailferry.delivery.failover import Failover
from mailferry.delivery.lanes import Lane, LaneView
from mailferry.delivery.monitor import Monitor
from mailferry.delivery.pools import Pools
from mailferry.delivery.recorder import Recorder
from mailferry.delivery.retry import Schedule
from mailferry.delivery.returns import Returns
from mailferry.delivery.settings import DeliverySettings
from mailferry.delivery.settler import Settler
from mailferry.delivery.worker import Worker
from mailferry.obs.maillog import MailLog
from mailferry.routes.api import Transports, route_of
from mailferry.routes.faults import Fault
from mailferry.routes.returned import Inboxes
from mailferry.routes.sighting import Finders
from mailferry.routes.table import RouteTable
from mailferry.spool.api import LaneDue, Spool
from mailferry.spool.checkpoints import Checkpoint, no_checkpoint

#: The agenda's name for a look at all lanes of the spool.
_SURVEY = ""
#: Seconds between two such looks at least, and between two looks of the monitor.
_SURVEY_EVERY = 1.0
_MONITOR_EVERY = 60.0
_AGAIN = 5.0


class Scheduler:
    """Owns delivery. start() once; drain() to end in peace; stop() always."""

    def __init__(
        self, spool: Spool, transports: Transports, table: RouteTable, settings: DeliverySettings, hostname: str,
        postmaster: str, clock: Clock, log: MailLog, bounce_to: BounceTo, checkpoint: Checkpoint = no_checkpoint,
        teller: Teller | None = None, finders: Finders | None = None, inboxes: Inboxes | None = None,
        detour: Detour | None = None,
        external: External | None = None,
    ) -> None:  # fmt: skip
        self._spool = spool
        self._transports = transports
        self._settings = settings
        self._clock = clock
        self._log = log
        schedule = Schedule(settings)
        self._alarms = Alarms(spool, clock, log, teller)
        self._breaker = Breaker(self._alarms, settings, log)
        self._recorder = Recorder(spool, self._alarms, clock, log, settings.record_backlog, self._kick)
        self._agenda = Agenda(clock, self._rung)
        gateway = Gateway(hostname, postmaster)
        reporter = Reporter(spool, table, gateway, settings, schedule, clock, log, bounce_to)
        self._returns = Returns(spool, inboxes or {}, settings, reporter.came_back, self._alarms, clock, log)
        self._settler = Settler(
            spool, finders or {}, settings, self._recorder, self._alarms, clock, log, self._note_due
        )
        worker = Worker(
            settings, schedule, reporter, self._recorder, self._breaker, self._settler, clock, log, checkpoint,
            self._note_due,
        )  # fmt: skip
        self._dispatcher = Dispatcher(spool, worker, self._recorder, self._agenda, settings, self._alarms, clock, log)
        self._monitor = Monitor(spool, self._alarms, settings, clock, log)
        self._lanes: dict[str, Lane] = {}
        detour = detour or Detour()
        self._external = external
        self._budgets = Budgets(spool, detour, transports, clock, log)
        self._failover = Failover(spool, detour, self._lanes, clock, log)
        self._breaker.changed = self._failover.look
        self._dispatcher.starved = self._failover.starved
        self._dispatcher.full = Pools(spool, detour, self._lane, clock).share
        self._surveyed = -_SURVEY_EVERY
        self._surveying = False
        self._patrol: Task[None] | None = None
        self._reading: Task[None] | None = None

    async def start(self) -> None:
        """Begin to deliver. The spool is open."""
        await self._alarms.load()
        if self._external is not None:
            await self._external.learn(self._spool, self._alarms)
            self._returns.heard = self._external.returned
        self._spool.watch(self._changed)
        self._found(await self._spool.lanes())
        self._patrol = asyncio.get_running_loop().create_task(self._walk())
        self._reading = asyncio.get_running_loop().create_task(self._returns.run())

    async def drain(self, timeout: float) -> bool:  # noqa: ASYNC109 - of this gateway's clock
        """Take no more mail, and let what is under way end within `timeout` seconds. True when all of it did."""
        self._close()
        quiet = asyncio.create_task(self._quiet())
        late = asyncio.create_task(self._clock.sleep(timeout))
        await asyncio.wait({quiet, late}, return_when=asyncio.FIRST_COMPLETED)
        done = quiet.done()
        for task in (quiet, late):
            task.cancel()
        await asyncio.gather(quiet, late, return_exceptions=True)
        return done

    async def stop(self) -> None:
        """Cut off what is under way (it counts as unknown), and return when all of it is on record."""
        self._close()
        beside = [task for task in (self._patrol, self._reading) if task is not None]
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        self._dispatcher.cancel()
        await self._failover.close()
        await self._dispatcher.idle()
        for lane in self._lanes.values():
            self._dispatcher.give_back(lane)
        await self._settler.close()
        await self._recorder.close()

    def lanes(self) -> list[LaneView]:
        """Every lane met so far, for people to see."""
        now = self._clock.time()
        return [lane.view(now) for _, lane in sorted(self._lanes.items())]

    def hasten(self, routes: Collection[str]) -> None:
        """There is something new to log in with on these routes: what waits for a token is tried now."""
        for lane in self._lanes.values():
            if route_of(lane.name) in routes and lane.health.hasten(self._clock.time(), Fault.TOKEN):
                self._wake(lane)

    def _close(self) -> None:
        self._dispatcher.closed = True
        self._agenda.close()
        for lane in self._lanes.values():
            self._dispatcher.give_back(lane)

    async def _quiet(self) -> None:
        await self._dispatcher.idle()
        await self._recorder.idle()

    # -- what wakes a lane ------------------------------------------------------------------------------------------

    def _changed(self, names: Iterable[str] | None) -> None:
        """The spool has new mail in these lanes, or (None) somebody else changed it."""
        if self._dispatcher.closed:
            return
        if names is None:
            self._survey()
            return
        found = list(names)
        for name in found:
            self._wake(self._lane(name))
        self._failover.arrived(found)

    def _rung(self) -> None:
        """The agenda's timer went off."""
        if self._dispatcher.closed:
            return
        due = self._agenda.due(self._clock.time())
        if _SURVEY in due:
            self._survey()
        # Lanes on one budget come in turn: the one that had none for longest first.
        for lane in sorted((self._lane(name) for name in due if name != _SURVEY), key=lambda each: each.served):
            lane.timed = True
            self._wake(lane)
        self._agenda.arm()

    def _note_due(self, lane: Lane, when: float) -> None:
        """A lane's mail is due at `when`. Whole seconds, so that many messages ring once."""
        if self._dispatcher.closed:
            return
        if when <= self._clock.time():
            self._wake(lane)
        else:
            self._agenda.at(float(int(when) + 1), lane.name)

    def _kick(self) -> None:
        """Results are stored again: go on everywhere."""
        for lane in self._lanes.values():
            self._wake(lane)

    def _wake(self, lane: Lane) -> None:
        lane.more = True
        self._dispatcher.fill(lane)

    def _lane(self, name: str) -> Lane:
        lane = self._lanes.get(name)
        if lane is None:
            transport = self._transports.get(route_of(name))
            lane = self._lanes[name] = Lane(name, transport, self._settings, self._budgets.of(name))
            lane.health.since = self._alarms.since.get(lane.alarm_key)  # a fault that an earlier run met, too
            lane.used_at = self._clock.time()
            self._budgets.join(lane)
            if lane.transport is None:
                self._breaker.no_route(lane)
            else:
                self._budgets.learn(lane, self._learned)
        elif not lane.usable and lane.transport is None:
            self._breaker.no_route(lane)
        return lane

    def _learned(self, lane: Lane, known: bool) -> None:
        """What the lane's budget has been used for before is counted, or has to be asked for again."""
        if self._dispatcher.closed or lane.usable:
            return
        if known:
            lane.usable = True
            self._wake(lane)
        else:
            self._forget(lane)
            self._agenda.at(self._clock.time() + _AGAIN, lane.name)

    def _forget(self, lane: Lane) -> None:
        self._budgets.leave(lane)
        self._lanes.pop(lane.name, None)

    # -- what waits in the spool -------------------------------------------------------------------------------------

    def _survey(self) -> None:
        """Ask the spool for every lane's next due time; once a second at most. That takes back leases that have ended,
        and so not while results wait to be stored: what was delivered would count as in doubt."""
        now = self._clock.time()
        if self._surveying or self._recorder.blocked or 0 <= now - self._surveyed < _SURVEY_EVERY:
            self._agenda.at(now + _SURVEY_EVERY, _SURVEY)
            return
        self._surveying, self._surveyed = True, now
        self._spool.lanes().add_done_callback(self._surveyed_lanes)

    def _surveyed_lanes(self, future: Future[list[LaneDue]]) -> None:
        self._surveying = False
        if self._dispatcher.closed:
            return
        error = None if future.cancelled() else future.exception()
        if future.cancelled() or error is not None:
            self._log.trouble("lanes not known", cause=str(error or "cancelled"))
            self._agenda.at(self._clock.time() + _AGAIN, _SURVEY)
            return
        self._found(future.result())

    def _found(self, found: Iterable[LaneDue]) -> None:
        now = self._clock.time()
        waiting = set()
        for each in found:
            waiting.add(each.lane)
            lane = self._lane(each.lane)
            if each.due <= now:
                lane.timed = True
                self._wake(lane)
            else:
                self._agenda.at(float(int(each.due) + 1), lane.name)
        for name in self._orphans() - waiting:
            self._alarms.clear(f"lane:{name}")
            if name in self._lanes:
                self._forget(self._lanes[name])
        self._prune(waiting, now)

    def _prune(self, waiting: set[str], now: float) -> None:
        """Lanes of mailboxes that nobody sends from any more go; what they have used is in the store."""
        for lane in list(self._lanes.values()):
            if lane.name not in waiting and lane.idle(now):
                self._forget(lane)

    def _orphans(self) -> set[str]:
        """Lanes whose alarm says that there is no such route, for which no success can ever clear it."""
        keys = (key.removeprefix("lane:") for key in self._alarms.standing if key.startswith("lane:"))
        return {name for name in keys if route_of(name) not in self._transports}

    async def _walk(self) -> None:
        """Once a minute: look for what no notification tells. First when what was interrupted has had its chance."""
        await self._clock.sleep(_AGAIN)
        while True:
            try:
                if self._external is not None:
                    self._external.look(self._alarms)
                self._dispatcher.cut_overdue()
                self._failover.look_around()
                self._survey()
                await self._monitor.look()
            except Exception as error:
                self._log.trouble("monitor failed", cause=repr(error))
            await self._clock.sleep(_MONITOR_EVERY)
