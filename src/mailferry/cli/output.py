"""Where output goes: data to standard output, talk to standard error, JSON where a program reads.

Leaves to others: what is said. Invariant: with --json nothing but one JSON document reaches standard output.
"""

from __future__ import annotations

import json
import sys
from enum import IntEnum
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape


class Exit(IntEnum):
    """Exit codes; reference in docs/reference/cli.md."""

    OK = 0
    NO = 1  # the command ran and the answer is no: a check failed, something was lost, nothing matched
    USAGE = 2
    CONFIGURATION = 3
    UNAVAILABLE = 4  # a needed thing (spool, port, peer) cannot be had now


def out() -> Console:
    """The console for data."""
    return Console(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty())


def talk() -> Console:
    """The console for talk: progress, hints, errors."""
    return Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """One JSON document on standard output, UTF-8, keys in their order."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def fail(message: str, hint: str = "", code: Exit = Exit.NO) -> NoReturn:
    """Say what is wrong and what to do, then exit. Both texts are shown as they are: [gateway] is no markup."""
    console = talk()
    console.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)
    if hint:
        console.print(f"[cyan]hint:[/] {escape(hint)}", soft_wrap=True)
    raise typer.Exit(int(code))
