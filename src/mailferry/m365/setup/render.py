"""Which scripts a route needs, and their text for given values and language. Pure.

Leaves to others: writing files (cli.setup), choosing routes (planner). Invariants: a value enters a script as a quoted
literal only, never in a comment; what is not known stands as <name> and the script refuses to run with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib import resources

from mailferry.m365.facts import Text
from mailferry.m365.setup.quote import SetupError, powershell, shell

__all__ = ["ROUTES", "Script", "SetupError", "Values", "script"]

#: What a route needs, in the order in which it is run.
ROUTES: Mapping[str, tuple[str, ...]] = {
    "smtp-rbac": ("app.ps1", "smtp-rbac.ps1"),
    "smtp-permission": ("app.ps1", "smtp-permission.ps1"),
    "trace": ("app.ps1", "trace.ps1"),
    "delegated": ("delegated.ps1",),
    "graph": ("app.ps1", "graph.ps1"),
    "hve": ("app.ps1", "hve.ps1"),
    "acs": ("app.ps1", "acs.sh"),
    "connector": ("connector.ps1",),
    "onprem": ("onprem.ps1",),
    "direct-send": ("direct-send.ps1",),
    "basic": ("basic.ps1",),
}
#: Per cloud: -ExchangeEnvironmentName of Connect-ExchangeOnline (V app-only-auth-powershell-v2.md) and -Environment of
#: Connect-MgGraph (V Get-MgEnvironment; both read 2026-11). Without them a script asks the worldwide cloud.
CLOUDS: Mapping[str, tuple[str, str]] = {
    "worldwide": ("", ""),
    "gcc-high": ("O365USGovGCCHigh", "USGov"),
    "dod": ("O365USGovDoD", "USGovDoD"),
    "china": ("O365China", "China"),
}
_GUARD = "<<guard>>"
#: A line that stands for what several scripts have in common.
_PART = re.compile(r"^<<part ([a-z-]+)>>\n", re.MULTILINE)
_PLACE = re.compile(r"<<(\w+)(\[\])?(\?)?>>")


@dataclass(frozen=True, slots=True)
class Values:
    """What an organisation's scripts are filled with; "" and () where it is not known."""

    tenant_id: str = ""
    client_id: str = ""
    object_id: str = ""  # of the enterprise application; app.ps1 prints it
    app_name: str = "Mailferry"
    certificate: str = ""
    group: str = "Mailferry senders"
    scope: str = "Mailferry senders"
    mailboxes: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    large: bool = False  # graph: messages above 3 MB
    read: bool = False  # smtp-rbac, graph: what lookup = "graph" and bounces take
    trace: bool = False  # smtp-rbac, graph: what lookup = "trace" takes, in a script of its own
    addresses: tuple[str, ...] = ()
    certificate_name: str = ""
    connector: str = "Mailferry"
    server: str = ""
    hve_account: str = ""
    reply_to: str = ""
    billing_policy: str = ""
    subscription: str = ""
    resource_group: str = ""
    data_location: str = "Europe"
    acs_name: str = ""
    email_name: str = ""
    domain: str = ""
    sender: str = "noreply"
    cloud: str = "worldwide"

    def of(self, name: str) -> tuple[str, ...]:
        """A value as its texts."""
        value = getattr(self, name)
        if isinstance(value, bool):
            return ("yes",) if value else ()
        return value if isinstance(value, tuple) else ((value,) if value else ())


@dataclass(frozen=True, slots=True)
class Script:
    """One file. `missing` names the values that are still to be filled in."""

    name: str
    title: Text
    text: str
    missing: tuple[str, ...] = field(default=())


def script(route: str, values: Values, language: str = "en") -> tuple[Script, ...]:
    """The scripts of a route, numbered in their order. Raises SetupError for a value that no script may hold and
    KeyError for a route that does not exist."""
    names = ROUTES[route]
    if values.trace and route in ("smtp-rbac", "smtp-permission", "graph"):
        names = (*names, "trace.ps1")
    if values.cloud not in CLOUDS:
        raise SetupError(f"{values.cloud!r} is no cloud; there are {', '.join(CLOUDS)}")
    if route == "acs" and values.cloud != "worldwide":
        raise SetupError("these scripts know Azure Communication Services in the worldwide cloud only")
    if "trace.ps1" in names and values.cloud != "worldwide":
        raise SetupError("Microsoft Graph has the message trace in the worldwide cloud only")
    return tuple(_script(number, name, values, language) for number, name in enumerate(names, 1))


def _script(number: int, name: str, values: Values, language: str) -> Script:
    template = _template(name)
    quote = powershell if name.endswith(".ps1") else shell
    missing: list[str] = []

    def fill(match: re.Match[str]) -> str:
        key, many, optional = match[1], match[2], match[3]
        texts = values.of(key)
        if not texts and not optional:
            missing.append(key)
            texts = (f"<{key}>",)
        if many:
            return "@(" + ", ".join(map(quote, texts)) + ")"
        return quote(texts[0] if texts else "")

    lines = [line if line == _GUARD else _PLACE.sub(fill, line) for line in _localized(template, language)]
    guard = _guard(tuple(missing), shell=quote is shell)
    text = "\n".join(guard if line == _GUARD else line for line in lines) + "\n"
    return Script(f"{number}-{name}", _title(template), _in_cloud(text, values.cloud), tuple(missing))


def _in_cloud(text: str, cloud: str) -> str:
    """With each connection made to the tenant's own cloud."""
    exchange, graph = CLOUDS[cloud]
    if not exchange:
        return text
    for command, option in (
        ("Connect-ExchangeOnline", f"-ExchangeEnvironmentName {exchange}"),
        ("Connect-MgGraph", f"-Environment {graph}"),
    ):
        text = re.sub(rf"^( *{command}) ", rf"\1 {option} ", text, flags=re.MULTILINE)
    return text


def _localized(template: str, language: str) -> Iterator[str]:
    """Lines without the comments of the other language."""
    for line in template.splitlines():
        lead, body = line[: len(line) - len(line.lstrip())], line.lstrip()
        if body.startswith(("#en:", "#ja:", "#src:")):
            mark, _, words = body.partition(":")
            if mark == "#src":
                yield f"{lead}# {'出典' if language == 'ja' else 'Source'}:{words}"
            elif mark[1:] == ("ja" if language == "ja" else "en"):
                yield f"{lead}#{words}"
        else:
            yield line


def _guard(missing: tuple[str, ...], *, shell: bool) -> str:
    """A script with a value still to be filled in stops before it does anything."""
    if not missing:
        return ""
    names = ", ".join(missing)
    if shell:
        return f"echo 'Fill in first, then delete this line: {names}' >&2; exit 2"
    return f"throw 'Fill in first, then delete this line: {names}'"


def _title(template: str) -> Text:
    found = dict(re.findall(r"^#(en|ja): (.*)$", template, re.MULTILINE)[::-1])
    return Text(found["en"], found["ja"])


@cache
def _template(name: str) -> str:
    text = _PART.sub(lambda found: _text(f"{found[1]}.part"), _text(name))
    known = {one.name for one in fields(Values)} | {"guard"}
    assert all(match[1] in known for match in _PLACE.finditer(text)), name  # noqa: S101 - part of the package
    return text


def _text(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")
