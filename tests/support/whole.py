"""A whole gateway in front of a sandbox, in this process: built by app from a configuration's text, spoken to by
smtplib."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mailferry.app import Gateway
from mailferry.clock import SystemClock
from mailferry.config.load import load_config
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.spool.api import Filter, MessageView

HEAD = """
[gateway]
hostname = "localhost"
state = "{state}"
postmaster = "it@contoso.example"

[[listener]]
name = "in"
address = "127.0.0.1:0"
tls = "none"
authentication = "optional"
allow_plaintext_auth = true
"""


class Whole:
    """`text` is the configuration; `{state}` in it stands for the gateway's directory."""

    def __init__(self, directory: Path, text: str, environ: Mapping[str, str] | None = None) -> None:
        self.file = directory / "mailferry.toml"
        self.state = directory / "state"
        self.environ = environ or {}
        self.events: list[tuple[str, str, dict[str, Any]]] = []
        self.write(text)
        self.gateway = self._make()

    async def __aenter__(self) -> Whole:
        await self.gateway.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.gateway.stop(0)

    def write(self, text: str) -> None:
        self.file.write_text(text.replace("{state}", str(self.state)))

    def _make(self) -> Gateway:
        log = MailLog(lambda *entry: self.events.append(entry), Metrics())
        return Gateway(load_config(self.file), SystemClock(), log, self.environ)

    def reload(self, text: str) -> None:
        self.write(text)
        self.gateway.reload(load_config(self.file))

    async def restart(self) -> None:
        await self.gateway.stop(0)
        self.gateway = self._make()
        await self.gateway.start()

    @property
    def port(self) -> int:
        return self.gateway.listeners.addresses("in")[0][1]

    async def submit(self, sender: str, *to: str, login: tuple[str, str] | None = None, tag: str = "x") -> None:
        """What a device does; returns when it was told 250. Raises smtplib.SMTPException."""
        text = f"From: {sender}\r\nTo: {', '.join(to)}\r\nSubject: {tag}\r\n\r\nHello\r\n"

        def speak() -> None:
            with smtplib.SMTP("127.0.0.1", self.port, "device", 20) as link:
                if login is not None:
                    link.login(*login)
                link.sendmail(sender, to, text)

        await asyncio.to_thread(speak)

    async def messages(self) -> list[MessageView]:
        return await self.gateway.spool.find(Filter(), 1000)


async def until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait for what other tasks and threads do, in the machine's own time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - a state of others that tells no event
            await asyncio.sleep(0.01)
