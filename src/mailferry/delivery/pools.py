"""The mailboxes of one pool share their load: what one may not send soon goes to those with room.

Leaves to others: which mailbox a sender keeps to (routes.table), the change (spool), budgets (lanes).
Invariants: nothing is moved that may have arrived or that is not due; a mailbox is given no more than it may send now;
what no mailbox has room for stays where it is.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable
from functools import partial

from mailferry.clock import Clock
from mailferry.delivery.detour import Detour
from mailferry.delivery.failover import MOVABLE
from mailferry.delivery.lanes import Lane
from mailferry.mail.address import normal_address
from mailferry.mail.envelope import Recipient
from mailferry.mail.message import Message
from mailferry.routes.api import lane_of, route_of
from mailferry.spool.api import Choose, RecipientView, Spool, Turn

#: Seconds between two shares of one lane, and after one that found nothing to move.
_EVERY, _FRUITLESS = 1.0, 60.0


class Pools:
    """`lane` gives the lane of a name, made where there is none yet."""

    def __init__(self, spool: Spool, detour: Detour, lane: Callable[[str], Lane], clock: Clock) -> None:
        self._spool = spool
        self._detour = detour
        self._lane = lane
        self._clock = clock
        self._next: dict[str, float] = {}  # lane -> when it may share again

    def share(self, full: Lane) -> None:
        """`full` has mail and may not send now: give the others of its pool what they may send."""
        route, now = route_of(full.name), self._clock.time()
        pool = self._detour.pools.get(route)
        if pool is None or now < self._next.get(full.name, 0.0):
            return
        others = [self._lane(lane_of(route, normal_address(each))) for each in pool]
        room = {
            lane.name: lane.room(now)
            for lane in others
            if lane is not full and lane.usable and not lane.claiming and not lane.health.paused and not lane.ready
        }
        room = {name: each for name, each in room.items() if each > 0}
        if not room:
            return
        self._next[full.name] = float("inf")
        moved = self._spool.reroute(_spread(self._detour, full.name, room, now), sum(room.values()))
        moved.add_done_callback(partial(self._shared, full.name))

    def _shared(self, name: str, moved: Future[int]) -> None:
        fruitful = not moved.cancelled() and moved.exception() is None and moved.result() > 0
        self._next[name] = self._clock.time() + (_EVERY if fruitful else _FRUITLESS)


def _spread(detour: Detour, full: str, room: dict[str, int], now: float) -> Choose:
    """Due mail of `full` to the lanes with the most room left, message by message."""
    ways_of = detour.ways()
    left = dict(room)
    last: list[object] = [None, ""]  # the recipients of one message stay together

    def choose(message: Message, recipient: Recipient, view: RecipientView) -> Turn | None:
        if view.lane != full or view.state not in MOVABLE or view.next_attempt is None or view.next_attempt > now:
            return None
        lanes = {way.lane for way in ways_of(message, recipient)}
        if full not in lanes:
            return None
        if last[0] != message.id:
            able = [name for name, number in left.items() if number > 0 and name in lanes]
            if not able:
                return None
            name = max(able, key=lambda each: left[each])
            left[name] -= 1
            last[:] = [message.id, name]
        return Turn(str(last[1]), "shares the load of its pool")

    return choose
