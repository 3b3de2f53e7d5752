"""The graph route against the sandbox's Graph, which was written from the documentation by somebody else: token
service, TLS, sendMail, drafts and uploads, to the inbox."""

from __future__ import annotations

import email
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from email.message import Message as Parsed
from typing import Any

import pytest

from corpus.letters import LETTERS, attached, crlf, fields, large, multipart, part
from mailferry.clock import SystemClock
from mailferry.mail.body import Body, BytesBody
from mailferry.mail.envelope import Envelope, Recipient
from mailferry.mail.message import Message, MessageId
from mailferry.mail.outcome import Delivered
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.routes.api import Result, Transport
from mailferry.routes.build import build_transport
from mailferry.routes.settings import RouteSettings
from mailferry.sandbox.certificates import Keys, make_keys
from mailferry.sandbox.faults import Fault
from mailferry.sandbox.organisation import CERTIFICATE_CLIENT_ID, SECRET, SECRET_CLIENT_ID
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings
from mailferry.tokens.broker import TokenBroker
from mailferry.tokens.credential import Credential
from mailferry.tokens.entra import EntraFetcher
from mailferry.tokens.settings import CredentialSettings
from support.transport_contract import (
    ORIGIN,
    FileBody,
    assert_delivered,
    assert_failed,
    assert_held,
    assert_unknown,
    secret,
)

SCANNER, ANNA, BEN, OUTSIDE = (
    "scanner@contoso.example",
    "anna@contoso.example",
    "ben@contoso.example",
    "x@fabrikam.example",
)


@dataclass
class Crossing:
    """A transport and the service behind it."""

    box: Sandbox
    transport: Transport

    async def send(self, data: bytes | Body, *to: str, mailbox: str = SCANNER) -> Result:
        body = BytesBody(data) if isinstance(data, bytes) else data
        recipients = tuple(Recipient(address) for address in to)
        envelope = Envelope(mailbox, recipients)
        message = Message(MessageId(1), envelope, ORIGIN, body.size, 1.8e9, mailbox, "<s1@contoso.example>")
        return await self.transport.deliver(message, body, recipients)

    def arrived(self, box: str) -> Parsed:
        (one,) = self.box.mail.find(box=box)
        return email.message_from_bytes(one.raw)


@pytest.fixture(scope="module")
def keys() -> Keys:
    return make_keys()


async def crossing(keys: Keys, certificate: bool = False, **changes: Any) -> AsyncIterator[Crossing]:
    log = MailLog(lambda *entry: None, Metrics())
    async with Sandbox(SandboxSettings(at=date(2027, 1, 5), running=False), keys=keys) as box:
        box.world.tune(messages_per_minute=0)
        identity: dict[str, Any] = {"client_id": SECRET_CLIENT_ID, "secret": {"env": "SECRET"}}
        if certificate:
            identity = {"client_id": CERTIFICATE_CLIENT_ID, "certificate": {"file": box.application_certificate}}
        settings = CredentialSettings.model_validate(
            identity
            | {"tenant_id": box.authority.rpartition("/")[2], "authority": box.entra_url, "ca_file": box.ca_file}
        )
        credential = Credential("contoso", settings, {"SECRET": SECRET})
        broker = TokenBroker({"contoso": credential}, EntraFetcher(), SystemClock(), log)
        route = {"name": "g", "type": "graph", "tenant": "contoso", "endpoint": box.graph_url, "ca_file": box.ca_file}
        transport = build_transport(
            RouteSettings.model_validate(route | changes),
            hostname="gateway.example",
            cloud="worldwide",
            tokens=broker,
            secret=secret,
            log=log,
        )
        try:
            yield Crossing(box, transport)
        finally:
            await transport.close()
            await broker.close()


@pytest.fixture
async def graph(keys: Keys) -> AsyncIterator[Crossing]:
    async for made in crossing(keys, large="upload"):
        yield made


@pytest.fixture
async def scoped(keys: Keys) -> AsyncIterator[Crossing]:
    async for made in crossing(keys, certificate=True):
        yield made


def letter(data: bytes) -> bytes:
    """A letter of the corpus, between the sandbox's people."""
    for old, new in ((b"scan@contoso.example", SCANNER), (b"ann@fabrikam.example", ANNA)):
        data = data.replace(old, new.encode()).replace(old.upper(), new.upper().encode())
    return data


async def test_a_message_arrives(graph: Crossing) -> None:
    assert_delivered(await graph.send(letter(crlf(fields("X-Job: 7"), "Grüße")), ANNA))
    got = graph.arrived(ANNA)
    assert (got["Subject"], got["Message-ID"], got["X-Job"]) == ("Scan", "<s1@contoso.example>", "7")
    assert "Grüße" in (got.get_payload(decode=True) or b"").decode()


async def test_the_envelope_decides(graph: Crossing) -> None:
    assert_delivered(await graph.send(letter(crlf(fields(), "x")), ANNA, BEN))
    assert graph.arrived(BEN)["Bcc"] is None
    assert graph.arrived(ANNA)["To"] == ANNA
    graph.box.world.forget()
    assert_failed(await graph.send(letter(crlf(fields(), "x")), BEN), ANNA)
    assert graph.box.mail.find(box=ANNA) == []


async def test_the_corpus_arrives(graph: Crossing) -> None:
    for one in LETTERS:
        if one.way in ("identical", "edited") and len(one.to) == 1:
            graph.box.world.forget()
            result = await graph.send(letter(one.data), ANNA)
            assert set(map(type, result.outcomes)) == {Delivered}, (one.name, result)
            assert graph.arrived(ANNA), one.name


async def test_a_large_message_arrives_by_upload(graph: Crossing) -> None:
    result = await graph.send(FileBody(letter(large(9_000_000))), ANNA, BEN)
    assert_delivered(result)
    got = graph.arrived(ANNA)
    assert graph.arrived(BEN)
    (file,) = [one for one in got.walk() if one.get_filename()]
    content = file.get_payload(decode=True)
    assert isinstance(content, bytes)
    assert content == bytes(range(57)) * (len(content) // 57)
    assert len(content) > 6_500_000
    assert got["Message-ID"] == "<s1@contoso.example>"
    assert not [one for one in graph.box.world.drafts if one]


async def test_images_and_names_survive_the_json_form(keys: Keys) -> None:
    image = part("image/png", "iVBORw0KGgo=", head=("Content-ID: <logo@x>", "Content-Transfer-Encoding: base64"))
    related = ['Content-Type: multipart/related; boundary="r"', "", "--r"]
    related += [*part("text/html; charset=utf-8", '<img src="cid:logo@x">日本'), "--r", *image, "--r--"]
    data = letter(multipart("mixed", related, attached("見積.pdf")))
    async for graph in crossing(keys, large="upload", request_size="4 kB"):
        assert_delivered(await graph.send(data, ANNA))
        parts = {one.get_content_type(): one for one in graph.arrived(ANNA).walk()}
        assert "日本" in parts["text/html"].get_payload(decode=True).decode(parts["text/html"].get_content_charset())
        assert parts["image/png"]["Content-ID"] == "<logo@x>"
        assert (parts["application/pdf"].get_payload(decode=True) or b"").startswith(b"%PDF")


async def test_too_large_without_upload(scoped: Crossing) -> None:
    assert_failed(await scoped.send(FileBody(letter(large(5_000_000))), ANNA), "5.3.4")


async def test_scope(scoped: Crossing) -> None:
    assert_delivered(await scoped.send(letter(crlf(fields(), "x")), ANNA))
    other = crlf(fields(sender=BEN), "x").replace(b"ann@fabrikam.example", ANNA.encode())
    assert_held(await scoped.send(other, ANNA, mailbox=BEN), "service", "ErrorAccessDenied")


async def test_no_such_mailbox(graph: Crossing) -> None:
    nobody = "nobody@contoso.example"
    other = crlf(fields(sender=nobody), "x").replace(b"ann@fabrikam.example", ANNA.encode())
    result = await graph.send(other, ANNA, mailbox=nobody)
    assert_held(result, "service", "404")


async def test_without_readwrite(graph: Crossing) -> None:
    roles = {"applications": {SECRET_CLIENT_ID: {"graph_roles": ["Mail.Send"]}}}
    graph.box.world.patch({"tenant": roles})
    assert_held(await graph.send(FileBody(letter(large(9_000_000))), ANNA), "sender", "creating a draft")
    assert_delivered(await graph.send(letter(crlf(fields(), "x")), ANNA))


async def test_throttled_and_lost(graph: Crossing) -> None:
    data = letter(crlf(fields(), "x"))
    add = graph.box.faults.add
    add(Fault(surface="graph", at="request", action="reply", status=429, retry_after=5, count=1))
    result = await graph.send(data, ANNA)
    assert_held(result, "throttle", "429")
    assert getattr(result.outcomes[0], "retry_after", 0) == 5
    add(Fault(surface="graph", at="response", action="take-and-drop", count=1))
    assert_unknown(await graph.send(data, ANNA))
    (one,) = graph.box.mail.find(box=ANNA)
    assert email.message_from_bytes(one.raw)["Message-ID"] == "<s1@contoso.example>"
