"""What a route may be: nothing secret over an unverified connection."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mailferry.routes.settings import RouteSettings, RuleSettings, Tls

EXCHANGE: dict[str, Any] = {"name": "exo", "type": "exchange-smtp", "tenant": "contoso"}
SMARTHOST: dict[str, Any] = {"name": "relay", "type": "smarthost", "host": "relay.example"}


def test_a_minimal_route_of_each_type():
    assert RouteSettings.model_validate(EXCHANGE).tls_mode is Tls.STARTTLS
    assert RouteSettings.model_validate(SMARTHOST).verify is True


def test_units_are_understood():
    route = RouteSettings.model_validate(
        SMARTHOST | {"limits": {"rate": "60/minute", "message_size": "10 MB"}, "timeouts": {"end": "10m"}}
    )
    assert route.limits.message_size == 10 << 20
    assert route.timeouts.end == 600


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tenant": None}, "needs `tenant`"),
        ({"tls": "none"}, "encrypts and verifies"),
        ({"tls": "opportunistic"}, "encrypts and verifies"),
        ({"verify": False}, "encrypts and verifies"),
        ({"username": "u", "password": {"env": "P"}}, "OAuth"),
        ({"name": "a/b"}, "name"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_exchange_smtp_refuses(changes: dict[str, Any], message: str):
    with pytest.raises(ValidationError, match=message):
        RouteSettings.model_validate(EXCHANGE | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"host": None}, "needs `host`"),
        ({"tenant": "contoso"}, "belong to exchange-smtp"),
        ({"username": "u"}, "come together"),
        ({"username": "u", "password": {"env": "P"}, "tls": "none"}, "verified TLS"),
        ({"username": "u", "password": {"env": "P"}, "tls": "opportunistic"}, "verified TLS"),
        ({"username": "u", "password": {"env": "P"}, "verify": False}, "verified TLS"),
    ],
)
def test_smarthost_refuses(changes: dict[str, Any], message: str):
    with pytest.raises(ValidationError, match=message):
        RouteSettings.model_validate(SMARTHOST | changes)


def test_a_password_is_never_in_the_file_itself():
    with pytest.raises(ValidationError):
        RouteSettings.model_validate(SMARTHOST | {"username": "u", "password": "tr0ub4dor"})


@pytest.mark.parametrize("words", [("internal", "a@b.example"), ("a b@c.example",), ("b.example",)])
def test_rule_recipients_are_patterns_or_words(words: tuple[str, ...]):
    with pytest.raises(ValidationError):
        RuleSettings(recipients=words, route="relay")
