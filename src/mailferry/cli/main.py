"""The tree of commands. Each group's module holds the command functions; this file only names them.

Leaves to others: every action. Invariant: `--help` alone starts nothing and imports nothing heavy.
"""

from __future__ import annotations

import typer

app = typer.Typer(
    name="mailferry",
    help="Carries mail senders across the end of SMTP AUTH Basic authentication in Exchange Online.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Entry point of the console script."""
    app()
