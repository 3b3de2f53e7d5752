"""`mailferry setup`: the scripts that set a route up on Microsoft's side, filled from the configuration.

Leaves to others: the scripts (m365.setup). Invariant: nothing is run, and no file is written over without being asked.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailferry.cli.language import Language, Prose, chosen
from mailferry.cli.output import Exit, fail, out, print_json, talk

if TYPE_CHECKING:
    from mailferry.config.schema import Config
    from mailferry.m365.setup import Script, Values
    from mailferry.routes.settings import RouteSettings

_WORDS = {
    "en": {
        "missing": "still to be filled in: {names} (--set NAME=VALUE)",
        "written": "{file} is written.",
        "routes": "Routes, and the scripts of each",
        "example": "Example: mailferry setup smtp-rbac --write scripts",
    },
    "ja": {
        "missing": "未入力の値: {names}（--set 名前=値 で指定）",
        "written": "{file} を書き込みました。",
        "routes": "経路と、それぞれのスクリプト",
        "example": "例: mailferry setup smtp-rbac --write scripts",
    },
}
#: By the type of a configured route: what `mailferry setup NAME` means.
_KINDS = {"exchange-smtp": "smtp-rbac", "graph": "graph", "hve": "hve", "acs-smtp": "acs", "acs-rest": "acs"}
_PRESETS = {
    "exchange-relay": "onprem",
    "connector-ip": "connector",
    "connector-certificate": "connector",
    "direct-send": "direct-send",
}


def setup(
    route: Annotated[
        str, typer.Argument(help="A kind of route, or the name of a configured one. None: list them.")
    ] = "",
    config: Annotated[
        Path, typer.Option("--config", "-c", help="The configuration file.", envvar="MAILFERRY_CONFIG")
    ] = Path("mailferry.toml"),
    mailbox: Annotated[list[str] | None, typer.Option(help="A mailbox to send from; repeat.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE of a script; repeat.", metavar="NAME=VALUE")
    ] = None,
    large: Annotated[bool, typer.Option("--large", help="graph: messages above 3 MB too.")] = False,
    read: Annotated[bool, typer.Option("--read", help="Reading Sent Items and reports too: lookup, bounces.")] = False,
    trace: Annotated[bool, typer.Option("--trace", help="Reading the message trace too: lookup.")] = False,
    write: Annotated[Path | None, typer.Option(help="Write the scripts into this directory.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Write over scripts that are there.")] = False,
    lang: Annotated[Language | None, typer.Option(help="Language of the comments.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the scripts that set a route up in Microsoft 365: PowerShell, or az for Communication Services.

    They are filled from the configuration, say what each step does, may be run twice, and undo it all with -Undo.
    Nothing is run. Example:

        mailferry setup smtp-rbac --mailbox scan@example.com --write scripts
    """
    from mailferry.m365.setup import SetupError, script

    language = chosen(lang)
    if not route:
        _list(language)
        return
    loaded = _load(config)
    kind = _kind(route, loaded)
    rights = {name for name, wanted in (("large", large), ("read", read), ("trace", trace)) if wanted}
    try:
        scripts = script(kind, _values(loaded, route, mailbox or [], settings or [], rights), language)
    except SetupError as error:
        fail(str(error), code=Exit.USAGE)
    if as_json:
        print_json([{"name": one.name, "missing": list(one.missing), "text": one.text} for one in scripts])
    elif write is None:
        for one in scripts:
            out().print(f"# ---- {one.name} ----\n{one.text}", markup=False, soft_wrap=True)
    if write is not None:
        _write(scripts, write, language, replace=replace)
    if missing := dict.fromkeys(name for one in scripts for name in one.missing):
        talk().print(_WORDS[language]["missing"].format(names=", ".join(missing)), markup=False, soft_wrap=True)


def _list(language: str) -> None:
    from rich.table import Table

    from mailferry.m365.setup import ROUTES, Values, script

    console, table = out(), Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    for kind in ROUTES:
        table.add_row(kind, Prose(script(kind, Values(), language)[-1].title.of(language)))
    console.print(_WORDS[language]["routes"], style="bold")
    console.print(table)
    talk().print(_WORDS[language]["example"], markup=False)


def _load(path: Path) -> Config | None:
    """The configuration, None when there is none: the scripts then have places to fill in."""
    from mailferry.config.load import ConfigurationError, load_config

    if not path.exists():
        return None
    try:
        return load_config(path)
    except ConfigurationError as error:
        fail(str(error), f"`mailferry check {path}` shows every problem with its line", Exit.CONFIGURATION)


def _kind(route: str, config: Config | None) -> str:
    from mailferry.m365.setup import ROUTES

    if route in ROUTES:
        return route
    found = next((one for one in config.routes if one.name == route), None) if config else None
    kind = _kind_of(found) if found else ""
    if not kind:
        fail(
            f"there is no route {route!r} with a setup on Microsoft's side",
            f"there are: {', '.join(ROUTES)}",
            Exit.USAGE,
        )
    return kind


def _kind_of(route: RouteSettings) -> str:
    return _PRESETS.get(str(route.preset), _KINDS.get(route.type.value, ""))


def _values(config: Config | None, route: str, mailboxes: list[str], settings: list[str], rights: set[str]) -> Values:
    from mailferry.m365.setup import Values

    given: dict[str, Any] = _configured(config, route) if config else {}
    known = {name: one for name, one in Values.__dataclass_fields__.items() if one.default is not False}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or name not in known:
            fail(f"{setting!r} sets nothing", f"NAME=VALUE; names are {', '.join(known)}", Exit.USAGE)
        many = known[name].default == ()
        given[name] = tuple(filter(None, value.split(","))) if many else value
    if mailboxes:
        given["mailboxes"] = tuple(mailboxes)
    return Values(**given | dict.fromkeys(rights, True))


def _configured(config: Config, route: str) -> dict[str, Any]:
    """What the configuration knows: of the routes meant, their tenant, and the clients whose mail may take them."""
    meant = _meant(config, route)
    name = next((one.tenant for one in meant if one.tenant), config.tenants[0].name if config.tenants else "")
    tenant = next((one for one in config.tenants if one.name == name), None)
    meant = [one for one in meant if one.tenant in (name, None)]
    domains = tenant.domains if tenant else tuple(sorted(config.accepted_domains))
    given: dict[str, Any] = {"mailboxes": _mailboxes(config, meant, domains), "domains": domains}
    given["domain"] = domains[0] if domains else ""
    if tenant is not None:
        client = tenant.client_id if tenant.client_id.strip("0-") else ""
        given |= {"tenant_id": tenant.tenant_id, "client_id": client, "cloud": tenant.cloud}
    if any(one.type.value == "hve" for one in meant):
        given["hve_account"] = next(one.mailbox for one in meant if one.type.value == "hve")
    return given | _rights(meant)


def _meant(config: Config, route: str) -> list[RouteSettings]:
    """The route of that name, or all of that kind."""
    named = [one for one in config.routes if one.name == route]
    return named or [one for one in config.routes if _kind_of(one) == route]


def _mailboxes(config: Config, routes: list[RouteSettings], domains: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the routes, and of the clients where a route has none of its own."""
    boxes = [box for one in routes for box in (one.mailbox, *one.mailboxes) if box]
    if not routes or any(not one.mailbox and not one.mailboxes for one in routes):
        boxes += [one.mailbox for one in config.clients if one.mailbox]
        boxes += [one for client in config.clients if not client.mailbox for one in client.senders]
    return tuple(dict.fromkeys(each for each in boxes if "*" not in each and each.rpartition("@")[2] in domains))


def _rights(routes: list[RouteSettings]) -> dict[str, bool]:
    """What the routes do beside sending."""
    return {
        "large": any(one.large.value == "upload" for one in routes),
        "read": any(one.bounces or one.lookup.value == "graph" for one in routes),
        "trace": any(one.lookup.value == "trace" for one in routes),
    }


def _write(scripts: tuple[Script, ...], directory: Path, language: str, *, replace: bool) -> None:
    from mailferry.config.files import write_new

    for one in scripts:
        file = directory / one.name
        # A byte order mark: Windows PowerShell 5.1 takes a script without one for the machine's old code page.
        text = ("\ufeff" if one.name.endswith(".ps1") else "") + one.text
        try:
            write_new(file, text, mode=0o700 if one.name.endswith(".sh") else 0o600, replace=replace)
        except FileExistsError:
            fail(f"{file} is there already", "say --replace, or name another directory", Exit.USAGE)
        except OSError as error:
            fail(f"{file} cannot be written: {error.strerror}", code=Exit.UNAVAILABLE)
        talk().print(_WORDS[language]["written"].format(file=file), markup=False, soft_wrap=True)
