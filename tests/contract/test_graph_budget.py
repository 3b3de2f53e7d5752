"""What a gateway asks of one mailbox in Microsoft Graph, against the sandbox's own throttles: not one 429."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

import pytest

from corpus.letters import attached, crlf, fields, multipart, part
from mailferry.clock import SystemClock
from mailferry.m365.limits import graph
from mailferry.mail.body import BytesBody
from mailferry.mail.envelope import Envelope, Recipient
from mailferry.mail.message import Message, MessageId
from mailferry.mail.outcome import Deferred
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.routes.api import Result, Transport
from mailferry.routes.build import build_transport
from mailferry.routes.graph_inbox import GraphInbox
from mailferry.routes.graph_quota import Quotas
from mailferry.routes.graph_search import GraphFinder
from mailferry.routes.look_build import build_finder, build_inbox
from mailferry.routes.settings import RouteSettings
from mailferry.routes.sighting import CannotTell
from mailferry.sandbox.certificates import Keys, make_keys
from mailferry.sandbox.faults import Fault
from mailferry.sandbox.organisation import SECRET, SECRET_CLIENT_ID
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings
from mailferry.tokens.broker import TokenBroker
from mailferry.tokens.credential import Credential
from mailferry.tokens.entra import EntraFetcher
from mailferry.tokens.settings import CredentialSettings
from support.transport_contract import ORIGIN, assert_delivered, secret

SCANNER, ANNA = "scanner@contoso.example", "anna@contoso.example"
AT = date(2027, 1, 5)


@dataclass
class Parts:
    """What asks the sandbox: sending, looking up, reading reports."""

    box: Sandbox
    transport: Transport
    finder: GraphFinder
    inbox: GraphInbox

    async def send(self, data: bytes) -> Result:
        body, recipients = BytesBody(data), (Recipient(ANNA),)
        message = Message(MessageId(1), Envelope(SCANNER, recipients), ORIGIN, len(data), 1.8e9, SCANNER, "<s@x>")
        return await self.transport.deliver(message, body, recipients)

    def refused(self) -> int:
        return sum(one.status == 429 for one in self.box.world.recorder.requests)


@pytest.fixture(scope="module")
def keys() -> Keys:
    return make_keys()


@asynccontextmanager
async def parts(keys: Keys, **changed: int) -> AsyncIterator[Parts]:
    """The sandbox and the gateway with some of the published figures in another size, the same for both."""
    log = MailLog(lambda *entry: None, Metrics())
    async with Sandbox(SandboxSettings(at=AT, running=False), keys=keys) as box:
        box.world.tune(messages_per_minute=0)
        roles = ["Mail.Send", "Mail.Read", "Mail.ReadWrite"]
        box.world.patch({"tenant": {"applications": {SECRET_CLIENT_ID: {"graph_roles": roles}}}})
        known = CredentialSettings.model_validate(
            {
                "client_id": SECRET_CLIENT_ID, "secret": {"env": "SECRET"}, "ca_file": box.ca_file,
                "tenant_id": box.authority.rpartition("/")[2], "authority": box.entra_url,
            }
        )  # fmt: skip
        credential = Credential("contoso", known, {"SECRET": SECRET})
        broker = TokenBroker({"contoso": credential}, EntraFetcher(), SystemClock(), log)
        route = RouteSettings.model_validate(
            {
                "name": "g", "type": "graph", "tenant": "contoso", "endpoint": box.graph_url, "ca_file": box.ca_file,
                "large": "upload", "lookup": "graph", "bounces": True,
            }
        )  # fmt: skip
        published = graph()
        limits = replace(published, **{n: replace(getattr(published, n), value=v) for n, v in changed.items()})
        quotas = Quotas(box.clock, limits=limits)
        build = partial(build_transport, hostname="gw.example", cloud="worldwide", secret=secret, log=log)
        transport = build(route, tokens=broker, quotas=quotas)
        finder, inbox = (
            build_finder(route, "worldwide", broker, quotas),
            build_inbox(route, "worldwide", broker, quotas),
        )
        assert finder is not None
        assert inbox is not None
        try:
            yield Parts(box, transport, finder, inbox)
        finally:
            for each in (transport, finder, inbox, broker):
                await each.close()


class Gate(SystemClock):
    """A machine clock whose sleepers wait until they are let go."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.sleeping = 0
        self.changed = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.sleeping += 1
        self.changed.set()
        await self.open.wait()


async def test_sending_looking_up_and_reading_reports_keep_to_four_at_once(keys: Keys) -> None:
    async with parts(keys) as one:
        gate = Gate()
        one.box._graph._machine = gate
        one.box.faults.add(Fault(surface="graph", at="request", action="delay", delay=1))
        sending = [asyncio.create_task(one.send(letter(crlf(fields(), "x")))) for _ in range(4)]
        looking = [asyncio.create_task(one.finder.find("<s@x>", SCANNER, 0.0, 1.8e9)) for _ in range(4)]
        reading = asyncio.create_task(one.inbox.reports(SCANNER, 0.0, ()))
        while gate.sleeping < 4:
            gate.changed.clear()
            await gate.changed.wait()
        gate.open.set()
        for result in await asyncio.gather(*sending):
            assert_delivered(result)
        assert not [seen for seen in await asyncio.gather(*looking) if isinstance(seen, CannotTell)]
        await reading
        assert one.refused() == 0
        assert len(one.box.world.recorder.requests) >= 9


def heavy(attachments: int) -> bytes:
    """A letter that takes a draft: as many attachments, none of which is small."""
    data = base64.b64encode(bytes(1_500_000)).decode()
    files = [attached(f"{number}.bin", "application/octet-stream", data) for number in range(attachments)]
    return letter(multipart("mixed", part("text/plain", "x"), *files))


def letter(data: bytes) -> bytes:
    return data.replace(b"scan@contoso.example", SCANNER.encode()).replace(b"ann@fabrikam.example", ANNA.encode())


async def test_every_request_of_a_message_counts_and_none_is_begun_that_could_not_be_finished(keys: Keys) -> None:
    """A draft of four attachments takes six requests: after ten of thirteen another one waits for the window."""
    async with parts(keys, requests_per_10_minutes=13) as one:
        one.box.world.tune(graph_requests=13)
        assert_delivered(await one.send(heavy(4)))
        for _ in range(4):
            await one.finder.find("<s@x>", SCANNER, 0.0, 1.8e9)
        before = len(one.box.world.recorder.requests)
        (outcome,) = (await one.send(heavy(4))).outcomes
        assert isinstance(outcome, Deferred)
        assert outcome.lane_fault == "throttle"
        assert outcome.retry_after is not None
        assert len(one.box.world.recorder.requests) == before
        one.box.clock.advance(outcome.retry_after)
        assert_delivered(await one.send(heavy(4)))
        assert one.refused() == 0
