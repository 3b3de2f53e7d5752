"""`mailferry sandbox`: a Microsoft 365 tenant in a box, until Ctrl-C.

Leaves to others: everything that the sandbox does (sandbox.serve). Invariant: what is printed can be pasted as it is.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailferry.cli.output import Exit, fail, out, talk
from mailferry.cli.sandbox_dates import Config, Days, Disabled, Removed, days

if TYPE_CHECKING:
    from mailferry.sandbox.serve import Sandbox
    from mailferry.sandbox.settings import SandboxSettings
    from mailferry.sandbox.tenant import Application
    from mailferry.sandbox.world import State

At = Annotated[
    datetime | None,
    typer.Option(
        help="The day, or time in UTC, at which the sandbox's clock starts; the schedule decides what Basic gets then.",
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
    ),
]
Stand = Annotated[bool, typer.Option("--stand", help="Let the clock stand there until the control interface moves it.")]
PortBase = Annotated[
    int,
    typer.Option(
        min=0,
        max=65500,
        help="First of the ports: SMTP, legacy SMTP, token endpoint, control and inbox, then the other services in the "
        "order in which they are printed. 0 takes free ones.",
    ),
]
StateFile = Annotated[
    Path | None,
    typer.Option("--state", help="The tenant as JSON: read at the start, written at the end. Keys go beside it."),
]
Directory = Annotated[
    Path | None,
    typer.Option(help="Where the certificate authority and keys are kept, so that clients go on trusting them."),
]
Seed = Annotated[int, typer.Option(help="Seed of everything that is drawn.")]
FromInventory = Annotated[
    Path | None,
    typer.Option(
        metavar="DIRECTORY",
        help="Make the tenant of the inventory in this state directory: its mailboxes, switches and policies.",
        show_default=False,
    ),
]
Address = Annotated[
    str,
    typer.Option(
        help="An address of this machine that devices reach. Whoever reaches it can read and change what is in the box."
    ),
]
#: Of accounts, what is shown of many.
_SHOWN = 12
Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON with every endpoint and account, then run.")]

#: The ports in the order in which --port-base gives them out.
_PORTS = ("smtp", "smtp_legacy", "entra", "control", "hve", "acs_smtp", "onprem", "mx", "graph", "imds", "acs_rest")


def sandbox(
    at: At = None,
    stand: Stand = False,
    port_base: PortBase = 10587,
    state: StateFile = None,
    from_inventory: FromInventory = None,
    address: Address = "127.0.0.1",
    directory: Directory = None,
    seed: Seed = 365,
    basic_disabled: Disabled = None,
    basic_removed: Removed = None,
    config: Config = Path("mailferry.toml"),
    as_json: Json = False,
) -> None:
    """Run a Microsoft 365 tenant in a box: token endpoint, smtp.office365.com, mailboxes, an inbox page.

    Nothing leaves this machine. Point a device, a program or a gateway at it and see what it will be told on the day:

        mailferry sandbox --at 2027-01-05

        mailferry sandbox --at 2027-01-05 --from-inventory mailferry-state --address 10.1.2.3
    """
    from mailferry.sandbox.settings import SandboxSettings

    assumed = days(basic_disabled, basic_removed, config, from_inventory)
    ports = {f"{name}_port": port_base + number if port_base else 0 for number, name in enumerate(_PORTS)}
    settings = SandboxSettings(
        **ports,
        address=_address(address),
        directory=directory or (state.with_suffix(".keys") if state else None),
        at=at,
        running=not stand,
        seed=seed,
    )
    try:
        final = asyncio.run(_run(settings, _tenant(state, from_inventory), assumed, as_json=as_json))
        if state is not None:
            state.write_text(final.model_dump_json(indent=2) + "\n", encoding="utf-8")
            talk().print(f"the tenant is kept in {state}", markup=False)
    except OSError as error:
        fail(f"the sandbox cannot start: {error}", "choose other ports with --port-base", Exit.UNAVAILABLE)


async def _run(settings: SandboxSettings, state: State | None, assumed: Days, *, as_json: bool) -> State:
    """Run until a signal; the state to keep at the end."""
    from mailferry.sandbox.certificates import load_keys, make_keys
    from mailferry.sandbox.organisation import contoso
    from mailferry.sandbox.serve import Sandbox
    from mailferry.sandbox.world import State

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    kept = load_keys(settings.directory) if settings.directory else None
    keys = kept or make_keys((settings.address,))
    given = state or State(tenant=contoso(keys.application.decode()))
    async with Sandbox(settings, state=assumed.put(given), keys=keys) as box:
        if as_json:
            sys.stdout.write(json.dumps(box.endpoints(), ensure_ascii=False) + "\n")
            sys.stdout.flush()
        else:
            _introduce(box)
        await stop.wait()
        return assumed.taken_out(box.world.state, given.behaviour)


def _address(text: str) -> str:
    """One address: the certificate names it, and it is what is printed to be pasted."""
    try:
        return str(ip_address(text))
    except ValueError:
        fail(f"{text!r} is no address", "write for example --address 10.1.2.3", Exit.USAGE)


def _tenant(file: Path | None, inventory: Path | None) -> State | None:
    """The tenant to begin with: kept, of the inventory, or (None) the seeded one."""
    if inventory is None:
        return _read_state(file)
    if file is not None and file.exists():
        fail(f"{file} holds a tenant already", "name another file, or leave --from-inventory out", Exit.USAGE)
    from mailferry.cli.sandbox_inventory import state

    return state(inventory)


def _read_state(path: Path | None) -> State | None:
    from pydantic import ValidationError

    from mailferry.sandbox.world import State

    if path is None or not path.exists():
        return None
    try:
        return State.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        fail(f"{path} holds no valid state: {problems}", "GET /schema of the control interface", Exit.CONFIGURATION)


def _introduce(box: Sandbox) -> None:
    """Where everything listens, who can log in, and commands to try."""
    from mailferry.sandbox.sign_in_pages import DEVICE
    from mailferry.sandbox.surfaces import SURFACES

    console = out()
    runs = "runs on from" if box.clock.running else "stands at"
    console.print(f"[bold]A Microsoft 365 tenant in a box[/]; its clock {runs} {box.clock.now():%Y-%m-%d %H:%M} UTC")
    console.print(f"Basic authentication for client submission is [bold]{_phase(box)}[/] on that day.\n")
    places = (
        ("smtp.office365.com:587", f"{box.host}:{box.smtp_port} (STARTTLS)"),
        ("smtp-legacy.office365.com:587", f"{box.host}:{box.smtp_legacy_port} (STARTTLS, TLS 1.0 and up)"),
        *((other.stands_for, f"{box.host}:{getattr(box, f'{other.key}_port')} (STARTTLS)") for other in SURFACES),
        ("login.microsoftonline.com", box.entra_url),
        ("microsoft.com/devicelogin", f"{box.entra_url}{DEVICE}"),
        ("169.254.169.254 (IMDS)", box.imds_url),
        ("graph.microsoft.com", box.graph_url),
        ("inbox", box.inbox_url),
        ("control interface", box.control_url),
        ("certificate authority", str(box.ca_file)),
        ("certificate for relay", f"{box.relay_certificate} (known to an inbound connector)"),
        ("tenant", f"{box.tenant.tenant_id} ({', '.join(box.tenant.domains)})"),
    )
    _pairs(places)
    console.print("\n[bold]Accounts[/] (sandbox values)")
    _accounts(box)
    console.print("\n[bold]Try[/]")
    for command in _commands(box):
        console.print(command, markup=False, soft_wrap=True)
    console.print("\nCtrl-C stops it.", style="dim")


def _accounts(box: Sandbox) -> None:
    """Who can log in; of very many mailboxes the first, for the JSON and the inbox have all."""
    from mailferry.sandbox.surfaces import accounts as service_accounts

    boxes = [(mailbox.address, mailbox.password) for mailbox in box.tenant.mailboxes.values() if mailbox.password]
    more = len(boxes) - _SHOWN
    accounts = boxes if more <= _SHOWN else [*boxes[:_SHOWN], ("…", f"{more} more; --json has them all")]
    accounts += service_accounts(box.tenant).items()
    for app in box.tenant.applications.values():
        accounts.append((app.client_id, f"{_proof(box, app)}  {app.name}"))
    _pairs(accounts)


def _proof(box: Sandbox, app: Application) -> str:
    """What an application shows for itself."""
    if app.secrets:
        return app.secrets[0].value
    if app.certificates:
        return str(box.application_certificate)
    if app.managed is not None:
        return "by IMDS"
    return "by a federated token" if app.federated else "users sign in"


def _pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """Two columns; long values run on, so that they can be copied."""
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        out().print(f"{name:<{width}}  {value}", markup=False, soft_wrap=True)


def _phase(box: Sandbox) -> str:
    from mailferry.sandbox.decide import basic_available, phase

    world = box.world
    label = phase(world.tenant, world.behaviour, world.today()).label("en")
    enabled = basic_available(world.tenant, world.behaviour, world.today())
    return f"{label}, and the administrator has enabled it" if enabled and label != "allowed" else label


def _commands(box: Sandbox) -> list[str]:
    """Ready to paste."""
    sender = next((one for one in box.tenant.mailboxes.values() if one.password), None)
    if sender is None:
        return []
    it = f"it@{box.tenant.domains[0]}"
    recipient = it if it in box.tenant.mailboxes else sender.address
    commands = [
        f"swaks --server {box.host}:{box.smtp_port} --tls --tls-ca-path {box.ca_file} --auth LOGIN"
        f" --auth-user {sender.address} --auth-password {sender.password}"
        f" --from {sender.address} --to {recipient}",
        f'curl -X PUT {box.control_url}/clock -d \'{{"now": "2027-01-05"}}\'',
        f'curl -X PATCH {box.control_url}/state -d \'{{"tenant": {{"basic_auth_enabled": true}}}}\'',
    ]
    for app in box.tenant.applications.values():
        if app.secrets:
            commands.append(
                f"curl --cacert {box.ca_file} {box.authority}/oauth2/v2.0/token -d grant_type=client_credentials"
                f" -d client_id={app.client_id} --data-urlencode 'client_secret={app.secrets[0].value}'"
                " -d scope=https://outlook.office365.com/.default"
            )
            break
    return commands
