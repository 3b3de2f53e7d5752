"""What every transport must do, whatever it sends by: a kit of values, and checks that read as sentences."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme

from mailferry.mail.body import CHUNK, Body, BytesBody
from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.mail.message import Message, MessageId
from mailferry.mail.outcome import Deferred, Delivered, Failed, Outcome, Unknown
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.routes.api import Result, Transport
from mailferry.routes.build import build_transport
from mailferry.routes.settings import RouteSettings
from mailferry.smtp.commands import BodyType
from mailferry.tokens.api import AccessToken, TokenError
from mailferry.tokens.settings import SecretSource
from support.upstream import Upstream, listening

MAILBOX = "scan@contoso.example"
TEXT = b"Subject: test\r\nMessage-ID: <1@contoso.example>\r\n\r\nHello\r\n"
#: What internal-only routes reach in these tests.
DOMAINS = frozenset({"contoso.example", "fabrikam.example", "x.example"})
ORIGIN = Origin("scanner", "192.0.2.7", "scanner", None, None, "devices")


class FileBody:
    """A body that is not at hand: it comes in chunks only, as large messages do."""

    def __init__(self, data: bytes, size: int | None = None, error: Exception | None = None) -> None:
        self._data = data
        self.size = len(data) if size is None else size
        self.inline: bytes | None = None
        self._error = error

    async def chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._data), CHUNK):
            yield self._data[start : start + CHUNK]
        if self._error is not None:
            raise self._error


class FakeTokens:
    """A TokenSource with tokens in stock; `stock` holds what each refresh gives, an exception is raised."""

    def __init__(self, first: str | TokenError, *stock: str | TokenError) -> None:
        self._current: str | TokenError = first
        self._stock = list(stock)
        self.asked: list[tuple[str, str]] = []
        self.refreshed: list[str] = []

    async def token(self, credential: str, scope: str) -> AccessToken:
        self.asked.append((credential, scope))
        return self._given(credential, scope)

    async def refresh(self, refused: AccessToken, *, named: bool = False) -> AccessToken:
        self.refreshed.append(refused.value)
        self._current = self._stock.pop(0)
        return self._given(refused.credential, refused.scope)

    def _given(self, credential: str, scope: str) -> AccessToken:
        if isinstance(self._current, TokenError):
            raise self._current
        return AccessToken(self._current, 2e9, credential, scope)


@dataclass
class Bench:
    """An upstream and a transport to it. `log` collects what the transport had to say."""

    upstream: Upstream
    transport: Transport
    tokens: FakeTokens
    log: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    async def send(self, *addresses: str, **given: Any) -> Result:
        """Deliver TEXT, or what is given, to `addresses`."""
        recipients = [Recipient(address) for address in addresses or ("ann@fabrikam.example",)]
        return await self.send_to(recipients, **given)

    async def send_to(
        self,
        recipients: Sequence[Recipient],
        *,
        data: bytes = TEXT,
        body: Body | None = None,
        sender: str = MAILBOX,
        mailbox: str = MAILBOX,
        declared: BodyType | None = None,
        **envelope: Any,
    ) -> Result:
        carried = body if body is not None else BytesBody(data)
        full = Envelope(sender, tuple(recipients), declared, **envelope)
        message = Message(MessageId(1), full, ORIGIN, carried.size, 1.8e9, mailbox, "<1@contoso.example>")
        return await self.transport.deliver(message, carried, recipients)


class Authority:
    """A certificate authority and what it certifies."""

    def __init__(self, directory: Path) -> None:
        self.authority = trustme.CA()
        self.file = directory / "ca.pem"
        self.authority.cert_pem.write_to_path(self.file)

    def server(self, *names: str, clients: bool = False) -> ssl.SSLContext:
        """`clients`: ask them for a certificate of this authority too."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(*names).configure_cert(context)
        if clients:
            context.verify_mode = ssl.CERT_OPTIONAL
            self.authority.configure_trust(context)
        return context

    def client(self, name: str) -> Path:
        """A file with key and certificate of a client."""
        file = self.file.with_name(f"{name}.pem")
        self.authority.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(file)
        return file


#: Short enough for a test that waits for one, long enough for a busy machine in all others.
PATIENT = dict.fromkeys(("connect", "greeting", "command", "data", "block", "end", "quit"), 15.0)


@asynccontextmanager
async def exchange_bench(ca: Authority, **changes: Any) -> AsyncIterator[Bench]:
    """exchange-smtp as it is used: STARTTLS on a verified certificate, XOAUTH2."""
    upstream = Upstream(auth=("LOGIN", "XOAUTH2"), tokens={"good"}, context=ca.server("localhost"))
    settings = {"type": "exchange-smtp", "tenant": "contoso", "host": "localhost", "ca_file": ca.file}
    async with _bench(upstream, settings, changes) as bench:
        yield bench


@asynccontextmanager
async def smarthost_bench(ca: Authority, **changes: Any) -> AsyncIterator[Bench]:
    """A relay that asks for nothing."""
    async with _bench(Upstream(), {"type": "smarthost", "host": "127.0.0.1", "tls": "none"}, changes) as bench:
        yield bench


@asynccontextmanager
async def hve_bench(ca: Authority, **changes: Any) -> AsyncIterator[Bench]:
    """hve as it is used: XOAUTH2 as the account, which MAILBOX is here; it reaches DOMAINS."""
    upstream = Upstream(auth=("LOGIN", "XOAUTH2"), tokens={"good"}, context=ca.server("localhost"))
    settings = {"type": "hve", "tenant": "contoso", "host": "localhost", "ca_file": ca.file, "mailbox": MAILBOX}
    async with _bench(upstream, settings, changes) as bench:
        yield bench


@asynccontextmanager
async def acs_bench(ca: Authority, **changes: Any) -> AsyncIterator[Bench]:
    """acs-smtp as it is used: LOGIN with an SMTP username and a client secret."""
    upstream = Upstream(auth=("LOGIN", "XOAUTH2"), passwords={"mail-gateway": "SECRET"}, context=ca.server("localhost"))
    settings = {
        "type": "acs-smtp",
        "username": "mail-gateway",
        "password": {"env": "SECRET"},
        "host": "localhost",
        "ca_file": ca.file,
        "limits": {"message_size": 0},
    }
    async with _bench(upstream, settings, changes) as bench:
        yield bench


def preset_bench(preset: str) -> Callable[..., AbstractAsyncContextManager[Bench]]:
    @asynccontextmanager
    async def bench(ca: Authority, **changes: Any) -> AsyncIterator[Bench]:
        """A smarthost that is one of Microsoft's; direct-send reaches DOMAINS."""
        upstream = Upstream(context=ca.server("localhost", clients=True))
        settings = {"type": "smarthost", "preset": preset, "host": "localhost", "ca_file": ca.file}
        if preset == "connector-certificate":
            settings["certificate"] = ca.client("relay.contoso.example")
        async with _bench(upstream, settings, changes) as made:
            yield made

    return bench


PRESETS = {
    name: preset_bench(name) for name in ("exchange-relay", "connector-ip", "connector-certificate", "direct-send")
}
BENCHES = {"exchange-smtp": exchange_bench, "smarthost": smarthost_bench, "acs-smtp": acs_bench} | PRESETS


@asynccontextmanager
async def _bench(upstream: Upstream, settings: dict[str, Any], changes: dict[str, Any]) -> AsyncIterator[Bench]:
    """`changes`: of the upstream under its own names, `tokens` for the source, all else of the settings."""
    source = changes.pop("source", FakeTokens("good"))
    for name in [name for name in changes if name != "port" and hasattr(upstream, name)]:
        setattr(upstream, name, changes.pop(name))
    async with listening(upstream):
        timeouts = PATIENT | changes.pop("timeouts", {})
        full = {"name": "out", "port": upstream.port, "timeouts": timeouts} | settings | changes
        log: list[tuple[str, str, dict[str, Any]]] = []
        transport = build_transport(
            RouteSettings.model_validate(full),
            hostname="gateway.example",
            cloud="worldwide",
            tokens=source,
            secret=secret,
            log=MailLog(lambda *entry: log.append(entry), Metrics()),
            reach=DOMAINS,
        )
        try:
            yield Bench(upstream, transport, source, log)
        finally:
            await transport.close()


def secret(source: SecretSource) -> str:
    """Secrets of these tests: the name of the variable is the password."""
    return source.env or ""


def kinds(result: Result) -> list[type[Outcome]]:
    return [type(outcome) for outcome in result.outcomes]


def only(result: Result) -> Outcome:
    """The one outcome that all recipients share."""
    assert len(set(result.outcomes)) == 1, result
    return result.outcomes[0]


def assert_delivered(result: Result) -> None:
    assert set(kinds(result)) == {Delivered}, result
    assert result.handed_over


def assert_held(result: Result, fault: str, *words: str) -> None:
    """Every recipient waits for our side to be put right; the reply says why."""
    outcome = only(result)
    assert isinstance(outcome, Deferred), outcome
    assert outcome.lane_fault == fault, outcome
    _says(outcome, words)


def assert_deferred(result: Result, *words: str) -> None:
    """Every recipient waits, and the lane is not to blame."""
    outcome = only(result)
    assert isinstance(outcome, Deferred), outcome
    assert outcome.lane_fault == "", outcome
    _says(outcome, words)


def assert_failed(result: Result, *words: str) -> None:
    outcome = only(result)
    assert isinstance(outcome, Failed), outcome
    _says(outcome, words)


def assert_unknown(result: Result, *words: str) -> None:
    outcome = only(result)
    assert isinstance(outcome, Unknown), outcome
    assert result.handed_over
    _says(outcome, words)


def _says(outcome: Outcome, words: Iterable[str]) -> None:
    for word in words:
        assert word in str(outcome.reply), outcome.reply


def without(upstream: Upstream, *keywords: str) -> tuple[str, ...]:
    """The upstream's capabilities less some."""
    return tuple(line for line in upstream.capabilities if line.split(" ")[0] not in keywords)
