"""`mailferry init`: write a first configuration with every setting explained.

Leaves to others: the text (config.template) and its values (config.starter).
Invariant: never overwrites a file, asks nothing.
"""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Annotated, Any

import typer

from mailferry.cli.output import Exit, fail, talk

_SECONDS = 5.0


def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("mailferry.toml"),
    domain: Annotated[str, typer.Option(help="Your mail domain, an accepted domain of the tenant.")] = "example.com",
    tenant_id: Annotated[str, typer.Option(help="Directory (tenant) ID; absent: the domain names the tenant.")] = "",
    client_id: Annotated[str, typer.Option(help="Application (client) ID of the app registration in Entra.")] = "",
    hostname: Annotated[str, typer.Option(help="The gateway's full name; absent: this machine's.")] = "",
    sandbox: Annotated[
        str,
        typer.Option(
            help="Address of the control interface of a running `mailferry sandbox`, for example http://127.0.0.1:10590."
        ),
    ] = "",
) -> None:
    """Write a first configuration: working, with every setting in it and explained. Never overwrites.

    Example: mailferry init /etc/mailferry/mailferry.toml --domain example.com

    To try without a tenant, start `mailferry sandbox` and: mailferry init --sandbox http://127.0.0.1:10590
    """
    from mailferry.config.files import write_new
    from mailferry.config.starter import exchange_starter, sandbox_starter
    from mailferry.config.template import render

    state = "/var/lib/mailferry" if path.absolute().is_relative_to("/etc") else "state"
    if sandbox:
        values = sandbox_starter(_endpoints(sandbox), state=state)
    else:
        host = hostname or _full_name(socket.gethostname(), domain)
        values = exchange_starter(host=host, state=state, domain=domain, tenant_id=tenant_id, client_id=client_id)
    try:
        write_new(path, render(values))
        (path.parent / "clients.d").mkdir(exist_ok=True)
    except FileExistsError:
        fail(f"{path} is there already", "nothing was written; name another file or move it away", Exit.USAGE)
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}", code=Exit.UNAVAILABLE)
    _next_steps(path, sandbox=bool(sandbox))


def _full_name(name: str, domain: str) -> str:
    """This machine's name as a host name in the domain."""
    label = re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.") or "mailferry"
    return label if "." in label else f"{label}.{domain}"


def _endpoints(address: str) -> dict[str, Any]:
    """What a running sandbox tells of itself."""
    import urllib.error
    import urllib.request

    url = address if "://" in address else f"http://{address}"
    if not url.startswith("http://"):
        fail(f"{address} is no address of a sandbox", "write for example http://127.0.0.1:10590", Exit.USAGE)
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/", timeout=_SECONDS) as answer:  # noqa: S310 - http:// only
            document = json.load(answer)
        endpoints: dict[str, Any] = document["endpoints"]
    except (urllib.error.URLError, OSError) as error:
        fail(f"no sandbox answers at {url}: {error}", "start one with `mailferry sandbox`", Exit.UNAVAILABLE)
    except (ValueError, KeyError, TypeError):
        fail(f"what answers at {url} is no sandbox", "name its control interface, as `mailferry sandbox` shows it")
    return endpoints


def _next_steps(path: Path, *, sandbox: bool) -> None:
    from mailferry.config.starter import SECRET_FILE

    console = talk()
    console.print(f"{path} is written. Next:", markup=False)
    steps = [f"mailferry account add scanner --config {path}    (a device with a login)"]
    if not sandbox:
        steps.insert(0, f"put the application's client secret into {path.parent / SECRET_FILE} (chmod 600)")
    steps += [f"mailferry check {path}", f"mailferry serve --config {path}"]
    for number, step in enumerate(steps, 1):
        console.print(f"  {number}. {step}", markup=False, soft_wrap=True)
