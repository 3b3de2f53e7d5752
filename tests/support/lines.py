"""A mail log that keeps its lines."""

from __future__ import annotations

from typing import Any

from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics


class Lines:
    """A Sink; `log` writes to it."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []
        self.log = MailLog(self, Metrics())

    def __call__(self, level: str, event: str, fields: dict[str, Any]) -> None:
        self.lines.append((level, event, fields))

    def named(self, event: str) -> list[dict[str, Any]]:
        return [fields for _, name, fields in self.lines if name == event]
