"""What redaction takes out and what it leaves."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.obs.redact import (
    _SECRET_KEYS,
    _SECRET_WORDS,
    REDACTED,
    clean,
    clean_fields,
    clean_value,
    secret_key,
    suspicious,
)

SECRET = "Zq7vX2mKp0Lw9"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"authorization=bearer {SECRET}",
        f"Proxy-Authorization: {SECRET}",
        f"client_secret={SECRET}&grant_type=client_credentials",
        f"{{'access_token': '{SECRET}', 'expires_in': 3599}}",
        f'{{"refresh_token":"{SECRET}"}}',
        f"password = {SECRET}",
        f"AUTH PLAIN {SECRET}==",
        f"auth\tlogin {SECRET}",
        f"AUTH XOAUTH2 {SECRET}",
        f"eyJhbGciOiJSUzI1NiJ9.{SECRET}.{SECRET}",
        f"hash is $argon2id$v=19$m=65536,t=3,p=4$c2FsdA${SECRET}",
        f"Basic {base64.b64encode(('scan:' + SECRET).encode()).decode()}",
        base64.b64encode(f"user=scan@example.test\x01auth=Bearer {SECRET}\x01\x01".encode()).decode(),
        base64.b64encode(f"n,a=scan@example.test,\x01auth=Bearer {SECRET}\x01\x01".encode()).decode(),
    ],
)
def test_taken_out(text: str) -> None:
    cleaned = clean(text)
    assert REDACTED in cleaned
    assert SECRET not in cleaned
    assert base64.b64encode(SECRET.encode()).decode().rstrip("=")[:12] not in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "550 5.7.30 Basic authentication is not supported for Client Submission.",
        "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
        "250-AUTH LOGIN XOAUTH2 PLAIN",
        "AADSTS7000222: The provided client secret keys for app 'x' are expired.",
        "lane paused: token refused",
        "250 2.0.0 OK <6b1f@example.test> [Hostname=AM0PR01MB1234.eurprd01.prod.example]",
        "keyboard@example.test",
    ],
)
def test_left_alone(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize("key", ["password", "client_secret", "Access-Token", "AUTHORIZATION", "api_key", "cookie"])
def test_secret_key(key: str) -> None:
    assert secret_key(key)


@pytest.mark.parametrize("key", sorted(_SECRET_WORDS | _SECRET_KEYS))
def test_the_first_look_sees_every_secret_key(key: str) -> None:
    assert suspicious(f'{{"{key.upper()}":1}}')


@pytest.mark.parametrize("key", ["key", "message", "credential", "tokens_left", "secret_expires", "author"])
def test_plain_key(key: str) -> None:
    assert not secret_key(key)


def test_values_at_any_depth() -> None:
    class Thing:
        def __str__(self) -> str:
            return f"password={SECRET}"

    cleaned = clean_fields({"a": [{"token": SECRET}, (Thing(), 1)], "password": "", "n": None, "ok": True})
    assert cleaned == {
        "a": [{"token": REDACTED}, [f"password={REDACTED}", 1]],
        "password": "",
        "n": None,
        "ok": True,
    }


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner), max_leaves=5))
def test_any_value(value: object) -> None:
    clean_value(value)
