"""A gateway's delivery and the sandbox behind it, whose clock stands until a test moves it: what becomes of mail after
it was handed over."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from mailferry.delivery.external import External
from mailferry.delivery.outward import Allowance
from mailferry.delivery.scheduler import Scheduler
from mailferry.delivery.settings import DeliverySettings
from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.mail.message import IdSource, MessageId
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.routes.acs_rest import AcsRestTransport
from mailferry.routes.build import build_transport
from mailferry.routes.look_build import build_finder, build_inbox
from mailferry.routes.settings import RouteSettings
from mailferry.routes.table import Exit, RouteTable
from mailferry.sandbox.certificates import Keys
from mailferry.sandbox.faults import Fault
from mailferry.sandbox.organisation import SECRET, SECRET_CLIENT_ID
from mailferry.sandbox.organisation_services import ACS_KEYS
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings
from mailferry.spool.api import Accepted, MessageView, Spool, State
from mailferry.spool.checkpoints import Checkpoint, no_checkpoint
from mailferry.spool.memory import MemorySpool
from mailferry.spool.settings import SpoolSettings
from mailferry.spool.sqlite.store import SqliteSpool
from mailferry.tokens.broker import TokenBroker
from mailferry.tokens.credential import Credential
from mailferry.tokens.entra import EntraFetcher
from mailferry.tokens.settings import CredentialSettings
from support.transport_contract import PATIENT, secret

SCANNER, DONOTREPLY = "scanner@contoso.example", "donotreply@contoso.example"
MAY_READ = ("Mail.Send", "Mail.ReadWrite")
NOTHING_SAID = Allowance()
MAY_TRACE = ("Mail.Send", "ExchangeMessageTrace.Read.All")


@dataclass
class Post:
    """One run of a gateway, and the service behind it."""

    box: Sandbox
    spool: Spool
    scheduler: Scheduler
    lines: list[tuple[str, dict[str, Any]]]
    external: External

    async def submit(self, *recipients: str, client: str = "scanner") -> MessageId:
        to = ", ".join(recipients)
        data = f"From: {SCANNER}\r\nTo: {to}\r\nMessage-ID: <o'1@scanner>\r\nSubject: scan\r\n\r\nhello\r\n".encode()
        draft = self.spool.draft(len(data))
        draft.write(data)
        envelope = Envelope(SCANNER, tuple(Recipient(each) for each in recipients))
        origin = Origin(client, "192.0.2.7", "scanner", None, None, "office")
        lanes = (f"g/{SCANNER}",) * len(recipients)
        return await draft.commit(Accepted(envelope, origin, SCANNER, lanes, "<o'1@scanner>", "scan"))

    async def view(self, message: MessageId) -> MessageView:
        view = await self.spool.show(message)
        assert view is not None
        return view

    async def states(self, message: MessageId) -> list[State]:
        return [each.state for each in (await self.view(message)).recipients]

    async def until(self, *wanted: State, of: MessageId, step: float = 1.0, always: bool = False) -> MessageView:
        """Let the clock run, a step whenever the gateway is quiet, until the recipients are in these states; `always`
        while it is at work too, for routes that wait by this clock."""
        async with asyncio.timeout(20):
            while (states := await self.states(of)) != list(wanted):
                await self.quiet(0.005)
                if (
                    always or State.CLAIMED not in states
                ):  # else the sockets are at work, for which no time of this clock passes
                    self.box.clock.advance(step)
        return await self.view(of)

    async def quiet(self, seconds: float) -> None:
        """Give the sockets that long of real time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:  # noqa: ASYNC110 - there is nothing to wait for but other ends of sockets
            await asyncio.sleep(0)

    async def eventually(self, done: Callable[[], bool], step: float = 30.0) -> None:
        async with asyncio.timeout(20):
            while not done():
                await self.quiet(0.02)
                self.box.clock.advance(step)

    def lose(self, at: str, action: str, operation: str = "sendMail", surface: str = "graph", **more: Any) -> None:
        match = {} if surface == "smtp" else {"operation": operation}
        fault = {"surface": surface, "at": at, "action": action, "match": match, "count": 1} | more
        self.box.faults.add(Fault.model_validate(fault))

    def sent(self) -> int:
        """How often sendMail was asked for."""
        return sum(one.form.get("operation") == "sendMail" for one in self.box.world.recorder.requests)

    def arrived(self, box: str, surface: str = "graph") -> int:
        return len([one for one in self.box.mail.find(box=box) if one.received.surface == surface])


class Machine:
    """A disk, and what is left of it when the power fails at a checkpoint of the gateway."""

    def __init__(self, box: Sandbox, directory: Path) -> None:
        self._box = box
        self._directory = directory
        self.left: Path | None = None

    def spool(self, directory: Path | None = None) -> SqliteSpool:
        ids = IdSource(self._box.clock)
        return SqliteSpool(directory or self._directory, self._box.clock, ids, SpoolSettings())

    def checkpoint(self, name: str) -> None:
        """The answer is there, or its loss, and nothing of it is on record."""
        if name == "delivery.answered" and self.left is None:
            self.left = self._directory.with_name("left")
            shutil.copytree(self._directory, self.left)


@asynccontextmanager
async def service(keys: Keys, roles: tuple[str, ...] = MAY_READ) -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(at=date(2027, 1, 5), running=False), keys=keys) as box:
        box.world.tune(messages_per_minute=0)
        box.world.patch({"tenant": {"applications": {SECRET_CLIENT_ID: {"graph_roles": list(roles)}}}})
        yield box


@asynccontextmanager
async def gateway(
    box: Sandbox, *, kind: str = "graph", spool: Spool | None = None, checkpoint: Checkpoint = no_checkpoint,
    owner: str = "", delivery: Any = None, allowance: Allowance = NOTHING_SAID, **route: Any,
) -> AsyncIterator[Post]:  # fmt: skip
    """One run of a gateway with one route; a second one with the same spool is the same gateway after a restart."""
    lines: list[tuple[str, dict[str, Any]]] = []
    log = MailLog(lambda level, event, fields: lines.append((event, fields)), Metrics())
    credential = CredentialSettings.model_validate(
        {
            "client_id": SECRET_CLIENT_ID, "secret": {"env": "SECRET"}, "ca_file": box.ca_file,
            "tenant_id": box.authority.rpartition("/")[2], "authority": box.entra_url,
        }
    )  # fmt: skip
    broker = TokenBroker(
        {"contoso": Credential("contoso", credential, {"SECRET": SECRET})}, EntraFetcher(), box.clock, log
    )
    settings = _route(box, kind, route)
    transport = build_transport(
        settings, hostname="gw.example.com", cloud="worldwide", tokens=broker, secret=secret, log=log, clock=box.clock
    )
    own = transport.finder() if isinstance(transport, AcsRestTransport) else None
    finder, inbox = own or build_finder(settings, "worldwide", broker), build_inbox(settings, "worldwide", broker)
    spool = spool or MemorySpool(box.clock, IdSource(box.clock))
    await spool.open()
    external = External({"contoso": allowance}, {"g": "contoso"}, ["contoso.example"], box.clock, log.metrics)
    scheduler = Scheduler(
        spool, external.counted({"g": transport}),
        RouteTable([Exit("g", needs_mailbox=True)], [], "g", ["contoso.example"]),
        DeliverySettings.model_validate({"jitter": 0.0, "lookup": (2, 4)} | (delivery or {})), "gw.example.com",
        "postmaster@contoso.example", box.clock, log, lambda message: owner, checkpoint,
        finders={"g": finder} if finder else {}, inboxes={"g": inbox} if inbox else {}, external=external,
    )  # fmt: skip
    await scheduler.start()
    try:
        yield Post(box, spool, scheduler, lines, external)
    finally:
        await scheduler.stop()
        for each in (transport, finder, inbox):
            if each is not None:
                await each.close()
        await broker.close()
        await spool.close()


def _route(box: Sandbox, kind: str, more: dict[str, Any]) -> RouteSettings:
    settings: dict[str, Any] = {
        "name": "g",
        "type": kind,
        "tenant": "contoso",
        "ca_file": box.ca_file,
        "timeouts": PATIENT,
    }
    if kind == "exchange-smtp":
        settings |= {"host": box.host, "port": box.smtp_port}
    if kind == "acs-rest":
        settings |= {"access_key": {"env": ACS_KEYS[0]}, "endpoint": box.acs_url, "mailbox": DONOTREPLY}
        del settings["tenant"]
    if kind == "graph" or more.get("lookup", "none") != "none" or more.get("bounces"):
        settings["endpoint"] = box.graph_url
    return RouteSettings.model_validate(settings | more)


@asynccontextmanager
async def post(keys: Keys, roles: tuple[str, ...] = MAY_READ, **more: Any) -> AsyncIterator[Post]:
    async with service(keys, roles) as box, gateway(box, **more) as made:
        yield made
