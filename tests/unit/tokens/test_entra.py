"""The real library against a real HTTPS endpoint: what goes over the wire, and what comes out when it refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from mailferry.tokens.api import TokenError, TokenRefused, TokenUnavailable
from mailferry.tokens.credential import Credential
from mailferry.tokens.entra import EntraFetcher
from mailferry.tokens.settings import CertificateSource, CredentialSettings, SecretSource
from support.certificates import certificate, certificate_pem, key_pem, rsa_key
from support.token_endpoint import (
    CLIENT,
    SCOPE,
    TENANT,
    Script,
    TokenEndpoint,
    json_answer,
    raw,
    refusal,
    token_endpoint,
)

SECRET = "s3cr3t~Of.The_Application-0123456789"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def endpoint(tmp_path: Path) -> AsyncIterator[TokenEndpoint]:
    async with token_endpoint(tmp_path) as running:
        running.secret = SECRET
        yield running


def identity(endpoint: TokenEndpoint, value: str = SECRET, **overrides: object) -> Credential:
    values = {
        "client_id": CLIENT,
        "tenant_id": TENANT,
        "secret": SecretSource(env="APP_SECRET"),
        "authority": endpoint.url,
        "ca_file": endpoint.ca_file,
        **overrides,
    }
    return Credential("contoso", CredentialSettings.model_validate(values), {"APP_SECRET": value})


async def failure(credential: Credential) -> TokenError:
    with pytest.raises(TokenError) as caught:
        await EntraFetcher().fetch(credential, SCOPE)
    assert SECRET not in f"{caught.value} {caught.value!r} {caught.value.cause}"
    assert caught.value.__context__ is None, "azure-core's exceptions hold the request, secret and all"
    assert "\n" not in caught.value.cause
    return caught.value


async def test_a_secret_buys_a_token(endpoint: TokenEndpoint) -> None:
    fetched = await EntraFetcher().fetch(identity(endpoint), SCOPE)
    assert fetched.value == endpoint.issued[0]
    assert fetched.lifetime == 3599
    assert fetched.value not in repr(fetched)
    [form] = endpoint.requests
    assert form["scope"] == SCOPE
    assert form["grant_type"] == "client_credentials"


async def test_a_certificate_signs_with_ps256_and_its_sha256_thumbprint(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    key = rsa_key()
    endpoint.certificate = certificate(key)
    path = tmp_path / "app.pem"
    path.write_bytes(certificate_pem(endpoint.certificate) + key_pem(key, "open sesame"))
    source = CertificateSource(file=path, passphrase=SecretSource(env="APP_SECRET"))
    credential = identity(endpoint, "open sesame", secret=None, certificate=source)
    fetched = await EntraFetcher().fetch(credential, SCOPE)
    assert fetched.value == endpoint.issued[0]
    assert endpoint.assertion["header"]["alg"] == "PS256"
    assert "x5t" not in endpoint.assertion["header"]
    assert "client_secret" not in endpoint.requests[0]


async def test_another_certificate_is_refused(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    endpoint.certificate = certificate(rsa_key(0))
    path = tmp_path / "other.pem"
    path.write_bytes(certificate_pem(certificate(rsa_key(1))) + key_pem(rsa_key(1)))
    error = await failure(identity(endpoint, secret=None, certificate=CertificateSource(file=path)))
    assert isinstance(error, TokenRefused)
    assert error.code == "AADSTS700027"


async def test_a_secret_replaced_on_disk_is_used_at_once(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old\n")
    credential = identity(endpoint, secret=SecretSource(file=path))
    assert isinstance(await failure(credential), TokenRefused)
    path.write_text(f"{SECRET}\n")
    assert (await EntraFetcher().fetch(credential, SCOPE)).value == endpoint.issued[0]


async def test_a_wrong_secret_is_refused_with_its_number_and_a_cure(endpoint: TokenEndpoint) -> None:
    endpoint.secret = "another"
    error = await failure(identity(endpoint))
    assert isinstance(error, TokenRefused)
    assert error.code == "AADSTS7000215"
    assert "client secret is wrong" in error.cause


REFUSALS: list[tuple[Script, type[TokenError], str, float | None, str]] = [
    (lambda: refusal(401, "invalid_client", 7000222, "Expired."), TokenRefused, "AADSTS7000222", None, "has expired"),
    (lambda: refusal(400, "invalid_grant", 65001, "Consent."), TokenRefused, "AADSTS65001", None, "consented"),
    (lambda: refusal(400, "odd", 999999, "Never seen."), TokenRefused, "AADSTS999999", None, "Never seen."),
    (lambda: json_answer({"error": "odd"}, 400), TokenRefused, "", None, "odd"),
    (
        lambda: refusal(429, "too_many", 90055, "Slow down.", {"Retry-After": "120"}),
        TokenUnavailable,
        "AADSTS90055",
        120.0,
        "too many requests",
    ),
    (
        lambda: raw(
            503,
            b"",
            {"Retry-After": "Tue, 24 Nov 2026 10:01:00 GMT", "Date": "Tue, 24 Nov 2026 10:00:00 GMT"},
        ),
        TokenUnavailable,
        "",
        60.0,
        "overloaded",
    ),
    (lambda: raw(503, b"", {"Retry-After": "soon"}), TokenUnavailable, "", None, "overloaded"),
    (lambda: json_answer({"error": "temporarily_unavailable"}, 400), TokenUnavailable, "", None, "overloaded"),
    (lambda: raw(500, b"<html>"), TokenUnavailable, "", None, "HTTP 500"),
    (lambda: raw(200, b"{"), TokenUnavailable, "", None, "no answer of a token service"),
    (lambda: raw(200, b"\xff\xfe"), TokenUnavailable, "", None, "no answer of a token service"),
    (lambda: raw(200, b""), TokenUnavailable, "", None, "no answer of a token service"),
    (lambda: json_answer([1]), TokenUnavailable, "", None, "no answer of a token service"),
    (lambda: json_answer("token"), TokenUnavailable, "", None, "no answer of a token service"),
    (lambda: json_answer({"expires_in": 3599}), TokenUnavailable, "", None, "no answer of a token service"),
    (lambda: json_answer({"access_token": "t"}), TokenUnavailable, "", None, "no answer of a token service"),
    (lambda: json_answer({"access_token": "t", "expires_in": -5}), TokenUnavailable, "", None, "no answer"),
    (lambda: json_answer({"access_token": "t", "expires_in": "x"}), TokenUnavailable, "", None, "no answer"),
    (lambda: raw(403, b"<html>proxy</html>", kind="text/html"), TokenUnavailable, "", None, "HTTP 403"),
    (lambda: raw(404, b"gone", kind="text/plain"), TokenUnavailable, "", None, "HTTP 404"),
]


@pytest.mark.parametrize(
    ("script", "kind", "code", "retry_after", "words"),
    REFUSALS,
    ids=[f"{row[4]}-{n}" for n, row in enumerate(REFUSALS)],
)
async def test_each_answer_becomes_one_of_two_errors(
    endpoint: TokenEndpoint, script: Script, kind: type[TokenError], code: str, retry_after: float | None, words: str
) -> None:
    endpoint.next = [script]
    error = await failure(identity(endpoint))
    assert type(error) is kind
    assert error.code == code
    assert error.retry_after == retry_after
    assert words in error.cause
    assert "Trace ID" not in error.cause
    assert len(endpoint.requests) == 1, "the broker alone decides when to ask again"


async def test_an_answer_that_repeats_the_secret_is_cleaned(endpoint: TokenEndpoint) -> None:
    endpoint.next = [lambda: refusal(400, "odd", 999998, f"You sent {SECRET}\r\nand it is wrong.")]
    error = await failure(identity(endpoint))
    assert error.cause == "odd: AADSTS999998: You sent *** and it is wrong."


async def test_a_slow_endpoint_is_not_waited_for(endpoint: TokenEndpoint) -> None:
    endpoint.delay = 600  # the time limit of the test would end it
    error = await failure(identity(endpoint, timeout=0.3))
    assert isinstance(error, TokenUnavailable)
    assert "did not answer within 0.3 s" in error.cause


async def test_a_closed_port_is_unavailable(endpoint: TokenEndpoint) -> None:
    error = await failure(identity(endpoint, authority="https://localhost:1"))
    assert isinstance(error, TokenUnavailable)
    assert error.cause.startswith("cannot reach localhost:1: ")


async def test_an_untrusted_certificate_is_said_so(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    other = tmp_path / "other-ca.pem"
    trustme.CA().cert_pem.write_to_path(other)
    error = await failure(identity(endpoint, ca_file=other))
    assert isinstance(error, TokenUnavailable)
    assert "is not trusted" in error.cause
    assert endpoint.requests == []


async def test_a_missing_ca_file_is_said_so(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    error = await failure(identity(endpoint, ca_file=tmp_path / "none.pem"))
    assert "No such file" in error.cause


async def test_a_missing_secret_asks_nobody(endpoint: TokenEndpoint) -> None:
    error = await failure(identity(endpoint, secret=SecretSource(env="NOT_SET")))
    assert isinstance(error, TokenRefused)
    assert error.cause == "contoso: there is no client secret in environment variable NOT_SET"
    assert endpoint.requests == []
