"""What the configuration says of a tenant's outside recipients, and where people see that they are held back."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailferry.app.build import build_external
from mailferry.app.gateway import Gateway
from mailferry.clock import ManualClock
from mailferry.config.load import load_config
from mailferry.config.schema import Config, TenantSettings
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics

CONFIG = """
[gateway]
hostname = "gw.example.com"
state = "{state}"
postmaster = "it@example.com"
[[listener]]
name = "in"
address = "127.0.0.1:0"
authentication = "none"
[[client]]
name = "scanner"
networks = ["127.0.0.1"]
senders = ["*"]
recipients = "anywhere"
[[tenant]]
name = "contoso"
tenant_id = "00000000-0000-0000-0000-000000000001"
client_id = "00000000-0000-0000-0000-000000000002"
secret = {{ env = "SECRET" }}
domains = ["example.com"]
{tenant}
[[route]]
name = "exo"
type = "exchange-smtp"
tenant = "contoso"
mailbox = "scan@example.com"
{route}
[[route]]
name = "relay"
type = "smarthost"
preset = "connector-ip"
host = "example-com.mail.protection.outlook.com"
[routing]
default_route = "exo"
"""
SAID = "5.7.233 your tenant exceeded its daily limit"


def config(path: Path, tenant: str = "", route: str = "") -> Config:
    (path / "m.toml").write_text(CONFIG.format(state=path / "state", tenant=tenant, route=route))
    return load_config(path / "m.toml", {"SECRET": "x"})


def log() -> MailLog:
    return MailLog(lambda *_: None, Metrics())


@pytest.mark.parametrize(
    ("tenant", "limit"),
    [("", 0), ("licences = 0", 5000), ("licences = 100", 22_059), ("licences = 100\nexternal_limit = 700", 700)],
)
def test_the_limit_of_a_tenant(tmp_path: Path, tenant: str, limit: int) -> None:
    external = build_external(config(tmp_path, tenant), ManualClock(), log())
    assert [each.limit for each in external.forecasts()] == [limit]


def test_the_pace_is_a_part() -> None:
    assert TenantSettings.model_fields["external_pace"].default == 0.8
    for wrong in (0, 1.1):
        with pytest.raises(ValueError, match="external_pace"):
            TenantSettings.model_validate({"name": "t", "tenant_id": "t", "external_pace": wrong})


@pytest.mark.parametrize("lane", ["exo/scan@example.com", "relay"])
def test_what_is_held_back_stands_in_healthz(tmp_path: Path, lane: str) -> None:
    """Mail by the only tenant's connector counts as that tenant's."""
    gateway = Gateway(config(tmp_path, route="bounces = true"), ManualClock(), log(), {"SECRET": "x"})
    assert gateway.troubles() == []
    for domain in ("fabrikam.example", "tailspin.example"):
        gateway._external.returned(lane, f"a@{domain}", SAID, 1_800_000_000.0)
    (line,) = gateway.troubles()
    assert line.startswith("Tenant contoso: Exchange Online takes no more outside recipients for now")
    assert "mail to the inside goes on" in line
