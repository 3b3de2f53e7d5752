"""The transport against a server that is not ours: aiosmtpd as a smarthost."""

from __future__ import annotations

import socket
import warnings
from collections.abc import Iterator

import pytest

from mailferry.mail.outcome import Delivered, Failed
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.routes.build import build_transport
from mailferry.routes.settings import RouteSettings
from support.transport_contract import PATIENT, TEXT, Bench, FakeTokens, FileBody, assert_delivered, kinds, secret
from support.upstream import Upstream

with warnings.catch_warnings():  # aiosmtpd's own use of what Python deprecates
    warnings.simplefilter("ignore")
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import SMTP, Envelope, Session


class Handler:
    """Takes everything but for bob."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]):
        if address.startswith("bob@"):
            return "550 5.1.1 No bob here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope):
        self.taken.append(envelope)
        return "250 2.0.0 taken"


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def port(handler: Handler) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=number, enable_SMTPUTF8=True)
    controller.start()
    yield number
    controller.stop()


async def test_aiosmtpd(handler: Handler, port: int):
    settings = RouteSettings.model_validate(
        {"name": "r", "type": "smarthost", "host": "127.0.0.1", "port": port, "tls": "none", "timeouts": PATIENT}
    )
    log = MailLog(lambda *entry: None, Metrics())
    tokens = FakeTokens("none")
    transport = build_transport(
        settings, hostname="gw.example", cloud="worldwide", tokens=tokens, secret=secret, log=log
    )
    bench = Bench(Upstream(), transport, tokens)
    try:
        assert_delivered(await bench.send())
        assert kinds(await bench.send("ann@x.example", "bob@x.example")) == [Delivered, Failed]
        assert kinds(await bench.send("bob@x.example")) == [Failed]
        dots = b"Subject: dots\r\n\r\n" + b".a\r\n.\r\n..\r\n" * 100_000
        assert_delivered(await bench.send("ünal@x.example", body=FileBody(dots), smtputf8=True))
    finally:
        await transport.close()
    assert [taken.rcpt_tos for taken in handler.taken] == [
        ["ann@fabrikam.example"],
        ["ann@x.example"],
        ["ünal@x.example"],
    ]
    assert [taken.content for taken in handler.taken] == [TEXT, TEXT, dots]
