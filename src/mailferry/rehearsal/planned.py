"""The planned gateway configuration, moved onto loopback: the same clients, routes and limits, other hosts and secrets.

Leaves to others: the plan's configuration itself (planner.papers.gateway), the gateway (app). Invariant: nothing is
changed but where things listen and lead to, who the application is, and the locked passwords, so that what is refused
here is refused in the organisation too.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from mailferry.config.toml import toml_value
from mailferry.planner.papers import gateway
from mailferry.planner.steps import OLD_PORT
from mailferry.planner.values import WORLDWIDE, Plan, Way
from mailferry.rehearsal import grants
from mailferry.rehearsal.ports import LOOPBACK, free_port
from mailferry.sandbox.serve import Sandbox

_TYPES = {"hve": Way.GATEWAY_HVE, "acs-smtp": Way.GATEWAY_ACS}
#: Hashes cost time on purpose; of a password that everybody may know they need not. The code is the same.
_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass(frozen=True, slots=True)
class Planned:
    """`ports` of the listeners by whether they are for old devices; `mailboxes` of routes that send as one."""

    data: Mapping[str, Any]
    ports: Mapping[bool, int]
    mailboxes: Mapping[Way, str]
    username: str


def rendered(plan: Plan, password: str) -> Mapping[str, Any]:
    """What the plan writes, with `password` for every client that has one. It is the same on every date."""
    data = tomllib.loads(gateway.render(plan).decode())
    data.pop("include", None)
    for client in data.get("client", ()):
        if "password" in client:
            client["password"] = _HASHER.hash(password)
    return data


def planned(data: Mapping[str, Any], *, old_tls: bool) -> Planned:
    """What was rendered, with free ports. `old_tls`: whether this machine can speak TLS below 1.2."""
    ports: dict[bool, int] = {}
    listeners = []
    for listener in data["listener"]:
        old = listener["address"].endswith(f":{OLD_PORT}")
        ports[old] = free_port()
        moved = {**listener, "address": f"{LOOPBACK}:{ports[old]}", "proxy_protocol": ["127.0.0.0/8"]}
        listeners.append(moved | ({"minimum_tls": "1.2"} if old and not old_tls else {}))
    return Planned({**data, "listener": listeners}, ports, *_senders(data))


def routes(plan: Plan) -> tuple[dict[Way, str], str]:
    """What the planned routes send as: the mailboxes of those that have one, and the SMTP username."""
    return _senders(tomllib.loads(gateway.render(plan).decode()))


def _senders(data: Mapping[str, Any]) -> tuple[dict[Way, str], str]:
    chosen = [route for route in data["route"] if route["type"] in _TYPES]
    username = next((route["username"] for route in chosen if route["type"] == "acs-smtp"), "")
    return {_TYPES[route["type"]]: route["mailbox"] for route in chosen}, username


def write(found: Planned, directory: Path, box: Sandbox) -> Path:
    """The configuration as a file, with every way out leading into `box`."""
    secret = directory / "secret"
    secret.touch(mode=0o600)
    secret.write_text(grants.SECRET)
    data = {**found.data}
    data["gateway"] = {**data["gateway"], "state": str(directory / "state")}
    data["tls"] = {"certificate": str(box.directory / "server.pem"), "key": str(box.directory / "server.key")}
    data["tenant"] = [
        {
            **tenant,
            "tenant_id": box.tenant.tenant_id,
            "client_id": grants.GATEWAY_CLIENT_ID,
            "secret": {"file": str(secret)},
            "cloud": WORLDWIDE,  # which the box is, whatever the tenant's own
            "authority": box.entra_url,
            "ca_file": str(box.ca_file),
        }
        for tenant in data["tenant"]
    ]
    data["route"] = [{**route, **_where(route, box)} for route in data["route"]]
    file = directory / "planned.toml"
    file.write_text("".join(_lines(data)), encoding="utf-8")
    return file


def _where(route: Mapping[str, Any], box: Sandbox) -> dict[str, Any]:
    """The address in the box of what the route leads to."""
    if route["type"] == "graph":
        return {"endpoint": box.graph_url, "ca_file": str(box.ca_file)}
    ports = {"exchange-smtp": box.smtp_port, "hve": box.hve_port, "acs-smtp": box.acs_smtp_port}
    port = ports.get(route["type"], box.onprem_port)
    return {"host": "localhost", "port": port, "ca_file": str(box.ca_file)}


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    for name, value in data.items():
        for table in value if isinstance(value, list) else [value]:
            yield f"[[{name}]]\n" if isinstance(value, list) else f"[{name}]\n"
            yield from (f"{key} = {toml_value(entry)}\n" for key, entry in table.items())
