"""The command `mailferry`: thin commands, one module per group; what they do lives in ops and below."""

from __future__ import annotations

from mailferry.cli.main import main

__all__ = ["main"]
