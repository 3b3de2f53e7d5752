"""What the contract suite of the stores shares: a store to test, mail to put into it, and short ways to ask.

A store proves itself by passing tests/contract/test_spool_*.py; a new one joins STORES.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from mailferry.clock import ManualClock
from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.mail.message import IdSource, MessageId
from mailferry.spool.api import Accepted, Claim, Event, Filter, Lease, Move, RecipientView, Spool, State, Use
from mailferry.spool.memory import MemorySpool
from mailferry.spool.settings import SpoolSettings
from mailferry.spool.sqlite.store import SqliteSpool

LANE, OTHER = "exo/scan@example.com", "relay/"
ORIGIN = Origin("scanner", "192.0.2.7", "scanner.example", None, None, "devices")
TEXT = b"Subject: test\r\n\r\nHello\r\n"
#: Nothing is ever full for want of the real disk's space; other processes are noticed quickly.
SETTINGS = SpoolSettings(min_free=0, min_inodes=0, poll=0.02)


class Kit:
    """One store under test. `open` gives a Spool over the same mail again, as after a kill."""

    def __init__(self, clock: ManualClock, open_: Callable[[Spool | None], Awaitable[Spool]]) -> None:
        self.clock = clock
        self.told: list[set[str] | None] = []
        self._open = open_
        self.spool: Spool

    async def open(self) -> Spool:
        self.spool = await self._open(getattr(self, "spool", None))
        self.told.clear()
        self.spool.watch(self._changed)
        return self.spool

    async def forget(self) -> None:
        """Forget which lanes were told until now."""
        await asyncio.sleep(0)
        self.told.clear()

    def _changed(self, lanes: Iterable[str] | None) -> None:
        self.told.append(None if lanes is None else set(lanes))

    async def put(
        self,
        *recipients: str,
        lanes: tuple[str, ...] = (),
        body: bytes = TEXT,
        sender: str = "sender@example.com",
        origin: Origin = ORIGIN,
    ) -> MessageId:
        addresses = recipients or ("user@example.org",)
        draft = self.spool.draft(len(body))
        draft.write(body)
        return await draft.commit(accepted(*addresses, lanes=lanes, sender=sender, origin=origin))

    async def claim(
        self, lane: str = LANE, limit: int = 10, lease: float = 600.0, begin: int | None = None
    ) -> list[Lease]:
        return await self.spool.claim(lane, self.clock.time(), limit, lease, begin=begin)

    async def one(self, lane: str = LANE) -> Lease:
        (lease,) = await self.claim(lane)
        return lease

    def move(
        self,
        claim: Claim,
        state: State = State.DELIVERED,
        reply: str = "250 2.0.0 OK",
        due: float | None = None,
        *,
        count: bool = True,
        report: str = "",
    ) -> Move:
        after = None if due is None else self.clock.time() + due
        return Move(claim.id, state, self.clock.time(), reply, after, count, report)

    async def record(self, lease: Lease, *moves: Move, use: Use | None = None) -> bool:
        return await self.spool.record(lease, moves, use or Use(1, len(moves)))

    async def bring(self, message: MessageId, state: State) -> None:
        """Bring the one recipient of a new message to `state` by the moves that there are."""
        now = self.clock.time()
        if state is State.QUEUED:
            return
        if state in (State.HELD, State.DROPPED):
            act = self.spool.hold if state is State.HELD else self.spool.drop
            assert await act(Filter(ids=(message,)), now, "test") == 1
            return
        lease = await self.one()
        if state is not State.CLAIMED:
            assert await self.record(lease, self.move(lease.claims[0], state, "400 moved"))

    async def recipients(self, message: MessageId) -> list[RecipientView]:
        view = await self.spool.show(message)
        assert view is not None
        return list(view.recipients)

    async def states(self, message: MessageId) -> list[State]:
        return [each.state for each in await self.recipients(message)]

    async def events(self, message: MessageId) -> list[Event]:
        view = await self.spool.show(message)
        assert view is not None
        return list(view.events)

    async def kinds(self, message: MessageId) -> list[str]:
        return [event.kind for event in await self.events(message)]

    async def content(self, message: MessageId) -> bytes | None:
        body = await self.spool.body(message)
        return None if body is None else b"".join([chunk async for chunk in body.chunks()])


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a thread of the store; the time limit of the test ends it."""
    for _ in itertools.repeat(None):
        if await condition():
            return
        await asyncio.sleep(0.001)


def accepted(
    *recipients: str, lanes: tuple[str, ...] = (), sender: str = "sender@example.com", origin: Origin = ORIGIN
) -> Accepted:
    return Accepted(
        Envelope(sender, tuple(Recipient(each) for each in recipients)),
        origin,
        "scan@example.com",
        lanes or (LANE,) * len(recipients),
        "<1@example.com>",
        "A subject",
    )


def memory_kit(clock: ManualClock, directory: Path) -> Kit:
    async def open_(before: Spool | None) -> Spool:
        spool = before or MemorySpool(clock, IdSource(clock))
        await spool.close()
        await spool.open()
        return spool

    return Kit(clock, open_)


def sqlite_kit(clock: ManualClock, directory: Path, settings: SpoolSettings = SETTINGS) -> Kit:
    async def open_(before: Spool | None) -> Spool:
        if before is not None:
            await before.close()
        spool = SqliteSpool(directory / "spool", clock, IdSource(clock), settings)
        await spool.open()
        return spool

    return Kit(clock, open_)


STORES: dict[str, Callable[[ManualClock, Path], Kit]] = {"memory": memory_kit, "sqlite": sqlite_kit}
