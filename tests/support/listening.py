"""A listener with everything around it in memory (clock, spool, table, log), for its tests and dialogues."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from mailferry.clock import ManualClock
from mailferry.listener.accounts import Accounts
from mailferry.listener.guard import Guard
from mailferry.listener.identity import Identities
from mailferry.listener.server import ListenerServer
from mailferry.listener.settings import ClientSettings, GuardSettings, ListenerSettings, TlsSettings
from mailferry.listener.site import GatewayNames, Site
from mailferry.listener.tls import Contexts
from mailferry.mail.message import IdSource
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.spool.api import Filter, MessageView
from mailferry.spool.memory import MemorySpool

HOSTNAME = "gw.example.test"

#: The cheapest Argon2id there is: tests are about what is done with a hash, not about its strength.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def hashed(password: str) -> str:
    return CHEAP.hash(password)


@dataclass(frozen=True, slots=True)
class Way:
    route: str
    mailbox: str

    @property
    def lane(self) -> str:
        return f"{self.route}/{self.mailbox}"


class OneRoute:
    """A table with one route, "exo", that sends from the mailbox it is given, or from `fixed`."""

    def __init__(self, fixed: str = "") -> None:
        self.fixed = fixed
        self.asked = 0
        self.sizes = False

    def choose(
        self, *, client: str, client_route: str | None, sender: str, mailbox: str, recipient: str, size: int = 0
    ) -> Way:
        self.asked += 1
        return Way(client_route or "exo", self.fixed or mailbox)


@dataclass
class Recorder:
    """A sink of the mail log that keeps what it is told."""

    events: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, level: str, event: str, fields: dict[str, Any]) -> None:
        self.events.append((level, event, fields))

    def of(self, event: str) -> list[dict[str, Any]]:
        return [fields for _, name, fields in self.events if name == event]


class World:
    """Everything a listener needs, and the listener server itself."""

    def __init__(
        self,
        listeners: Iterable[ListenerSettings],
        clients: Iterable[ClientSettings],
        *,
        state: Path,
        guarding: GuardSettings | None = None,
        names: GatewayNames | None = None,
        table: OneRoute | None = None,
        clock: ManualClock | None = None,
        tls: TlsSettings | None = None,
    ) -> None:
        self.clock = clock or ManualClock()
        self.recorder = Recorder()
        self.log = MailLog(self.recorder, Metrics())
        self.spool = MemorySpool(self.clock, IdSource(self.clock))
        self.table = table or OneRoute()
        self.guarding = guarding or GuardSettings(delay=0.0)
        self.guard = Guard(self.guarding, self.clock, self.log)
        self.names = names or GatewayNames(
            HOSTNAME, frozenset({"example.test"}), postmaster=f"postmaster@{HOSTNAME}", subjects=True
        )
        self.listeners = tuple(listeners)
        self.site = self.make_site(tuple(clients))
        self.contexts = Contexts(self.listeners, tls or TlsSettings(), state, HOSTNAME, self.clock)
        self.server = ListenerServer(self.listeners, self.site, self.contexts)

    def make_site(self, clients: Iterable[ClientSettings]) -> Site:
        settings = tuple(clients)
        hashes = {one.login: one.password for one in settings if one.password}
        return Site(
            self.names,
            Identities(settings),
            Accounts(hashes, self.clock, self.guarding.remember),
            self.guard,
            self.guarding,
            spool=self.spool,
            table=self.table,
            log=self.log,
            clock=self.clock,
        )

    async def messages(self) -> list[MessageView]:
        return await self.spool.find(Filter(), limit=1000)

    async def octets(self, view: MessageView) -> bytes:
        body = await self.spool.body(view.message.id)
        assert body is not None
        return b"".join([chunk async for chunk in body.chunks()])
