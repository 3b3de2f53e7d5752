"""Worlds whose mail has several ways: `exo` with `spare` behind it, pools, shared budgets."""

from __future__ import annotations

from collections.abc import Sequence

from mailferry.delivery.detour import Detour, Ways
from mailferry.delivery.scheduler import Scheduler
from mailferry.delivery.settings import DeliverySettings
from mailferry.mail.envelope import Recipient
from mailferry.mail.message import Message
from mailferry.routes.table import Choice, Exit, RouteTable
from support.delivery_world import World
from support.fake_transport import FakeTransport

HOME, SPARE = "exo/scan@example.com", "spare/scan@example.com"


def table_with_spares(pool: Sequence[str] = ()) -> RouteTable:
    exits = [
        Exit("exo", needs_mailbox=True, failover=("spare", "smart"), largest=10_000, pool=tuple(pool)),
        Exit("spare", needs_mailbox=True),
        Exit("smart", needs_mailbox=False, reach=frozenset({"example.com"})),
        Exit("reports", needs_mailbox=False),
    ]
    return RouteTable(exits, [], "exo", ["example.com"])


def ways_of(table: RouteTable) -> Ways:
    def ways(message: Message, recipient: Recipient) -> Sequence[Choice]:
        return table.ways(
            client=message.origin.client, client_route="exo", sender=message.envelope.reverse_path,
            mailbox=message.mailbox, recipient=recipient.address, size=message.size,
        )  # fmt: skip

    return ways


def detour(pool: Sequence[str] = (), after: float = 60.0) -> Detour:
    ways = ways_of(table_with_spares(pool))
    return Detour(
        lambda: ways,
        {"exo": after, "spare": after, "smart": after},
        {("exo", "spare"): (), ("exo", "smart"): ("from", "headers")},
        {},
        {"exo": tuple(pool)} if pool else {},
    )


async def started(world: World, way: Detour | None = None) -> Scheduler:
    """A scheduler that knows the detours, running."""
    world.transports.setdefault("spare", FakeTransport(world.clock))
    settings = DeliverySettings(**{**world.settings.model_dump(), "pause": (10.0, 30.0)})
    scheduler = Scheduler(
        world.spool, world.transports, world.table, settings, "gw.example.com", "postmaster@example.com", world.clock,
        world.log, lambda message: "", world.checkpoint, detour=way or detour(),
    )  # fmt: skip
    world.schedulers.append(scheduler)
    await scheduler.start()
    await world.settle()
    return scheduler
