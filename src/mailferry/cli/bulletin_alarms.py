"""The alarms of `mailferry bulletin watch`: told on standard error.

Leaves to others: what is an alarm (bulletin.watch). Invariant: nothing is told twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rich.markup import escape

from mailferry.alarms.api import Alarm, AlarmSink, Code
from mailferry.cli.output import talk


class Spoken:
    """Says each alarm once, until its text changes or it is over."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._told: dict[tuple[Code, str], str] = {}

    def raise_(self, alarm: Alarm) -> None:
        text, cure = alarm.text.of(self._language), alarm.cure.of(self._language)
        if self._told.get((alarm.code, alarm.key)) != text:
            self._told[alarm.code, alarm.key] = text
            talk().print(f"[bold red]alarm:[/] {escape(text)}", soft_wrap=True)
            talk().print(f"[cyan]hint:[/] {escape(cure)}", soft_wrap=True)

    def resolve(self, code: Code, key: str) -> None:
        self._told.pop((code, key), None)


@asynccontextmanager
async def alarms(config: Path, language: str) -> AsyncIterator[AlarmSink]:
    """The sink that the watch raises its alarms on."""
    yield Spoken(language)
