"""Routes that reach the organisation only: configurations that are good, and the one thing that makes each bad."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailferry.clock import ManualClock
from mailferry.config.load import Report, examine, load_config

TENANT = """
[[tenant]]
name = "{0}"
tenant_id = "{0}.example"
domains = ["{0}.example"]
client_id = "5a4db0c5-0000-4000-8000-0000000000a1"
secret = {{ env = "SECRET" }}
"""
TEXT = """
[gateway]
hostname = "gateway.example.test"
state = "{state}"
postmaster = "postmaster@contoso.example"

[[listener]]
name = "devices"
address = "127.0.0.1:2587"
authentication = "optional"

[[client]]
name = "erp"
networks = ["192.0.2.7"]
recipients = {recipients}
{client}

[[route]]
name = "exchange"
type = "exchange-smtp"
tenant = "contoso"

[[route]]
name = "hve"
type = "hve"
tenant = "contoso"
mailbox = "bulk@contoso.example"

{rules}

[routing]
default_route = "{default}"
"""
RULE = '[[rule]]\nclients = ["erp"]\nrecipients = {}\nroute = "{}"\n'


def check(tmp_path: Path, **given: str) -> Report:
    values = {
        "state": str(tmp_path / "state"),
        "recipients": '"anywhere"',
        "client": "",
        "rules": RULE.format('["internal"]', "hve"),
        "default": "exchange",
    }
    tenants = given.pop("tenants", "contoso").split()
    file = tmp_path / "mailferry.toml"
    file.write_text(TEXT.format(**(values | given)) + "".join(TENANT.format(name) for name in tenants))
    return examine(file, ManualClock(1.8e9), {"SECRET": "x"})


def errors(report: Report) -> list[str]:
    return [problem.what for problem in report.problems if "outside" in problem.what]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"rules": RULE.format('["*@contoso.example", "boss@CONTOSO.example"]', "hve")},
        {"rules": "", "client": 'route = "hve"', "recipients": '"internal"'},
        {"rules": "", "client": 'route = "hve"', "recipients": '["*@contoso.example"]'},
        {"default": "hve", "rules": '[[rule]]\nrecipients = ["external"]\nroute = "exchange"\n'},
        {"default": "hve", "rules": RULE.format('["external"]', "exchange")},
        {"default": "hve", "rules": "", "recipients": '"internal"'},
        {"default": "hve", "rules": "", "client": 'route = "exchange"'},
        {"tenants": "contoso fabrikam", "rules": RULE.format('["*@contoso.example"]', "hve")},
    ],
)
def test_good(tmp_path: Path, given: dict[str, str]) -> None:
    assert errors(check(tmp_path, **given)) == []


@pytest.mark.parametrize(
    "given",
    [
        {"rules": '[[rule]]\nclients = ["erp"]\nroute = "hve"\n'},
        {"rules": RULE.format('["external"]', "hve")},
        {"rules": RULE.format('["*@contoso.example", "ann@fabrikam.example"]', "hve")},
        {"rules": RULE.format('["*"]', "hve")},
        {"rules": RULE.format('["ann@*"]', "hve")},
        {"rules": "", "client": 'route = "hve"'},
        {"default": "hve", "rules": ""},
        {"default": "hve", "rules": RULE.format('["external"]', "exchange").replace("erp", "other")},
        {"tenants": "contoso fabrikam"},
    ],
)
def test_bad(tmp_path: Path, given: dict[str, str]) -> None:
    assert len(errors(check(tmp_path, **given))) == 1


def test_domains_may_be_named_without_a_tenant(tmp_path: Path) -> None:
    check(tmp_path)
    file = tmp_path / "mailferry.toml"
    text = file.read_text().replace('type = "hve"\ntenant = "contoso"\nmailbox = "bulk@contoso.example"', DIRECT)
    file.write_text(text.replace("[routing]", '[routing]\ninternal_domains = ["Bücher.example"]'))
    config = load_config(file, {"SECRET": "x"})
    assert config.accepted_domains == {"contoso.example", "xn--bcher-kva.example"}
    assert config.reach == {"hve": config.accepted_domains}


DIRECT = 'type = "smarthost"\npreset = "direct-send"\nhost = "mx.example"'
