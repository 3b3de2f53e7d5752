"""Mail whose way is at fault leaves by the next one, and what still waits comes back when the first is well.

Leaves to others: which ways there are (routes.table), when a lane is at fault (health, breaker), the change (spool).
Invariants: a recipient has one lane at any time, changed in the store before an attempt and never under one, so that no
two routes have it at once; what may have arrived already (UNKNOWN), was refused or is held is never moved; the reason
stands in the message's history before the message leaves.
"""

from __future__ import annotations

import asyncio
from asyncio import Future, Task
from collections.abc import Mapping, Sequence

from mailferry.clock import Clock, utc
from mailferry.delivery.detour import Detour, Ways
from mailferry.delivery.lanes import Lane
from mailferry.mail.envelope import Recipient
from mailferry.mail.message import Message
from mailferry.obs.maillog import MailLog
from mailferry.routes.api import route_of
from mailferry.routes.table import Choice, first
from mailferry.spool.api import Choose, RecipientView, Spool, State, Turn

#: Only what has not been handed over by any attempt may take another way.
MOVABLE = frozenset({State.QUEUED, State.DEFERRED})
#: Seconds in which requests become one walk through the spool.
_TOGETHER = 1.0


class Failover:
    """Which lanes are out. `lanes` are all lanes by their names."""

    def __init__(self, spool: Spool, detour: Detour, lanes: Mapping[str, Lane], clock: Clock, log: MailLog) -> None:
        self._spool = spool
        self._detour = detour
        self._lanes = lanes
        self._clock = clock
        self._log = log
        self._out: dict[str, str] = {}  # lane -> why, since when
        self._task: Task[None] | None = None
        self._again = False
        self._probing: set[str] = set()

    def look(self, lane: Lane) -> None:
        """A lane's health may have changed. Cheap."""
        after = self._detour.after.get(route_of(lane.name))
        if after is None:
            return
        since = lane.health.since
        if lane.health.paused and since is not None and self._clock.time() - since >= after:
            began = utc(since).isoformat(timespec="seconds")
            if lane.name not in self._out:
                self._log.note("failover begins", lane=lane.name, cause=lane.trouble, since=began)
            self._out[lane.name] = f"{lane.trouble} (since {began})"
            self.request()
        elif not lane.health.paused and self._out.pop(lane.name, None) is not None:
            self._log.note("failover ends", lane=lane.name)
            self.request()

    def look_around(self) -> None:
        """Once a minute: a fault may have lasted long enough by now, and mail may have come to a lane that is out."""
        for lane in self._lanes.values():
            self.look(lane)

    def arrived(self, names: Sequence[str]) -> None:
        """There is new mail in these lanes."""
        if self._out and any(name in self._out for name in names):
            self.request()

    def starved(self, lane: Lane) -> None:
        """A lane's pause is over and nothing waits in it that could show whether it is well: one message comes back."""
        if lane.name not in self._out or lane.name in self._probing:
            return
        self._probing.add(lane.name)
        out = {name: why for name, why in self._out.items() if name != lane.name}
        moved = self._spool.reroute(chooser(self._detour, out, self._pauses(), self._clock.time(), lane.name), 1)
        moved.add_done_callback(lambda done: self._probed(lane, done))

    def _probed(self, lane: Lane, done: Future[int]) -> None:
        self._probing.discard(lane.name)
        if not done.cancelled() and (error := done.exception()) is not None:
            self._log.trouble("failover failed", lane=lane.name, cause=str(error))

    def request(self) -> None:
        """Move what has to be moved, soon."""
        self._again = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._move())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _move(self) -> None:
        while self._again:
            await self._clock.sleep(_TOGETHER)
            self._again = False
            choose = chooser(self._detour, dict(self._out), self._pauses(), self._clock.time())
            try:
                moved = await self._spool.reroute(choose)
            except Exception as error:  # the next look asks again
                self._log.trouble("failover failed", cause=str(error))
            else:
                if moved:
                    self._log.note("failover", recipients=moved, out=sorted(self._out))

    def _pauses(self) -> dict[str, float]:
        now = self._clock.time()
        return {lane.name: lane.health.until(now) for lane in self._lanes.values() if lane.health.paused}


def chooser(
    detour: Detour, out: Mapping[str, str], pauses: Mapping[str, float], now: float, only: str = ""
) -> Choose:  # fmt: skip
    """The choice for mail that waits, while the lanes in `out` take nothing; with `only`, to that lane alone. Pure, so
    that it may be asked in any thread."""
    ways_of: Ways = detour.ways()

    def choose(message: Message, recipient: Recipient, view: RecipientView) -> Turn | None:
        if view.state not in MOVABLE:
            return None
        ways = ways_of(message, recipient)
        here = next((index for index, way in enumerate(ways) if way.lane == view.lane), None)
        if here is None:
            return None
        if ways[here].lane not in out and any(way.route == ways[here].route for way in ways[:here]):
            return None  # another mailbox of the same pool carries it as well
        target = first(ways, out.__contains__)
        if target.lane == view.lane or (only and target.lane != only):
            return None
        due = view.next_attempt
        # A wait that the lane's fault imposed ends with the lane; one of the message's own goes on.
        at_once = bool(only) or (due is not None and due <= max(pauses.get(view.lane, now), now))
        return Turn(target.lane, _why(ways, here, target, out, detour.changes), now if at_once else None)

    return choose


def _why(
    ways: Sequence[Choice], here: int, target: Choice, out: Mapping[str, str],
    changes: Mapping[tuple[str, str], tuple[str, ...]],
) -> str:  # fmt: skip
    if target in ways[:here]:
        return f"{target.lane} is taken again" if target.lane not in out else "no other way works either"
    words = changes.get((ways[0].route, target.route), ())
    seen = f"; those who receive it see another {', '.join(words)}" if words else ""
    return f"leaves by {target.lane} instead of {ways[0].lane}, because of {out.get(ways[here].lane, 'a fault')}{seen}"
