"""One lane: its budget, its health, the leases it holds and its work in flight.

Leaves to others: taking leases from the spool (dispatch) and making attempts (worker).
Invariant: `take` hands out a lease only when the lane may send it now, and `start` reserves its budget at once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from mailferry.delivery.alarm_texts import NO_ROUTE
from mailferry.delivery.budget import Budget
from mailferry.delivery.health import Health
from mailferry.delivery.settings import DeliverySettings
from mailferry.routes.api import Limits, Transport
from mailferry.routes.window import PLENTY, Window
from mailferry.spool.api import Lease

#: Weight of the newest attempt in the mean duration.
_NEWEST = 0.1
#: Seconds of work that a lane holds ahead.
_AHEAD = 1.0
#: Seconds without mail after which a lane is forgotten.
_IDLE = 3600.0
#: What the service counts in five minutes is counted from the start of an attempt here, so for a minute longer.
_OCTETS = 360.0
#: Sender faults in a row after which the mailbox itself is taken to be refused.
_SENDERS = 3


@dataclass(frozen=True, slots=True)
class LaneView:
    """A lane for people and programs. `reason` says why it is paused until `until` ("" and None while it runs);
    `connections` it may use now, `attempts` under way; `messages` and `recipients` it may send now, None: no limit."""

    name: str
    reason: str
    until: float | None
    connections: int
    attempts: int
    messages: int | None
    recipients: int | None


class Lane:
    """See the module. `more` is True while the spool may have due mail for it; `due` is when the next known mail is."""

    def __init__(
        self, name: str, transport: Transport | None, settings: DeliverySettings, budget: Budget | None = None
    ) -> None:
        limits = transport.limits if transport is not None else Limits()
        self.name = name
        self.transport = transport
        self.alarm_key = f"lane:{name}"
        self.mailbox = name.partition("/")[2]
        self.budget = Budget(limits) if budget is None else budget  # lanes to one mailbox may share it
        self._need_octets = 0
        self._octets = Window(limits.octets_per_5_minutes, _OCTETS, 0.0)
        self.health = Health(settings.pause, limits.connections or settings.parallel)
        self.ready: deque[Lease] = deque()
        self.usable = False  # what an earlier run used is known
        self.claiming = False
        self.more = False
        self.timed = False  # due mail was known only by its time: what follows it is not known
        self.workers = 0
        self.flying = 0
        self.trouble = ""  # what the present pause is for
        self.last = ""  # the client that was served last
        self.served = 0  # the number of its last claim, among all lanes
        self.used_at = float("inf")  # when it last got something; the scheduler sets it at first
        self.kin: tuple[Lane, ...] = ()  # other lanes on the same budget
        self.need = 1  # recipients that must be free for the next message
        self._most = limits.recipients_per_message or PLENTY
        self._ahead = settings.claim_ahead
        self._mean = 0.05
        self._refused_in_a_row = 0

    def room(self, now: float) -> int:
        """How many more leases the lane can use soon."""
        if self.health.paused:
            return 0 if self.ready else self._affordable(now, self.health.slots(now, self.flying))
        width = self.health.width
        ahead = min(self._ahead, max(width, int(width * _AHEAD / self._mean)))
        return self._affordable(now, ahead) - len(self.ready)

    def _affordable(self, now: float, wanted: int) -> int:
        if self._octets.free(now) < self._need_octets:
            return 0
        if not self.budget.limited or wanted <= 0:
            return wanted
        free = self.budget.free(now)
        return min(wanted, free.messages, free.recipients) if free.recipients >= self.need else 0

    @property
    def low(self) -> bool:
        """Whether to claim again: before the workers run dry."""
        return len(self.ready) <= self.health.width

    def blocked(self, now: float) -> bool:
        """Whether what is ready cannot be sent for a pause or for want of budget, rather than of a connection."""
        return self.health.paused or self.health.slots(now, self.flying) > 0

    def next_free(self, now: float) -> float:
        """When room() may rise by time alone; infinite when the end of an attempt decides."""
        if self.health.paused and self.health.until(now) > now:
            return self.health.until(now)
        if self.health.slots(now, self.flying) <= 0 or self.ready:
            return float("inf")
        return max(self.budget.when(now, self.need), self._octets.when(now, self._need_octets))

    def take(self, now: float) -> Lease | None:
        """The next lease if it may be sent now."""
        if not self.ready or self.health.slots(now, self.flying) <= 0:
            return None
        self._need_octets = min(self.ready[0].message.size, self._octets.limit)
        if self._octets.free(now) < self._need_octets:
            return None
        if self.budget.limited:
            free = self.budget.free(now)
            self.need = min(len(self.ready[0].claims), self._most, self.budget.granule)
            if free.messages < 1 or free.recipients < self.need:
                return None
            self.need = 1
        self._octets.add(now, self._need_octets)
        self._need_octets = 0
        return self.ready.popleft()

    def share(self, now: float) -> int:
        """To how many recipients one message may go now."""
        return max(0, min(self._most, self.budget.free(now).recipients))

    def start(self, recipients: int) -> int:
        self.flying += 1
        self.budget.start(recipients)
        return self.health.begin()

    def finish(self, recipients: int, began: float, now: float, *, used: bool) -> None:
        self.flying -= 1
        self.budget.finish(recipients, now, used=used)
        self._mean += (max(0.0, now - began) - self._mean) * _NEWEST
        self._mean = max(self._mean, 0.001)

    def idle(self, now: float) -> bool:
        """Whether the lane can be forgotten: nothing is under way, at fault or asked for, and its last claim was long
        enough ago that a mailbox in use keeps its lane."""
        busy = self.flying or self.ready or self.claiming or self.workers or self.more or self.health.paused
        return self.usable and not busy and now - self.used_at > _IDLE

    def view(self, now: float) -> LaneView:
        health, free = self.health, self.budget.free(now)
        return LaneView(
            self.name,
            NO_ROUTE if self.transport is None else health.reason,
            health.until(now) if health.paused else None,
            health.width,
            self.flying,
            None if free.messages == PLENTY else max(0, free.messages),
            None if free.recipients == PLENTY else max(0, free.recipients),
        )

    def sender_refused(self) -> bool:
        """A message was refused for its sender. True when so many were in a row that the mailbox is to blame."""
        self._refused_in_a_row += 1
        return self._refused_in_a_row >= _SENDERS

    def sender_accepted(self) -> None:
        self._refused_in_a_row = 0
