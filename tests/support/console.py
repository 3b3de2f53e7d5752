"""A console on loopback over a real spool and state directory, and a browser of few words to ask it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from argon2 import PasswordHasher

from mailferry.bulletin.changes import Changes, proposals
from mailferry.bulletin.compare import compare
from mailferry.bulletin.read import read
from mailferry.clock import ManualClock
from mailferry.config.load import load_config
from mailferry.console.serve import Console, Subject
from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.mail.message import IdSource, MessageId
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.spool.api import Accepted, Move, State, Use
from mailferry.spool.sqlite.store import SqliteSpool
from support.spool_contract import LANE, SETTINGS

PASSWORD = "correct horse battery staple"
#: As cheap as a hash can be: the tests are about what is done with it.
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
BODY = b"Subject: test\r\n\r\nThe body that nobody sees.\r\n"
MOVED = b"""<html><head><title>SMTP AUTH gets more time | Example News</title></head><body>
<h1>SMTP AUTH gets more time</h1>
<p>Published: November 20, 2026</p>
<p>In existing tenants, Basic authentication for SMTP AUTH is disabled by default on March 31, 2027.</p>
<p>The final removal date will be announced in the second half of 2027.</p></body></html>"""

_CONFIG = """
[gateway]
hostname = "gw.example.com"
state = "{state}"
postmaster = "postmaster@example.com"
[[listener]]
name = "devices"
address = "127.0.0.1:2525"
tls = "none"
authentication = "none"
[[client]]
name = "scanner"
networks = ["192.0.2.0/24"]
recipients = "anywhere"
[[route]]
name = "relay"
type = "smarthost"
host = "relay.example.com"
[guard]
attempts = 3
delay = "0s"
[console]
listen = "127.0.0.1:0"
{console}
"""


class Place:
    """A state directory with a configuration over it, and the gateway's spool."""

    def __init__(self, folder: Path, console: str = f'password = "{HASH}"') -> None:
        self.state = folder / "state"
        self.state.mkdir()
        self.file = folder / "mailferry.toml"
        self.file.write_text(_CONFIG.format(state=self.state, console=console), encoding="utf-8")
        self.clock = ManualClock(NOW)
        self.lines: list[tuple[str, str, dict[str, Any]]] = []
        self.links: list[str] = []
        self.log = MailLog(lambda level, event, fields: self.lines.append((level, event, fields)), Metrics())
        self.gateway = SqliteSpool(self.state / "spool", self.clock, IdSource(self.clock), SETTINGS)

    def console(self) -> Console:
        config = load_config(self.file)
        subject = Subject(config.gateway.state, config)
        return Console(config.console, subject, self.clock, self.log, self.links.append)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Console]:
        """The console, beside the gateway's spool."""
        await self.gateway.open()
        console = self.console()
        try:
            await console.start()
            yield console
        finally:
            await console.stop()
            await self.gateway.close()

    async def put(
        self, *recipients: str, sender: str = "erp@example.com", subject: str = "Invoice", client: str = "scanner"
    ) -> MessageId:
        """A message in the queue."""
        addresses = recipients or ("user@example.org",)
        draft = self.gateway.draft(len(BODY))
        draft.write(BODY)
        envelope = Envelope(sender, tuple(Recipient(each) for each in addresses))
        origin = Origin(client, "192.0.2.7", "scanner.example", None, None, "devices")
        lanes = (LANE,) * len(addresses)
        return await draft.commit(Accepted(envelope, origin, "scan@example.com", lanes, "<1@example.com>", subject))

    async def answered(self, message: MessageId, state: State, reply: str) -> None:
        """An attempt at the whole message came to this."""
        (lease,) = await self.gateway.claim(LANE, self.clock.time(), 1, 600)
        assert lease.message.id == message
        now = self.clock.time()
        due = now + 600 if state is State.DEFERRED else None
        assert await self.gateway.record(
            lease, [Move(one.id, state, now, reply, due) for one in lease.claims], Use(1, 1)
        )

    async def states(self, message: MessageId) -> list[str]:
        view = await self.gateway.show(message)
        assert view is not None
        return [one.state.value for one in view.recipients]

    def propose(self) -> str:
        """An announcement that contradicts the schedule was read; the id of the change it proposes."""
        found = proposals(compare(read(MOVED, "https://news.example.com/smtp", "")), NOW.date())
        Changes(self.state).propose(found)
        return found[0].id


class Browser:
    """Keeps cookies, follows nothing by itself, fills the forms it was shown."""

    def __init__(self, console: Console, headers: Mapping[str, str] | None = None) -> None:
        self.base = f"http://127.0.0.1:{console.port}"
        self._session = aiohttp.ClientSession(
            self.base, cookie_jar=aiohttp.CookieJar(unsafe=True), headers=dict(headers or {})
        )
        self.status = 0
        self.text = ""
        self.headers: Mapping[str, str] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, path: str, **more: Any) -> str:
        return await self._ask("GET", path, **more)

    async def post(self, path: str, fields: list[tuple[str, str]], *, csrf: str | None = None, **more: Any) -> str:
        """Send a form with the token of the page shown last, or another one."""
        token = self.csrf if csrf is None else csrf
        return await self._ask("POST", path, data=aiohttp.FormData([("csrf", token), *fields]), **more)

    async def sign_in(self, password: str = PASSWORD) -> None:
        await self.get("/login")
        await self.post("/login", [("password", password)])

    async def _ask(self, method: str, path: str, **more: Any) -> str:
        async with self._session.request(method, path, allow_redirects=False, **more) as answer:
            self.status, self.headers, self.text = answer.status, answer.headers, await answer.text()
        return self.text

    @property
    def csrf(self) -> str:
        """The token in the page shown last."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.text)
        return unescape(found[1]) if found else ""

    @property
    def place(self) -> str:
        """Where the last answer led."""
        return self.headers.get("Location", "")

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self._session.cookie_jar}
