"""The alarms of `mailferry bulletin watch`: told on standard error and by every [[alarm]] target of the configuration.

Leaves to others: what is an alarm (bulletin.watch) and how targets are told (alarms). Invariant: nothing is told twice,
also not after a restart, and a configuration without [[alarm]] is no error.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from mailferry.alarms.api import Alarm, Code
from mailferry.cli.output import Exit, fail, talk

if TYPE_CHECKING:
    from mailferry.alarms.hub import Hub


class Told:
    """An AlarmSink that says each alarm on standard error, and hands it on to the targets where there are any."""

    def __init__(self, language: str, hub: Hub | None) -> None:
        self._language = language
        self._hub = hub
        self._said: dict[tuple[Code, str], str] = {}

    def raise_(self, alarm: Alarm) -> None:
        text, cure = alarm.text.of(self._language), alarm.cure.of(self._language)
        if self._said.get((alarm.code, alarm.key)) != text:
            self._said[alarm.code, alarm.key] = text
            talk().print(f"[bold red]alarm:[/] {escape(text)}", soft_wrap=True)
            talk().print(f"[cyan]hint:[/] {escape(cure)}", soft_wrap=True)
        if self._hub is not None:
            self._hub.raise_(alarm)

    def resolve(self, code: Code, key: str) -> None:
        self._said.pop((code, key), None)
        if self._hub is not None:
            self._hub.resolve(code, key)

    def recall(self, alarm: Alarm, since: float) -> None:
        """It was told in an earlier run."""
        self._said[alarm.code, alarm.key] = alarm.text.of(self._language)
        if self._hub is not None:
            self._hub.recall(alarm, since)


@asynccontextmanager
async def alarms(config: Path, language: str) -> AsyncIterator[Told]:
    """The sink that the watch raises its alarms on; at the end, what waits is sent."""
    hub = _hub(config)
    if hub is None:
        yield Told(language, None)
        return
    hub.start()
    try:
        yield Told(language, hub)
    finally:
        await hub.close()
        for trouble in hub.troubles():
            talk().print(f"[yellow]warning:[/] {escape(trouble)}", soft_wrap=True)


def _hub(config: Path) -> Hub | None:
    """The targets of the configuration, where it has any; the rest of it does not matter here."""
    from mailferry.app.alarms import hub_of
    from mailferry.clock import SystemClock
    from mailferry.config.problem import ConfigurationError
    from mailferry.config.schema import AlarmSettings, GatewaySettings
    from mailferry.config.section import load_entries, load_section
    from mailferry.obs.maillog import MailLog
    from mailferry.obs.metrics import Metrics

    try:
        targets = load_entries(config, AlarmSettings)
        gateway = load_section(config, GatewaySettings).hostname if targets else ""
    except ConfigurationError as error:
        fail(str(error), f"`mailferry check {config}` shows every problem with its line", Exit.CONFIGURATION)

    def log(level: str, event: str, fields: dict[str, object]) -> None:
        """What the hub has to say of targets is in its troubles."""

    return hub_of(targets, gateway, os.environ, SystemClock(), MailLog(log, Metrics())) if targets else None
