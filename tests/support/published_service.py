"""A tenant's submission service as its limits are published, and a store that never runs out of mail.

Written from the published figures alone (Learn, "Exchange Online limits", sending limits; Tech Community 607825): it
shares nothing with the gateway's budgets, so that the two can disagree. An attempt is counted at a moment of the
service's choosing between its begin and its end.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections import defaultdict, deque
from collections.abc import Sequence

from mailferry.clock import ManualClock
from mailferry.mail.body import Body, BytesBody
from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.mail.message import IdSource, Message, MessageId
from mailferry.mail.outcome import Deferred, Delivered
from mailferry.routes.api import Limits, Result
from mailferry.smtp.replies import reply
from mailferry.spool.api import Claim, LaneDue, Lease, Move, State, Use
from mailferry.spool.memory import MemorySpool

PER_MINUTE, PER_DAY, CONNECTIONS = 30, 10_000, 3
OK = Delivered(reply(250, "2.0.0", "OK"))
THROTTLED = Deferred(reply(432, "4.3.2", "STOREDRV.ClientSubmit; sender thread limit exceeded"), None, "throttle")


class Mailbox:
    """What the service has counted of one mailbox."""

    def __init__(self) -> None:
        self.open = 0
        self.minute: deque[float] = deque()
        self.day: deque[tuple[float, int]] = deque()
        self.today = 0
        self.accepted: list[float] = []
        self.recipients = 0

    def admits(self, now: float, recipients: int) -> bool:
        while self.minute and self.minute[0] <= now - 60:
            self.minute.popleft()
        while self.day and self.day[0][0] <= now - 86_400:
            self.today -= self.day.popleft()[1]
        if len(self.minute) >= PER_MINUTE or self.today + recipients > PER_DAY:
            return False
        self.minute.append(now)
        self.day.append((now, recipients))
        self.today += recipients
        self.accepted.append(now)
        self.recipients += recipients
        return True


class PublishedService:
    """The transport of all its mailboxes."""

    def __init__(self, clock: ManualClock, limits: Limits) -> None:
        self.limits = limits
        self.mailboxes: defaultdict[str, Mailbox] = defaultdict(Mailbox)
        self.refusals = 0
        self._clock = clock
        self._calls = 0

    async def deliver(self, message: Message, body: Body, recipients: Sequence[Recipient]) -> Result:
        box = self.mailboxes[message.mailbox]
        self._calls += 1
        seconds = (3 + self._calls * 7 % 11) / 10  # 0.3 to 1.3
        counted = seconds * (self._calls % 3) / 2  # at the begin, in the middle, at the end
        box.open += 1
        try:
            admitted = box.open <= CONNECTIONS
            if counted:
                await self._clock.sleep(counted)
            admitted = admitted and box.admits(self._clock.time(), len(recipients))
            if seconds > counted:
                await self._clock.sleep(seconds - counted)
        finally:
            box.open -= 1
        self.refusals += not admitted
        return Result((OK if admitted else THROTTLED,) * len(recipients), handed_over=True)

    async def close(self) -> None:
        pass


class EndlessMail(MemorySpool):
    """Every lane always has due mail: messages to `recipients` recipients each."""

    def __init__(self, clock: ManualClock, lanes: Sequence[str], recipients: int) -> None:
        super().__init__(clock, IdSource(clock))
        self._names = lanes
        self._to = tuple(Recipient(f"{number}@example.net") for number in range(recipients))
        self._next = 0
        self.moves: defaultdict[State, int] = defaultdict(int)

    def claim(  # type: ignore[override]
        self, lane: str, now: float, limit: int, lease: float, *_: object, **__: object
    ) -> Future[list[Lease]]:
        future: Future[list[Lease]] = asyncio.get_running_loop().create_future()
        future.set_result([self._one(lane, now, lease) for _ in range(limit)])
        return future

    def _one(self, lane: str, now: float, lease: float) -> Lease:
        self._next += 1
        message = Message(
            MessageId(self._next), Envelope("erp@example.com", self._to),
            Origin("erp", "10.0.0.1", "erp", None, None, "office"), 10, now, lane.partition("/")[2], "<1@erp>",
        )  # fmt: skip
        claims = tuple(Claim(number, to, 0, State.QUEUED) for number, to in enumerate(self._to))
        return Lease(message, lane, claims, BytesBody(b"Subject: x\r\n"), now + lease, self._next)

    def record(self, lease: Lease, moves: Sequence[Move], use: Use) -> Future[bool]:
        for move in moves:
            self.moves[move.state] += 1
        future: Future[bool] = asyncio.get_running_loop().create_future()
        future.set_result(True)
        return future

    def lanes(self) -> Future[list[LaneDue]]:
        future: Future[list[LaneDue]] = asyncio.get_running_loop().create_future()
        future.set_result([LaneDue(lane, 1_000_000, self._clock.time()) for lane in self._names])
        return future
