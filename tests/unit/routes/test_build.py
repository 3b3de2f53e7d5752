"""What a type of route brings along, and how TLS is set up."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from mailferry.routes import presets
from mailferry.routes.api import Limits
from mailferry.routes.build import client_context
from mailferry.routes.settings import RouteSettings

EXCHANGE: dict[str, Any] = {"name": "exo", "type": "exchange-smtp", "tenant": "contoso"}
SMARTHOST: dict[str, Any] = {"name": "relay", "type": "smarthost", "host": "relay.example"}


def route(base: dict[str, Any], **changes: Any) -> RouteSettings:
    return RouteSettings.model_validate(base | changes)


def test_exchange_online_is_known():
    settings = route(EXCHANGE)
    assert presets.host(settings, "worldwide") == "smtp.office365.com"
    assert presets.port(settings, "worldwide") == 587
    assert presets.scope(settings, "worldwide") == "https://outlook.office365.com/.default"
    assert presets.limits(settings) == Limits(30, 3, 10_000, 500, 157_286_400)


def test_high_volume_email_is_known():
    settings = route(EXCHANGE, type="hve", mailbox="bulk@contoso.example")
    assert presets.host(settings, "worldwide") == "smtp.hve.mx.microsoft"
    assert presets.port(settings, "worldwide") == 587
    assert presets.scope(settings, "worldwide") == "https://outlook.office.com/.default"
    assert presets.host(settings, "china") == ""
    assert presets.limits(settings) == Limits(recipients_per_message=50, message_size=10 << 20)
    assert settings.internal_only


def test_azure_communication_services_is_known():
    settings = route(EXCHANGE, type="acs-smtp", username="gateway")
    assert presets.host(settings, "worldwide") == "smtp.azurecomm.net"
    assert presets.port(settings, "worldwide") == 587
    assert presets.scope(settings, "worldwide") == "https://communication.azure.com/.default"
    expected = Limits(30, recipients_per_message=50, message_size=10 << 20, messages_per_hour=100)
    assert presets.limits(settings) == expected
    managed = route(EXCHANGE, type="acs-smtp", username="g", limits={"rate": "5/minute", "messages_per_hour": 10})
    assert (presets.limits(managed).messages_per_minute, presets.limits(managed).messages_per_hour) == (5, 10)


@pytest.mark.parametrize(
    ("preset", "tls", "internal", "limits"),
    [
        ("exchange-relay", "opportunistic", False, Limits(connections=20, message_size=37_748_736)),
        ("connector-ip", "starttls", False, Limits(recipients_per_message=200, message_size=157_286_400)),
        ("direct-send", "starttls", True, Limits(recipients_per_message=200, message_size=157_286_400)),
    ],
)
def test_smarthost_presets(preset: str, tls: str, internal: bool, limits: Limits):
    settings = route(SMARTHOST, preset=preset)
    assert (settings.tls_mode, settings.internal_only) == (tls, internal)
    assert presets.limits(settings) == limits
    assert presets.port(settings, "worldwide") == 25


def test_other_clouds_and_overrides():
    assert presets.host(route(EXCHANGE), "gcc-high") == "smtp.office365.us"
    own = route(EXCHANGE, host="localhost", port=2587, scope="api://x/.default")
    assert (presets.host(own, "worldwide"), presets.port(own, "worldwide")) == ("localhost", 2587)
    assert presets.scope(own, "worldwide") == "api://x/.default"


def test_smarthost_ports():
    assert presets.port(route(SMARTHOST), "worldwide") == 25
    assert presets.port(route(SMARTHOST, tls="implicit"), "worldwide") == 465


def test_limits_may_be_overridden():
    own = {
        "rate": "120/hour",
        "connections": 1,
        "recipients_per_day": 0,
        "recipients_per_message": 9,
        "message_size": 7,
    }
    assert presets.limits(route(EXCHANGE, limits=own)) == Limits(2, 1, 0, 9, 7)
    assert presets.limits(route(SMARTHOST)) == Limits()
    assert presets.limits(route(SMARTHOST, limits={"rate": "1/day"})).messages_per_minute == 1


def test_tls_of_a_route():
    strict = client_context(route(SMARTHOST))
    assert strict is not None
    assert strict.verify_mode is ssl.CERT_REQUIRED
    assert strict.check_hostname
    assert strict.minimum_version is ssl.TLSVersion.TLSv1_2
    for loose in (
        client_context(route(SMARTHOST, verify=False)),
        client_context(route(SMARTHOST, tls="opportunistic")),
    ):
        assert loose is not None
        assert loose.verify_mode is ssl.CERT_NONE
    assert client_context(route(SMARTHOST, tls="none")) is None


def test_a_ca_file_that_is_not_there():
    with pytest.raises(OSError, match="No such file"):
        client_context(route(SMARTHOST, ca_file="/nonexistent/ca.pem"))
