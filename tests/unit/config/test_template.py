"""The first configuration: it loads, it is whole, and what it shows as defaults are the defaults."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mailferry.clock import ManualClock
from mailferry.config.load import examine, load_config
from mailferry.config.starter import exchange_starter, sandbox_starter
from mailferry.config.template import Values, render
from mailferry.config.validate import sections

ENDPOINTS: dict[str, Any] = {
    "smtp": {"host": "localhost", "port": 10587, "tls": "starttls"},
    "authority_host": "https://localhost:10589",
    "ca_file": "/nowhere/ca.pem",
    "application_certificate": "/nowhere/application.pem",
    "tenant_id": "5a4db0c5-0000-4000-8000-000000000001",
    "domains": ["contoso.example"],
    "applications": [{"client_id": "a1", "certificates": 0}, {"client_id": "b1", "certificates": 1}],
}


def starters() -> list[Values]:
    return [
        exchange_starter(host="g.example.test", state="state", domain="example.test", tenant_id="", client_id=""),
        sandbox_starter(ENDPOINTS, state="state"),
    ]


@pytest.mark.parametrize("values", starters(), ids=["exchange", "sandbox"])
def test_it_loads(values: Values, tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text(render(values))
    config = load_config(file, {})
    assert config.gateway.state == tmp_path / "state"
    assert config.routes[0].tenant == config.tenants[0].name
    problems = examine(file, ManualClock(), {}).problems
    assert {problem.key.rpartition(".")[2] for problem in problems} <= {
        "secret",
        "client_id",
        "ca_file",
        "certificate",
    }, "only the secret and the ids are missing"


def test_only_this_machine_may_send(tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text(render(starters()[0]))
    clients = load_config(file, {}).clients
    assert all(network.is_loopback for client in clients for network in client.networks)
    assert [client.password for client in clients] == [None]


def test_every_setting_is_there() -> None:
    text = render(starters()[0])
    for section in sections():
        assert re.search(rf"^#?\[+{section.name}\]+$", text, re.MULTILINE)
        for name in section.model.model_fields:
            assert re.search(rf"^#?{name}(\.\w+)? = ", text, re.MULTILINE), f"{section.name}.{name}"


def test_removing_the_comment_signs_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    text = render(starters()[0])
    file.write_text(text)
    before = load_config(file, {})
    active = re.sub(r"^#(\S+ = (?!\.\.\.$))", r"\1", text, flags=re.MULTILINE)
    rule = active.index("#[[rule]]")
    active = active[:rule] + active[active.index("[routing]") :]  # a rule without its route is none
    file.write_text(active)
    assert active.count("\n#") > 20
    assert load_config(file, {}) == before
