"""What can be set, and what cannot."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mailferry.listener.settings import ClientSettings, ListenerSettings, parse_address
from support.listening import hashed


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:587", "127.0.0.1", 587),
        ("[::1]:25", "::1", 25),
        (":465", "", 465),
        ("localhost:0", "localhost", 0),
        ("[fe80::1%eth0]:25", "fe80::1%eth0", 25),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    assert parse_address(text) == (host, port)


@pytest.mark.parametrize("text", ["587", "::1:25", "host", "host:99999", "host:x", "[::1]", ""])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        parse_address(text)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tls": "none"}, "lets nobody in"),
        ({"tls": "starttls", "allow_plaintext_auth": True}, 'needs tls = "none"'),
        ({"minimum_tls": "0.9"}, "1.0"),
        ({"networks": ["10.0.0.1/8"]}, "not a valid IPv4 network"),
        ({"bare_newlines": "keep"}, "refuse"),
        ({"surprise": 1}, "surprise"),
        ({"max_connections": 0}, "greater than"),
        ({"max_size": "big"}, "no size"),
    ],
)
def test_listeners_that_are_refused(fields: dict[str, Any], words: str) -> None:
    """With a sentence that says why."""
    with pytest.raises(ValidationError, match=words):
        ListenerSettings(name="l", address=":25", **fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "can never be recognised"),
        ({"password": "hunter2"}, "no Argon2 hash"),
        ({"networks": ["192.0.2.1"], "senders": ["example.com"]}, "needs an @"),
        ({"networks": ["192.0.2.1"], "recipients": "everyone"}, "anywhere"),
        ({"networks": ["192.0.2.1"], "rate": "fast"}, "no rate"),
    ],
)
def test_clients_that_are_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words) as caught:
        ClientSettings(name="c", **fields)
    assert "hunter2" not in str(caught.value) or "input_value" in str(caught.value)


def test_defaults_are_the_careful_ones() -> None:
    """Nothing opens a relay or an old TLS version by being left out."""
    listener = ListenerSettings(name="l", address=":587")
    assert (listener.tls.value, listener.minimum_tls.value, listener.authentication.value) == (
        "starttls",
        "1.2",
        "required",
    )
    client = ClientSettings(name="c", networks=("192.0.2.0/24",))
    assert client.recipients == "internal"
    assert client.login == "c"
    assert ClientSettings(name="c", account="d", password=hashed("x")).login == "d"


@pytest.mark.parametrize("value", [False, True, 0, 10, 3232235776, 1.5, None, {"net": "10.0.0.0/8"}])
def test_a_network_is_text(value: object) -> None:
    """ipaddress would take False for 0.0.0.0 and 10 for 0.0.0.10, and somebody else would be let in."""
    with pytest.raises(ValidationError, match="is no network"):
        ClientSettings.model_validate({"name": "x", "networks": [value]})
