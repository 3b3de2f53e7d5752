"""One gateway's delivery over the store in memory and a clock that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mailferry.clock import ManualClock
from mailferry.delivery.scheduler import Scheduler
from mailferry.delivery.settings import DeliverySettings
from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.mail.message import IdSource, Message, MessageId
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.routes.table import Exit, RouteTable
from mailferry.spool.api import Accepted, Filter, MessageView, State
from mailferry.spool.memory import MemorySpool
from support.fake_transport import FakeTransport

MAIL = b"From: scan@example.com\r\nSubject: scan\r\nMessage-ID: <1@scanner>\r\n\r\nhello\r\n"


@dataclass
class World:
    """Everything a delivery test handles."""

    clock: ManualClock
    spool: MemorySpool
    transports: dict[str, FakeTransport]
    table: RouteTable
    settings: DeliverySettings
    log: MailLog
    lines: list[tuple[str, str, dict[str, Any]]]
    owner: str = ""
    checkpoint: Callable[[str], None] = lambda name: None
    schedulers: list[Scheduler] = field(default_factory=list)

    @property
    def transport(self) -> FakeTransport:
        return self.transports["exo"]

    def scheduler(self, **changes: Any) -> Scheduler:
        scheduler = Scheduler(
            self.spool,
            self.transports,
            self.table,
            DeliverySettings(**{**self.settings.model_dump(), **changes}),
            "gw.example.com",
            "postmaster@example.com",
            self.clock,
            self.log,
            lambda message: self.owner,
            self.checkpoint,
        )
        self.schedulers.append(scheduler)
        return scheduler

    async def started(self, **changes: Any) -> Scheduler:
        scheduler = self.scheduler(**changes)
        await scheduler.start()
        await self.settle()
        return scheduler

    async def submit(
        self, *recipients: str | Recipient, sender: str = "scan@example.com", lane: str = "exo/scan@example.com",
        client: str = "scanner", data: bytes = MAIL, header_id: str = "<1@scanner>", **envelope: Any,
    ) -> MessageId:  # fmt: skip
        chosen = tuple(Recipient(each) if isinstance(each, str) else each for each in recipients or ("a@example.net",))
        draft = self.spool.draft(len(data))
        draft.write(data)
        return await draft.commit(
            Accepted(
                Envelope(sender, chosen, **envelope),
                Origin(client, "192.0.2.7", "scanner", None, None, "office"),
                lane.partition("/")[2],
                (lane,) * len(chosen),
                header_id,
                "scan",
            )
        )

    async def settle(self, rounds: int = 1000) -> None:
        """Let everything run that needs no time."""
        ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
        for _ in range(rounds):
            await asyncio.sleep(0)
            if not ready:
                return

    async def advance(self, seconds: float, step: float | None = None) -> None:
        """Let time pass, in steps, so that whatever is due on the way happens on the way."""
        end = self.clock.time() + seconds
        while (now := self.clock.time()) < end:
            self.clock.set(min(end, now + (step or seconds)))
            await self.settle()

    async def run(self, seconds: float) -> None:
        """Let time pass from one sleeper to the next: nothing happens later than it would."""
        end = self.clock.time() + seconds
        sleepers = self.clock._sleepers
        await self.settle()
        while self.clock.time() < end:
            due = min((at for at, _, waiter in sleepers if not waiter.done()), default=end)
            self.clock.set(min(end, max(due, self.clock.time())))
            await self.settle()

    async def until(self, done: Callable[[], bool], step: float = 1.0, most: float = 86400.0) -> None:
        end = self.clock.time() + most
        while not done():
            assert self.clock.time() < end, "it never happened"
            await self.advance(step)

    async def states(self, message: MessageId) -> list[State]:
        view = await self.view(message)
        return [each.state for each in view.recipients]

    async def view(self, message: MessageId) -> MessageView:
        view = await self.spool.show(message)
        assert view is not None
        return view

    async def alarms(self) -> list[str]:
        return [alarm.key for alarm in await self.spool.alarms()]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [fields for _, event, fields in self.lines if event == name]

    async def crash(self) -> None:
        """What a kill leaves: the spool with its claims turned back, and no scheduler."""
        for scheduler in self.schedulers:
            await scheduler.stop()
        self.schedulers.clear()
        self.checkpoint = lambda name: None
        await self.spool.open()

    async def reports(self) -> list[tuple[Message, bytes]]:
        """Every delivery status notification in the spool or sent from it."""
        which = Filter(client="mailer-daemon", states=frozenset(State))
        found = await self.spool.find(which, 1000)
        return [(view.message, await self._bytes(view.message.id)) for view in found]

    async def _bytes(self, message: MessageId) -> bytes:
        body = await self.spool.body(message)
        return b"" if body is None else body.inline or b""


def make_world() -> World:
    clock = ManualClock()
    spool = MemorySpool(clock, IdSource(clock))
    lines: list[tuple[str, str, dict[str, Any]]] = []
    log = MailLog(lambda level, event, fields: lines.append((level, event, fields)), Metrics())
    exits = [Exit("exo", needs_mailbox=True), Exit("smart", needs_mailbox=False), Exit("reports", needs_mailbox=False)]
    table = RouteTable(exits, [], "reports", ["example.com"])
    transports = {name: FakeTransport(clock) for name in ("exo", "smart", "reports")}
    return World(clock, spool, transports, table, DeliverySettings(jitter=0.0), log, lines)
