"""`mailferry demo`: see the crossing work, then the whole loop from exports to a rehearsed plan, on this machine.

Leaves to others: the play (rehearsal), the loop's tables (demo_loop). Invariant: exits 0 only when every client's mail
arrived whole, each recipient got one copy, what was accepted is accounted for, and the rehearsed plan holds.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailferry.cli.language import Language, chosen
from mailferry.cli.output import Exit, out, print_json, talk
from mailferry.cli.plan_input import EXTRA

if TYPE_CHECKING:
    from rich.table import Table

    from mailferry.rehearsal.cast import Part
    from mailferry.rehearsal.demo import Account, Line
    from mailferry.rehearsal.stage import Stage
    from mailferry.rehearsal.ways import Crossing
    from mailferry.rehearsal.wire import Target

At = Annotated[datetime, typer.Option(help="The day on which it plays.", formats=["%Y-%m-%d"])]
Keep = Annotated[bool, typer.Option("--keep", help="Leave everything running afterwards and say what to try.")]
Short = Annotated[bool, typer.Option("--short", help="The crossing alone, without the loop of inventory and plan.")]
Lang = Annotated[Language | None, typer.Option("--lang", help="Language of the loop; default from LANG.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]

AFTER_THE_CUT_OFF = datetime(2027, 1, 5)  # noqa: DTZ001 - a day; the sandbox takes it as UTC


def demo(
    at: At = AFTER_THE_CUT_OFF, keep: Keep = False, short: Short = False, lang: Lang = None, json: Json = False
) -> None:
    """Play legacy clients against Exchange Online after the cut-off, straight and through the gateway; then an
    organisation from its exports to a rehearsed plan.

    A tenant in a box stands at the date; nothing leaves this machine. Try also --at 2026-12-01, before the cut-off.
    """
    good, document = asyncio.run(_run(at, keep, json))
    if not (short or keep) and _analysis():
        from mailferry.cli import demo_loop
        from mailferry.rehearsal.loop import document as loop_document

        language = chosen(lang)
        loop = demo_loop.played(at.date(), language)
        good = good and loop.holds
        document["loop"] = loop_document(loop)
        if not json:
            demo_loop.show(loop, language)
    if json:
        print_json(document)
    raise typer.Exit(int(Exit.OK if good else Exit.NO))


def _analysis() -> bool:
    """Whether what the loop needs is installed."""
    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        talk().print(f"[yellow]left out:[/] the loop ({missing[0]} is not installed: mailferry\\[analysis])")
    return not missing


async def _run(at: datetime, keep: bool, json: bool) -> tuple[bool, dict[str, Any]]:
    """The crossing; whether all is well, and the document for programs."""
    from mailferry.rehearsal.cast import cast
    from mailferry.rehearsal.demo import play
    from mailferry.rehearsal.stage import Stage
    from mailferry.rehearsal.ways import cross

    everyone = cast(seed=365)
    parts = [part for part in everyone if part.dialect.available]
    with talk().status("starting a tenant in a box and a gateway") as status:
        async with Stage(at.date(), parts) as stage:
            left_out = [part for part in everyone if part not in parts]
            if not stage.old_tls:
                left_out += [part for part in parts if part.dialect.name == "old-scanner"]
                parts = [part for part in parts if part not in left_out]
            lines, account = await play(stage, parts, lambda text: status.update(text))
            status.update("one order by every way out")
            crossings = await cross(stage)
            status.stop()
            good = account.holds and all(line.arrived for line in lines) and all(one.good for one in crossings)
            if not json:
                _show(at, lines, account, left_out, crossings)
            if keep:
                await _stay(stage)
    return good, _document(at, lines, account, left_out, crossings)


def _show(at: datetime, lines: list[Line], account: Account, left_out: list[Part], crossings: list[Crossing]) -> None:
    console = out()
    console.print(_table(at, lines))
    for part in left_out:
        need = f"{part.dialect.program} is not installed" if part.dialect.program else "this OpenSSL has no TLS 1.0"
        talk().print(f"[yellow]left out:[/] {part.client} ({need})")
    mark = "[bold green]holds[/]" if account.holds else "[bold red]does not hold[/]"
    console.print(
        f"\nReconciliation, in recipients: {account.accepted} accepted = {account.delivered} delivered"
        f" + {account.queued} queued; {account.duplicates} duplicates, {account.strangers} strangers: {mark}"
    )
    refused = sum(not line.straight.taken for line in lines)
    arrived = sum(line.arrived for line in lines)
    colour = "green" if account.holds and arrived == len(lines) else "red"
    console.print(
        f"[bold {colour}]{refused} of {len(lines)} clients are refused by Exchange Online on {at:%Y-%m-%d};"
        f" through the gateway {arrived} of {len(lines)} deliver, unchanged.[/]"
    )
    console.print("\nOne order by every way out, rules choosing per recipient:\n")
    console.print(_ways(crossings))


def _ways(crossings: list[Crossing]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold", box=box.HORIZONTALS, pad_edge=False)
    table.add_column("recipient", no_wrap=True)
    table.add_column("left by", overflow="fold")
    table.add_column("arrived", no_wrap=True)
    for one in crossings:
        arrived = "once, identical" if one.good else f"{one.copies}, {'identical' if one.intact else 'changed'}"
        who = Text.assemble((one.recipient, "bold"), "\n", (f"From {one.sender}", "dim"))
        table.add_row(who, one.service, Text(arrived, style="green" if one.good else "red"))
    return table


def _table(at: datetime, lines: list[Line]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold", box=box.HORIZONTALS, show_lines=True, pad_edge=False)
    table.add_column("client", min_width=24)
    table.add_column(f"straight to Exchange Online, {at:%Y-%m-%d}", overflow="fold", ratio=3)
    table.add_column("through Mailferry", overflow="fold", ratio=2)
    table.add_column("mailboxes", no_wrap=True)
    for line in lines:
        client = Text.assemble((line.part.client, "bold"), "\n", (line.part.dialect.how, "dim"))
        straight = Text(line.straight.reply, style="yellow" if line.straight.taken else "red")
        through = Text(line.through.reply, style="green" if line.through.taken else "red")
        table.add_row(client, straight, through, _boxes(line))
    return table


def _boxes(line: Line) -> Any:
    from rich.text import Text

    found = sum(line.copies.values())
    if line.arrived:
        return Text(f"{found} of {len(line.copies)}\nidentical", style="green")
    return Text(f"{found} of {len(line.copies)}\n{'identical' if line.intact else 'changed'}", style="red")


def _document(
    at: datetime, lines: list[Line], account: Account, left_out: list[Part], crossings: list[Crossing]
) -> dict[str, Any]:
    return {
        "date": f"{at:%Y-%m-%d}",
        "clients": [
            {
                "client": line.part.client,
                "speaks": line.part.dialect.how,
                "straight": {"taken": line.straight.taken, "reply": line.straight.reply},
                "through": {"taken": line.through.taken, "reply": line.through.reply},
                "copies": line.copies,
                "intact": line.intact,
            }
            for line in lines
        ],
        "left_out": [part.client for part in left_out],
        "ways": [
            {"recipient": one.recipient, "service": one.service, "copies": one.copies, "arrived": one.good}
            for one in crossings
        ],
        "reconciliation": {
            "accepted": account.accepted,
            "delivered": account.delivered,
            "queued": account.queued,
            "duplicates": account.duplicates,
            "strangers": account.strangers,
            "holds": account.holds,
        },
    }


async def _stay(stage: Stage) -> None:
    """Until Ctrl-C, with everything that can be tried."""
    import signal

    console = talk()
    console.print("\n[bold]Everything is still running.[/] Look at the mail: " + stage.box.inbox_url)
    for what, command in _suggestions(stage):
        console.print(f"\n[bold]{what}[/]")
        console.print("  " + command, soft_wrap=True, markup=False)
    console.print("\nCtrl-C stops it.", style="dim")
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()


def _suggestions(stage: Stage) -> list[tuple[str, str]]:
    """Commands to paste, with what they are for."""
    control = stage.box.control_url
    return [
        ("send as a scanner would", _swaks(stage, stage.front)),
        ("the same, straight to Exchange Online", _swaks(stage, stage.exchange)),
        ("look into the queue", f"mailferry queue list --state all --config {stage.config}"),
        ("turn the tenant's clock", f"""curl -X PUT {control}/clock -d '{{"now": "2026-12-01"}}'"""),
        ("metrics", f"curl http://127.0.0.1:{stage.ports['metrics']}/metrics"),
        ("the gateway's log", f"tail {stage.directory / 'gateway.log'}"),
    ]


def _swaks(stage: Stage, target: Target) -> str:
    user = "scanner@contoso.example"
    return (
        f"swaks --server localhost:{target.submission} --tls --tls-verify --tls-ca-path {target.ca_file} --auth LOGIN"
        f" --auth-user {user} --auth-password {stage.password(user)} --from {user} --to anna@contoso.example"
    )
