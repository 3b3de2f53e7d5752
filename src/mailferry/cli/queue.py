"""`mailferry queue`: look at the mail in the spool and act on it, beside a running gateway or without one.

Leaves to others: what the actions do (ops.queue). Invariant: every action says how many recipients it changed.
"""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from mailferry.cli.output import Exit, fail, out, print_json, talk

if TYPE_CHECKING:
    from rich.table import Table

    from mailferry.clock import Clock
    from mailferry.ops.queue import Query
    from mailferry.spool.api import Alarm, MessageView, Spool, State

T = TypeVar("T")

queue = typer.Typer(
    help="Look at the mail in the spool and act on it, beside a running gateway or without one.", no_args_is_help=True
)

Config = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.", envvar="MAILFERRY_CONFIG")]
Ids = Annotated[list[str] | None, typer.Argument(help="Queue ids, as `queue list` shows them.", show_default=False)]
States = Annotated[
    list[str] | None, typer.Option("--state", "-s", help="Only recipients in this state; may be repeated; or all.")
]
Sender = Annotated[str | None, typer.Option(help="Only this envelope sender; * is a wildcard.")]
Recipient = Annotated[str | None, typer.Option(help="Only this recipient; * is a wildcard.")]
Client = Annotated[str | None, typer.Option(help="Only mail of this client; * is a wildcard.")]
Lane = Annotated[str | None, typer.Option(help="Only this lane (route/mailbox); * is a wildcard.")]
Older = Annotated[str | None, typer.Option(help="Only mail received longer ago than this, for example 2h or 3d.")]
Newer = Annotated[str | None, typer.Option(help="Only mail received since this long, for example 15m.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]

DEFAULT_CONFIG = Path("mailferry.toml")
_COLOURS = {
    "queued": "cyan",
    "claimed": "cyan",
    "deferred": "yellow",
    "unknown": "magenta",
    "held": "magenta",
    "delivered": "green",
    "failed": "red",
    "expired": "red",
    "dropped": "bright_black",
}


def with_spool(config: Path, work: Callable[[Spool, Clock], Awaitable[T]]) -> T:
    """Open the spool of `config` beside whoever holds it, do `work`, close it."""
    from mailferry.app import open_spool
    from mailferry.clock import SystemClock
    from mailferry.config.load import ConfigurationError, load_config
    from mailferry.spool.api import SpoolError

    async def run() -> T:
        clock = SystemClock()
        spool = await open_spool(load_config(config), clock, serve=False)
        try:
            return await work(spool, clock)
        finally:
            await spool.close()

    try:
        return asyncio.run(run())
    except ConfigurationError as error:
        fail(str(error), f"`mailferry check {config}` shows every problem", Exit.CONFIGURATION)
    except SpoolError as error:
        fail(
            f"the spool cannot be opened: {error}",
            "is [gateway] state right, and may this user read it?",
            Exit.UNAVAILABLE,
        )
    except ValueError as error:
        fail(str(error), code=Exit.USAGE)


def _query(ids: Any, states: Any, sender: Any, recipient: Any, client: Any, lane: Any, older: Any, newer: Any) -> Query:
    from mailferry.ops.queue import Query

    return Query(tuple(ids or ()), tuple(states or ()), sender, recipient, client, lane, older, newer)


@queue.command("list")
def list_(
    ids: Ids = None,
    config: Config = DEFAULT_CONFIG,
    state: States = None,
    sender: Sender = None,
    recipient: Recipient = None,
    client: Client = None,
    lane: Lane = None,
    older: Older = None,
    newer: Newer = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many messages.")] = 100,
    json: Json = False,
) -> None:
    """List messages that are not finished (or, with --state, those in the states named), oldest first.

    Example: mailferry queue list --state held --older 2h
    """
    from rich.text import Text

    from mailferry.ops.queue import alarm_json, message_json, to_filter

    query = _query(ids, state, sender, recipient, client, lane, older, newer)

    async def work(spool: Spool, clock: Clock) -> tuple[list[MessageView], dict[State, int], list[Alarm]]:
        views = await spool.find(to_filter(query, clock.time()), limit=limit)
        return views, await spool.counts(), await spool.alarms()

    views, counts, alarms = with_spool(config, work)
    if json:
        print_json(
            {
                "messages": [message_json(view) for view in views],
                "counts": {state.value: number for state, number in counts.items() if number},
                "alarms": [alarm_json(alarm) for alarm in alarms],
            }
        )
        return
    for alarm in alarms:
        # What an upstream said is text, even where it looks like markup: "[SN4PR0501CA0054.namprd05…]", "[/x]".
        talk().print(Text.assemble(("alarm", "bold red"), f" {alarm.text}"))
        if alarm.cure:
            talk().print(Text.assemble(("      cure:", "cyan"), f" {alarm.cure}"))
    if not views:
        talk().print("No message matches." if not query.empty else "The queue is empty.")
        return
    out().print(_table(views))
    talk().print(_footer(counts, len(views), limit))


def _table(views: list[MessageView]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from mailferry.clock import utc
    from mailferry.mail.message import format_id

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("id", no_wrap=True)
    table.add_column("received (UTC)", no_wrap=True)
    for name in ("sender", "recipient"):
        table.add_column(name, overflow="fold")
    table.add_column("state", no_wrap=True)
    table.add_column("tries", justify="right")
    table.add_column("last reply", overflow="ellipsis", ratio=1)
    for view in views:
        for number, one in enumerate(view.recipients):
            first = number == 0
            table.add_row(
                format_id(view.message.id) if first else "",
                f"{utc(view.message.received_at):%m-%d %H:%M:%S}" if first else "",
                Text(view.message.envelope.reverse_path or "<>") if first else "",
                Text(one.address),
                Text(one.state.value, style=_COLOURS[one.state.value]),
                str(one.attempts),
                Text(one.last_reply),
            )
    return table


def _footer(counts: dict[State, int], shown: int, limit: int) -> str:
    total = ", ".join(f"{number} {state.value}" for state, number in counts.items() if number)
    more = f"; the first {limit} messages are shown, --limit shows more" if shown == limit else ""
    return f"[bright_black]recipients in the spool: {total or 'none'}{more}[/]"


@queue.command()
def show(
    message: Annotated[str, typer.Argument(help="The queue id.")],
    config: Config = DEFAULT_CONFIG,
    json: Json = False,
    source: Annotated[bool, typer.Option("--source", help="Print the message itself, header and body.")] = False,
) -> None:
    """Show one message: envelope, recipients and everything that happened to it."""
    from mailferry.mail.message import parse_id
    from mailferry.ops.queue import message_json

    async def work(spool: Spool, clock: Clock) -> tuple[MessageView | None, list[bytes]]:
        key = parse_id(message)
        body = await spool.body(key) if source else None
        return await spool.show(key), [chunk async for chunk in body.chunks()] if body else []

    view, chunks = with_spool(config, work)
    if view is None:
        fail(
            f"there is no message {message} in the spool", "finished messages are forgotten after [spool] keep_history"
        )
    if source:
        if not chunks:
            fail(f"the body of {message} is gone", "it is removed when the last recipient is final")
        import sys

        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        return
    if json:
        print_json(message_json(view))
        return
    _print_message(view)


def _print_message(view: MessageView) -> None:
    from rich.table import Table
    from rich.text import Text

    from mailferry.clock import utc
    from mailferry.mail.message import format_id

    message, console = view.message, out()
    facts = Table(box=None, show_header=False, pad_edge=False)
    origin = message.origin
    login = f"as {origin.account}" if origin.account else "by network"
    for name, value in (
        ("message", format_id(message.id)),
        ("received", f"{utc(message.received_at):%Y-%m-%d %H:%M:%S} UTC, {message.size:,} octets"),
        ("client", f"{origin.client} {login}, {origin.address} ({origin.helo}), {origin.tls or 'in clear'}"),
        ("sender", message.envelope.reverse_path or "<>"),
        ("mailbox", message.mailbox or "-"),
        ("Message-ID", message.header_id),
        ("subject", message.subject or "-"),
    ):
        facts.add_row(Text(name, style="bold"), Text(value))
    for one in view.recipients:
        state = Text(one.state.value, style=_COLOURS[one.state.value])
        due = f", next try {utc(one.next_attempt):%Y-%m-%d %H:%M:%S} UTC" if one.next_attempt is not None else ""
        tries = "1 try" if one.attempts == 1 else f"{one.attempts} tries"
        line = Text.assemble(one.address, " ", state, f" by {one.lane}, {tries}{due}")
        facts.add_row(Text("recipient", style="bold"), line)
    console.print(facts)
    history = Table(box=None, header_style="bold", pad_edge=False)
    history.add_column("when (UTC)", no_wrap=True)
    history.add_column("what", no_wrap=True)
    history.add_column("recipient", overflow="fold")
    history.add_column("detail", overflow="fold", ratio=1)
    for event in view.events:
        kind = Text(event.kind, style=_COLOURS.get(event.kind, ""))
        history.add_row(
            f"{utc(event.at):%m-%d %H:%M:%S.%f}"[:-3], kind, Text(event.recipient or ""), Text(event.detail)
        )
    console.print()
    console.print(history)


def _act(action: str, config: Path, query: Query, json: bool) -> None:
    from mailferry.ops.queue import Action, act, to_filter

    async def work(spool: Spool, clock: Clock) -> int:
        return await act(spool, Action(action), to_filter(query, clock.time()), clock, f"cli:{getpass.getuser()}")

    if query.empty:
        fail(f"say what to {action}", "give queue ids or a filter such as --client, --lane or --state all", Exit.USAGE)
    changed = with_spool(config, work)
    if json:
        print_json({"action": action, "recipients": changed})
    else:
        talk().print(f"{action}: {changed} recipient{'s' if changed != 1 else ''}")
    if not changed:
        raise typer.Exit(int(Exit.NO))


def _command(action: str, text: str) -> None:
    def command(
        ids: Ids = None,
        config: Config = DEFAULT_CONFIG,
        state: States = None,
        sender: Sender = None,
        recipient: Recipient = None,
        client: Client = None,
        lane: Lane = None,
        older: Older = None,
        newer: Newer = None,
        json: Json = False,
    ) -> None:
        _act(action, config, _query(ids, state, sender, recipient, client, lane, older, newer), json)

    command.__doc__ = text
    queue.command(action)(command)


_command("hold", "Stop matching mail: it stays in the queue, untouched, until it is released.")
_command("release", "Let held mail go: it is tried at once.")
_command("retry", "Try waiting mail now instead of at its next time.")
_command(
    "settle",
    "Mark mail as delivered whose answer was lost: somebody saw that it arrived. What did not arrive is sent again by "
    "`release` where it is held, else by `retry`.",
)
_command("drop", "Remove matching mail for good, without a bounce. The history says who did it.")
