"""The tree of commands. Each group's module holds the command functions; this file only names them.

Leaves to others: every action. Invariant: `--help` alone starts nothing and imports nothing heavy.
"""

from __future__ import annotations

from typing import Annotated

import typer

from mailferry import __version__
from mailferry.cli.account import account
from mailferry.cli.alarm import alarm
from mailferry.cli.bulletin import bulletin
from mailferry.cli.check import check
from mailferry.cli.clients import clients
from mailferry.cli.console import console
from mailferry.cli.demo import demo
from mailferry.cli.doctor import doctor
from mailferry.cli.explain import explain
from mailferry.cli.identify import identify
from mailferry.cli.init import init
from mailferry.cli.inventory import inventory
from mailferry.cli.login import login
from mailferry.cli.plan import plan
from mailferry.cli.queue import queue
from mailferry.cli.rehearse import rehearse
from mailferry.cli.sample import sample
from mailferry.cli.sandbox import sandbox
from mailferry.cli.serve import serve
from mailferry.cli.setup import setup
from mailferry.cli.timeline import timeline

app = typer.Typer(
    name="mailferry",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=True,
)

_KNOW, _CARRY, _TRY = "Know what changes", "Carry the mail", "Try it safely"

app.command(rich_help_panel=_KNOW)(timeline)
app.command(rich_help_panel=_KNOW)(explain)
app.command(rich_help_panel=_KNOW)(identify)
app.add_typer(clients, name="clients", rich_help_panel=_KNOW)
app.add_typer(inventory, name="inventory", rich_help_panel=_KNOW)
app.add_typer(plan, name="plan", rich_help_panel=_KNOW)
app.command(rich_help_panel=_KNOW)(rehearse)
app.add_typer(bulletin, name="bulletin", rich_help_panel=_KNOW)
app.command(rich_help_panel=_CARRY)(init)
app.command(rich_help_panel=_CARRY)(check)
app.command(rich_help_panel=_CARRY)(setup)
app.command(rich_help_panel=_CARRY)(doctor)
app.add_typer(account, name="account", rich_help_panel=_CARRY)
app.command(rich_help_panel=_CARRY)(login)
app.command(rich_help_panel=_CARRY)(serve)
app.add_typer(queue, name="queue", rich_help_panel=_CARRY)
app.command(rich_help_panel=_CARRY)(console)
app.add_typer(alarm, name="alarm", rich_help_panel=_CARRY)
app.command(rich_help_panel=_TRY)(demo)
app.command(rich_help_panel=_TRY)(sandbox)
app.command(rich_help_panel=_TRY)(sample)


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    """Carries mail senders across the end of SMTP AUTH Basic authentication in Exchange Online.

    Begin with [bold]mailferry timeline[/] (what changes when) and [bold]mailferry demo[/] (see it work).
    """
    if version:
        typer.echo(f"mailferry {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point of the console script."""
    app()
