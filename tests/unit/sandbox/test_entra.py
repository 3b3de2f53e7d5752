"""The token endpoint: unmodified MSAL and azure-identity against it, then every refusal by hand."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import msal
import pytest
from azure.identity import CertificateCredential, ClientSecretCredential
from azure.identity.aio import CertificateCredential as AsyncCertificateCredential
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from mailferry.sandbox.certificates import Keys, make_keys
from mailferry.sandbox.faults import Fault
from mailferry.sandbox.grants import ASSERTION_TYPE
from mailferry.sandbox.organisation import (
    CERTIFICATE_CLIENT_ID,
    CERTIFICATE_SERVICE_PRINCIPAL,
    SECRET,
    SECRET_CLIENT_ID,
    SECRET_SERVICE_PRINCIPAL,
    TENANT_ID,
)
from mailferry.sandbox.serve import Sandbox

SCOPE = "https://outlook.office365.com/.default"


@pytest.fixture
async def http(box: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    import ssl

    context = ssl.create_default_context(cafile=str(box.ca_file))
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


def thumbprint(pem: bytes, algorithm: hashes.HashAlgorithm) -> str:
    return base64.urlsafe_b64encode(x509.load_pem_x509_certificate(pem).fingerprint(algorithm)).rstrip(b"=").decode()


# Unmodified clients


@pytest.mark.parametrize("kind", ["secret", "certificate"])
async def test_msal(box: Sandbox, kind: str, keys: Keys) -> None:
    credential: Any = SECRET
    if kind == "certificate":
        credential = {
            "private_key": keys.application_key.decode(),
            "public_certificate": keys.application.decode(),
        }

    def acquire() -> dict[str, Any]:
        app = msal.ConfidentialClientApplication(
            SECRET_CLIENT_ID if kind == "secret" else CERTIFICATE_CLIENT_ID,
            authority=box.authority,
            client_credential=credential,
            instance_discovery=False,
            verify=str(box.ca_file),
        )
        result = dict(app.acquire_token_for_client([SCOPE]))
        app.http_client.close()
        return result

    result = await asyncio.to_thread(acquire)
    assert result["token_type"] == "Bearer"
    assert 3599 <= result["expires_in"] <= 5399  # V: access-tokens.md: 60 to 90 minutes
    assert claims_of(result["access_token"])["appidacr"] == ("1" if kind == "secret" else "2")


async def test_msal_with_an_own_instance_discovery_address(box: Sandbox) -> None:
    def acquire() -> dict[str, Any]:
        app = msal.ConfidentialClientApplication(
            SECRET_CLIENT_ID,
            authority=box.authority,
            client_credential=SECRET,
            instance_discovery=f"{box.entra_url}/common/discovery/instance",  # type: ignore[arg-type]
            verify=str(box.ca_file),
        )
        result = dict(app.acquire_token_for_client([SCOPE]))
        app.http_client.close()
        return result

    assert "access_token" in await asyncio.to_thread(acquire)


async def test_msal_sees_the_error(box: Sandbox) -> None:
    def acquire() -> dict[str, Any]:
        app = msal.ConfidentialClientApplication(
            SECRET_CLIENT_ID,
            authority=box.authority,
            client_credential="wrong",
            instance_discovery=False,
            verify=str(box.ca_file),
        )
        result = dict(app.acquire_token_for_client([SCOPE]))
        app.http_client.close()
        return result

    result = await asyncio.to_thread(acquire)
    assert (result["error"], result["error_codes"]) == ("invalid_client", [7000215])


@pytest.mark.parametrize("kind", ["secret", "certificate"])
async def test_azure_identity(box: Sandbox, kind: str) -> None:
    options: dict[str, Any] = {
        "authority": box.entra_url,
        "disable_instance_discovery": True,
        "connection_verify": str(box.ca_file),
    }

    def acquire() -> str:
        if kind == "secret":
            with ClientSecretCredential(TENANT_ID, SECRET_CLIENT_ID, SECRET, **options) as credential:
                return credential.get_token(SCOPE).token
        path = str(box.application_certificate)
        with CertificateCredential(TENANT_ID, CERTIFICATE_CLIENT_ID, path, **options) as certificate:
            return certificate.get_token(SCOPE).token

    claims = claims_of(await asyncio.to_thread(acquire))
    assert claims["oid"] == (SECRET_SERVICE_PRINCIPAL if kind == "secret" else CERTIFICATE_SERVICE_PRINCIPAL)


@pytest.mark.parametrize("kind", ["secret", "certificate"])
async def test_azure_identity_async(box: Sandbox, kind: str) -> None:
    options: dict[str, Any] = {
        "authority": box.entra_url,
        "disable_instance_discovery": True,
        "connection_verify": str(box.ca_file),
    }
    if kind == "secret":
        credential: Any = AsyncClientSecretCredential(TENANT_ID, SECRET_CLIENT_ID, SECRET, **options)
    else:
        path = str(box.application_certificate)
        credential = AsyncCertificateCredential(TENANT_ID, CERTIFICATE_CLIENT_ID, path, **options)
    async with credential:
        token = await credential.get_token(SCOPE)
    assert claims_of(token.token)["tid"] == TENANT_ID
    assert token.expires_on > time.time() + 3000


# What a token says


async def test_claims_of_the_classic_application(box: Sandbox, http: aiohttp.ClientSession) -> None:
    """appid and iss V (S11); the rest UNV (facts 3.4)."""
    claims = claims_of((await ask(box, http))[1]["access_token"])
    now = int(box.clock.time())
    assert claims["aud"] == "https://outlook.office365.com"
    assert claims["iss"] == f"https://sts.windows.net/{TENANT_ID}/"
    assert (claims["appid"], claims["appidacr"], claims["idtyp"]) == (SECRET_CLIENT_ID, "1", "app")
    assert claims["oid"] == claims["sub"] == SECRET_SERVICE_PRINCIPAL
    assert (claims["roles"], claims["tid"], claims["ver"]) == (["SMTP.SendAsApp"], TENANT_ID, "1.0")
    assert claims["nbf"] <= now < claims["exp"]
    assert claims["uti"]


async def test_no_roles_claim_without_app_roles(box: Sandbox, http: aiohttp.ClientSession) -> None:
    """V: client credentials flow: absent, not empty."""
    box.world.patch({"tenant": {"applications": {SECRET_CLIENT_ID: {"app_roles": []}}}})
    assert "roles" not in claims_of((await ask(box, http))[1]["access_token"])


async def test_roles_are_those_of_the_resource(box: Sandbox, http: aiohttp.ClientSession) -> None:
    token = (await ask(box, http, scope="https://graph.microsoft.com/.default"))[1]["access_token"]
    assert claims_of(token)["aud"] == "https://graph.microsoft.com"
    assert claims_of(token)["roles"] == ["Mail.Send", "Mail.ReadWrite"]
    token = (await ask(box, http, scope="https://communication.azure.com/.default"))[1]["access_token"]
    assert "roles" not in claims_of(token)


async def test_graph_by_its_application_id(box: Sandbox, http: aiohttp.ClientSession) -> None:
    token = (await ask(box, http, scope="00000003-0000-0000-c000-000000000000/.default"))[1]["access_token"]
    assert claims_of(token)["aud"] == "00000003-0000-0000-c000-000000000000"
    assert claims_of(token)["roles"] == ["Mail.Send", "Mail.ReadWrite"]


async def test_published_key_verifies_the_token(box: Sandbox, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{box.authority}/v2.0/.well-known/openid-configuration") as answer:
        metadata = await answer.json()
    assert metadata["token_endpoint"] == f"{box.authority}/oauth2/v2.0/token"
    async with http.get(metadata["jwks_uri"]) as answer:
        keys = KeySet.import_key_set(await answer.json())
    token = (await ask(box, http))[1]["access_token"]
    assert jwt.decode(token, keys, algorithms=["RS256"]).claims["appid"] == SECRET_CLIENT_ID


async def test_lifetimes_are_drawn_from_the_seed(box: Sandbox, http: aiohttp.ClientSession) -> None:
    async def lifetimes() -> list[int]:
        box.world.reseed(11)
        return [(await ask(box, http))[1]["expires_in"] for _ in range(5)]

    first = await lifetimes()
    assert first == await lifetimes()
    assert len(set(first)) > 1
    assert all(3599 <= each <= 5399 for each in first)


# Refusals


async def ask(
    box: Sandbox, http: aiohttp.ClientSession, *, tenant: str = TENANT_ID, **form: str | None
) -> tuple[int, dict[str, Any]]:
    """A request that would succeed, with some fields changed or (None) left out."""
    whole: dict[str, str | None] = {
        "grant_type": "client_credentials",
        "client_id": SECRET_CLIENT_ID,
        "client_secret": SECRET,
        "scope": SCOPE,
        **form,
    }
    data = {key: value for key, value in whole.items() if value is not None}
    async with http.post(f"{box.entra_url}/{tenant}/oauth2/v2.0/token", data=data) as answer:
        return answer.status, await answer.json()


REFUSALS: list[tuple[dict[str, str | None], int, str, int]] = [
    # (changed fields, AADSTS, error, HTTP status)
    ({"client_secret": "wrong"}, 7000215, "invalid_client", 401),  # UNV
    ({"client_secret": None}, 7000218, "invalid_client", 401),  # UNV
    ({"client_id": "00000000-0000-0000-0000-000000000009"}, 700016, "unauthorized_client", 400),  # UNV
    ({"client_id": None}, 900144, "invalid_request", 400),  # UNV
    ({"grant_type": None}, 900144, "invalid_request", 400),  # UNV
    ({"grant_type": "password"}, 70003, "unsupported_grant_type", 400),  # UNV
    ({"scope": None}, 900144, "invalid_request", 400),  # UNV
    ({"scope": "https://outlook.office365.com/SMTP.Send"}, 1002012, "invalid_scope", 400),  # UNV
    ({"scope": "SMTP.Send"}, 70011, "invalid_scope", 400),  # V: reference-error-codes.md
    ({"scope": f"{SCOPE} https://graph.microsoft.com/.default"}, 28000, "invalid_request", 400),  # O: G:69046662300
    ({"scope": "https://nowhere.example/.default"}, 500011, "invalid_resource", 400),  # V: reference-error-codes.md
    ({"tenant": "11111111-2222-3333-4444-555555555555"}, 90002, "invalid_request", 400),  # UNV
    ({"tenant": "common"}, 50059, "invalid_request", 400),  # UNV
]


@pytest.mark.parametrize(("changes", "code", "error", "status"), REFUSALS)
async def test_refusal(
    box: Sandbox,
    http: aiohttp.ClientSession,
    changes: dict[str, Any],
    code: int,
    error: str,
    status: int,
) -> None:
    got, body = await ask(box, http, **changes)
    assert (got, body["error"], body["error_codes"]) == (status, error, [code])
    # V: reference-error-codes.md: the fields, and what the description ends with
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    tail = f" Trace ID: {body['trace_id']} Correlation ID: {body['correlation_id']} Timestamp: {body['timestamp']}"
    assert body["error_description"].endswith(tail)
    assert body["timestamp"] == "2026-11-24 00:00:00Z"
    assert body["error_uri"].endswith(f"error?code={code}")
    assert box.recorder.requests[-1].error == f"AADSTS{code}"


async def test_tenant_by_domain(box: Sandbox, http: aiohttp.ClientSession) -> None:
    assert (await ask(box, http, tenant="contoso.example"))[0] == 200


async def test_disabled_application(box: Sandbox, http: aiohttp.ClientSession) -> None:
    box.world.patch({"tenant": {"applications": {SECRET_CLIENT_ID: {"enabled": False}}}})
    assert (await ask(box, http))[1]["error_codes"] == [7000112]


async def test_secret_expires_on_the_sandbox_clock(box: Sandbox, http: aiohttp.ClientSession) -> None:
    """O: G:70952190379."""
    (secret,) = box.tenant.applications[SECRET_CLIENT_ID].secrets
    box.clock.set(secret.expires.timestamp() - 1)
    assert (await ask(box, http))[0] == 200
    box.clock.advance(1)
    status, body = await ask(box, http)
    assert (status, body["error"], body["error_codes"]) == (401, "invalid_client", [7000222])


async def test_correlation_id_is_given_back(box: Sandbox, http: aiohttp.ClientSession) -> None:
    url = f"{box.entra_url}/{TENANT_ID}/oauth2/v2.0/token"
    async with http.post(url, data={}, headers={"client-request-id": "abc"}) as answer:
        assert answer.headers["client-request-id"] == "abc"
        assert (await answer.json())["correlation_id"] == "abc"


# Client assertions (V: certificate-credentials.md, 2025-01-04)

Assertion = Callable[..., dict[str, str | None]]


@pytest.fixture
def assertion(box: Sandbox, keys: Keys) -> Assertion:
    def make(
        header: dict[str, Any] | None = None,
        claims: dict[str, Any] | None = None,
        key: bytes = keys.application_key,
        algorithm: str = "PS256",
    ) -> dict[str, str | None]:
        now = int(time.time())
        head = {
            "alg": algorithm,
            "typ": "JWT",
            "x5t#S256": thumbprint(keys.application, hashes.SHA256()),
            **(header or {}),
        }
        body = {
            "aud": f"https://login.microsoftonline.com/{TENANT_ID}/oauth2/v2.0/token",
            "iss": CERTIFICATE_CLIENT_ID,
            "sub": CERTIFICATE_CLIENT_ID,
            "jti": f"jti-{time.perf_counter_ns()}",
            "nbf": now,
            "iat": now,
            "exp": now + 600,
            **(claims or {}),
        }
        signed = jwt.encode(
            {k: v for k, v in head.items() if v is not None},
            {k: v for k, v in body.items() if v is not None},
            RSAKey.import_key(key),
            algorithms=[algorithm],
        )
        return {
            "client_id": CERTIFICATE_CLIENT_ID,
            "client_secret": None,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": signed,
        }

    return make


async def test_assertion_in_the_documented_form(
    box: Sandbox, http: aiohttp.ClientSession, assertion: Assertion
) -> None:
    status, body = await ask(box, http, **assertion())
    assert status == 200
    assert claims_of(body["access_token"])["appidacr"] == "2"


async def test_older_form_of_assertion(
    box: Sandbox, http: aiohttp.ClientSession, assertion: Assertion, keys: Keys
) -> None:
    old = {"x5t#S256": None, "x5t": thumbprint(keys.application, hashes.SHA1())}  # noqa: S303
    assert (await ask(box, http, **assertion(old, algorithm="RS256")))[0] == 200


async def test_assertion_for_the_sandboxs_own_address(
    box: Sandbox, http: aiohttp.ClientSession, assertion: Assertion
) -> None:
    assert (await ask(box, http, **assertion(claims={"aud": f"{box.authority}/oauth2/v2.0/token"})))[0] == 200


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "https://login.microsoftonline.com/other/oauth2/v2.0/token"}, 50012),
        ({"iss": SECRET_CLIENT_ID}, 50012),
        ({"sub": SECRET_CLIENT_ID}, 50012),
        ({"exp": None}, 50012),
        ({"jti": None}, 50012),
        ({"exp": int(time.time()) - 3600, "nbf": int(time.time()) - 7200}, 700024),
        ({"nbf": int(time.time()) + 3600, "exp": int(time.time()) + 4200}, 700024),
        ({"exp": int(time.time()) + 90_000}, 700024),
    ],
)
async def test_assertion_with_wrong_claims(
    box: Sandbox, http: aiohttp.ClientSession, assertion: Assertion, claims: dict[str, Any], code: int
) -> None:
    status, body = await ask(box, http, **assertion(claims=claims))
    assert (status, body["error"], body["error_codes"]) == (401, "invalid_client", [code])


async def test_assertion_signed_by_another_key(
    box: Sandbox, http: aiohttp.ClientSession, assertion: Assertion, keys: Keys
) -> None:
    assert (await ask(box, http, **assertion(key=keys.signing_key)))[1]["error_codes"] == [50012]


async def test_assertion_of_a_certificate_that_is_not_registered(
    box: Sandbox, http: aiohttp.ClientSession, assertion: Assertion
) -> None:
    other = make_keys()
    header = {"x5t#S256": thumbprint(other.application, hashes.SHA256())}
    body = (await ask(box, http, **assertion(header, key=other.application_key)))[1]
    assert body["error_codes"] == [700027]


async def test_assertion_without_thumbprint_or_shape(
    box: Sandbox, http: aiohttp.ClientSession, assertion: Assertion
) -> None:
    assert (await ask(box, http, **assertion({"x5t#S256": None})))[1]["error_codes"] == [50012]
    for nonsense in ("x", "a.b.c", "W10.e30.e30"):
        given = {**assertion(), "client_assertion": nonsense}
        assert (await ask(box, http, **given))[1]["error_codes"] == [50012]


async def test_assertion_is_good_once(box: Sandbox, http: aiohttp.ClientSession, assertion: Assertion) -> None:
    given = assertion()
    assert (await ask(box, http, **given))[0] == 200
    assert (await ask(box, http, **given))[1]["error_codes"] == [50012]
    box.world.tune(reject_used_assertions=False)
    assert (await ask(box, http, **given))[0] == 200


async def test_certificate_expires_on_the_sandbox_clock(
    box: Sandbox, http: aiohttp.ClientSession, assertion: Assertion
) -> None:
    certificate = box.tenant.applications[CERTIFICATE_CLIENT_ID].certificates[0].model_dump(mode="json")
    change = [{**certificate, "expires": "2026-11-24T01:00:00Z"}]
    box.world.patch({"tenant": {"applications": {CERTIFICATE_CLIENT_ID: {"certificates": change}}}})
    assert (await ask(box, http, **assertion()))[0] == 200
    box.clock.advance(3600)
    assert (await ask(box, http, **assertion()))[1]["error_codes"] == [700027]


async def test_assertions_can_be_held_to_the_sandbox_clock(
    box: Sandbox, http: aiohttp.ClientSession, assertion: Assertion
) -> None:
    box.world.tune(assertion_clock="sandbox")
    box.clock.set(time.time() + 86_400)
    assert (await ask(box, http, **assertion()))[1]["error_codes"] == [700024]


# Faults and what is not there


async def test_busy(box: Sandbox, http: aiohttp.ClientSession) -> None:
    given = {"surface": "token", "at": "request", "action": "reply", "status": 429, "retry_after": 7, "count": 1}
    box.faults.add(Fault.model_validate({**given, "body": '{"error": "temporarily_unavailable"}'}))
    url = f"{box.entra_url}/{TENANT_ID}/oauth2/v2.0/token"
    async with http.post(url, data={"client_id": SECRET_CLIENT_ID}) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
        assert await answer.json() == {"error": "temporarily_unavailable"}
    assert (await ask(box, http))[0] == 200


async def test_dropped(box: Sandbox, http: aiohttp.ClientSession) -> None:
    match = {"client_id": SECRET_CLIENT_ID}
    box.faults.add(Fault.model_validate({"surface": "token", "at": "request", "action": "drop", "match": match}))
    with pytest.raises(aiohttp.ClientError):
        await ask(box, http)


async def test_unknown_path_says_so(box: Sandbox, http: aiohttp.ClientSession) -> None:
    async with http.post(f"{box.authority}/oauth2/v2.0/logout", data={}) as answer:
        assert answer.status == 501
        assert (await answer.json())["error_description"].startswith("not implemented in the sandbox: POST /")


async def test_requests_are_recorded_without_secrets(box: Sandbox, http: aiohttp.ClientSession) -> None:
    await ask(box, http)
    recorded = box.recorder.requests[-1]
    assert recorded.form["client_secret"] == "***"
    assert recorded.form["scope"] == SCOPE
    assert SECRET not in repr(recorded)
