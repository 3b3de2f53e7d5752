"""An organisation's services as their limits are published, side by side: mailboxes by SMTP and by Graph, High Volume
Email accounts, one Azure subscription by SMTP and REST; and the mail of a day for all of them.

Written from the published figures alone (Learn: "Exchange Online limits", "Microsoft Graph service-specific throttling
limits", "Manage high volume emails", "Service limits for Azure Communication Services"; Tech Community 607825): it
shares nothing with the gateway's budgets. An attempt is counted at a moment of the service's choosing.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mailferry.clock import ManualClock
from mailferry.mail.body import Body
from mailferry.mail.envelope import Recipient
from mailferry.mail.message import Message
from mailferry.mail.outcome import Deferred
from mailferry.routes.api import Limits, Result, lane_of
from mailferry.smtp.replies import reply
from mailferry.spool.api import LaneDue, Lease
from support.published_service import CONNECTIONS, OK, EndlessMail, Mailbox

GRAPH_AT_ONCE, HVE_RECIPIENTS, HVE_SESSIONS = 4, 50, 20
ACS_MINUTE, ACS_HOUR, ACS_RECIPIENTS = 30, 100, 50
THROTTLED = Deferred(reply(451, "4.3.2", "TooManyRequests"), None, "throttle")


@dataclass
class Subscription:
    """What Azure has counted."""

    minute: deque[float] = field(default_factory=deque)
    hour: deque[float] = field(default_factory=deque)
    accepted: int = 0

    def admits(self, now: float, recipients: int) -> bool:
        for window, length in ((self.minute, 60), (self.hour, 3600)):
            while window and window[0] <= now - length:
                window.popleft()
        if len(self.minute) >= ACS_MINUTE or len(self.hour) >= ACS_HOUR or recipients > ACS_RECIPIENTS:
            return False
        self.minute.append(now)
        self.hour.append(now)
        self.accepted += 1
        return True


class Services:
    """All of them. A mailbox counts the same whichever way the mail comes."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.mailboxes: defaultdict[str, Mailbox] = defaultdict(Mailbox)
        self.azure = Subscription()
        self.high_volume: defaultdict[str, int] = defaultdict(int)
        self.open: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.refusals: defaultdict[str, int] = defaultdict(int)
        self.calls = 0

    def admits(self, kind: str, mailbox: str, recipients: int) -> bool:
        now = self.clock.time()
        if kind == "hve":
            self.high_volume[mailbox] += recipients
            return recipients <= HVE_RECIPIENTS
        if kind.startswith("acs"):
            return self.azure.admits(now, recipients)
        return self.mailboxes[mailbox].admits(now, recipients)


#: How many sessions or requests at once, per mailbox.
_AT_ONCE = {"smtp": CONNECTIONS, "graph": GRAPH_AT_ONCE, "hve": HVE_SESSIONS, "acs-smtp": 250, "acs-rest": 250}


class Way:
    """The transport of one route to these services."""

    def __init__(self, services: Services, kind: str, limits: Limits) -> None:
        self.limits = limits
        self._services = services
        self._kind = kind

    async def deliver(self, message: Message, body: Body, recipients: Sequence[Recipient]) -> Result:
        there, key = self._services, (self._kind, message.mailbox)
        there.calls += 1
        seconds = (3 + there.calls * 7 % 11) / 10  # 0.3 to 1.3
        counted = seconds * (there.calls % 3) / 2  # at the begin, in the middle, at the end
        there.open[key] += 1
        try:
            admitted = there.open[key] <= _AT_ONCE[self._kind]
            if counted:
                await there.clock.sleep(counted)
            admitted = admitted and there.admits(self._kind, message.mailbox, len(recipients))
            if seconds > counted:
                await there.clock.sleep(seconds - counted)
        finally:
            there.open[key] -= 1
        there.refusals[self._kind] += not admitted
        return Result((OK if admitted else THROTTLED,) * len(recipients), handed_over=admitted)

    async def close(self) -> None:
        pass


class DaysMail(EndlessMail):
    """Always due mail, except in lanes that have `steady` messages a minute and no more."""

    def __init__(self, clock: ManualClock, lanes: Sequence[str], recipients: int, steady: Mapping[str, int]) -> None:
        super().__init__(clock, [*lanes, *steady], recipients)
        self._steady = steady
        self.clock = clock
        self._began = clock.time()
        self.given: defaultdict[str, int] = defaultdict(int)

    def claim(  # type: ignore[override]
        self, lane: str, now: float, limit: int, lease: float, *_: object, **__: object
    ) -> Future[list[Lease]]:
        if lane in self._steady:
            limit = min(limit, self._there(lane, now))
            self.given[lane] += limit
        future: Future[list[Lease]] = asyncio.get_running_loop().create_future()
        future.set_result([self._one(lane, now, lease) for _ in range(limit)])
        return future

    def _there(self, lane: str, now: float) -> int:
        return int((now - self._began) / 60) * self._steady[lane] - self.given[lane]

    def lanes(self) -> Future[list[LaneDue]]:
        now = self.clock.time()
        minute = self._began + 60 * (int((now - self._began) / 60) + 1)
        future: Future[list[LaneDue]] = asyncio.get_running_loop().create_future()
        future.set_result(
            [LaneDue(lane, 1, minute if lane in self._steady and not self._there(lane, now) else now)
             for lane in self._names]
        )  # fmt: skip
        return future


def lanes_of(route: str, mailboxes: Sequence[str]) -> list[str]:
    return [lane_of(route, mailbox) for mailbox in mailboxes]
