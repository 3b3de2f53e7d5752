"""Tokens without a secret at the sandbox: federated workloads, IMDS, App Service. V is how-to-use-vm-token.md (ms.date
2025-02-27), W overview-managed-identity.md of azure-docs, O a public issue with its date."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from azure.identity.aio import ClientAssertionCredential
from joserfc import jwt
from joserfc.jwk import KeySet

from mailferry.sandbox.faults import Fault
from mailferry.sandbox.organisation import SECRET_CLIENT_ID, TENANT_ID
from mailferry.sandbox.organisation_identities import (
    SYSTEM_CLIENT_ID,
    SYSTEM_PRINCIPAL,
    USER_ASSIGNED_CLIENT_ID,
    USER_ASSIGNED_PRINCIPAL,
    USER_ASSIGNED_RESOURCE_ID,
    WORKLOAD_CLIENT_ID,
    WORKLOAD_SERVICE_PRINCIPAL,
    WORKLOAD_SUBJECT,
)
from mailferry.sandbox.serve import Sandbox
from support.sign_in import session

RESOURCE = "https://outlook.office365.com/"
SCOPE = "https://outlook.office365.com/.default"


@pytest.fixture
async def http(box: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    async with session(box) as running:
        yield running


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


# Workload identity federation


async def exchange(box: Sandbox, http: aiohttp.ClientSession, assertion: str, **changes: str) -> dict[str, Any]:
    form = {
        "grant_type": "client_credentials",
        "client_id": WORKLOAD_CLIENT_ID,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
        "scope": SCOPE,
        **changes,
    }
    async with http.post(f"{box.entra_url}/{TENANT_ID}/oauth2/v2.0/token", data=form) as answer:
        return dict(await answer.json())


async def test_a_workload_exchanges_its_token(box: Sandbox) -> None:
    """azure-identity, unmodified."""
    credential = ClientAssertionCredential(
        TENANT_ID,
        WORKLOAD_CLIENT_ID,
        lambda: box.workloads.token(WORKLOAD_SUBJECT),
        authority=box.entra_url,
        connection_verify=str(box.ca_file),
    )
    async with credential:
        token = await credential.get_token(SCOPE)
    assert claims_of(token.token)["oid"] == WORKLOAD_SERVICE_PRINCIPAL


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"subject": "system:serviceaccount:mail:Gateway"}, 700213),  # V: case-sensitive since 2024
        ({"audience": "api://azureadtokenexchange"}, 700212),
        ({"iss": "https://elsewhere.example"}, 700211),
        ({"exp": int(time.time()) - 1000, "nbf": int(time.time()) - 2000}, 700024),
    ],
)
async def test_what_does_not_match(
    box: Sandbox, http: aiohttp.ClientSession, changes: dict[str, Any], number: int
) -> None:
    """O: azure-workload-identity issue 1200 (2024-03-01), Azure/login issue 482 (2024-09-06)."""
    token = box.workloads.token(**{"subject": WORKLOAD_SUBJECT, **changes})
    body = await exchange(box, http, token)
    assert (body["error"], body["error_codes"]) == ("invalid_client", [number]), body


async def test_a_forged_signature_and_another_application(box: Sandbox, http: aiohttp.ClientSession) -> None:
    token = box.workloads.token(WORKLOAD_SUBJECT)
    head, payload, _ = token.split(".")
    other = box.workloads.token("someone else").split(".")[2]
    assert (await exchange(box, http, f"{head}.{payload}.{other}"))["error_codes"] == [50012]
    assert (await exchange(box, http, token, client_id=SECRET_CLIENT_ID))["error_codes"] == [700211]


async def test_an_issuer_whose_keys_cannot_be_had(box: Sandbox, http: aiohttp.ClientSession) -> None:
    federated = [{"name": "other", "issuer": "https://elsewhere.example", "subject": WORKLOAD_SUBJECT}]
    box.world.patch({"tenant": {"applications": {WORKLOAD_CLIENT_ID: {"federated": federated}}}})
    token = box.workloads.token(WORKLOAD_SUBJECT, iss="https://elsewhere.example")
    assert (await exchange(box, http, token))["error_codes"] == [50012]
    assert "asks nobody over the network" in box.recorder.requests[-1].cause


async def test_the_issuer_publishes_its_keys(box: Sandbox, http: aiohttp.ClientSession) -> None:
    """OpenID Connect discovery 1.0 section 4, as an issuer must for Entra (V workload-identity-federation.md)."""
    async with http.get(f"{box.workloads.issuer}/.well-known/openid-configuration") as answer:
        found = await answer.json()
    assert found["issuer"] == box.workloads.issuer
    async with http.get(found["jwks_uri"]) as answer:
        keys = KeySet.import_key_set(await answer.json())
    async with http.post(f"{box.workloads.issuer}/token", json={"subject": "a"}) as answer:
        token = (await answer.json())["token"]
    assert jwt.decode(token, keys, algorithms=["RS256"]).claims["sub"] == "a"


# IMDS


async def imds(
    box: Sandbox, http: aiohttp.ClientSession, headers: dict[str, str] | None = None, **query: str
) -> tuple[int, dict[str, Any]]:
    params = {"api-version": "2018-02-01", "resource": RESOURCE, **query}
    given = {"Metadata": "true"} if headers is None else headers
    url = f"{box.imds_url}/metadata/identity/oauth2/token"
    async with http.get(url, params=params, headers=given) as answer:
        return answer.status, await answer.json()


async def test_imds_answers_as_documented(box: Sandbox, http: aiohttp.ClientSession) -> None:
    """V, "Get a token using HTTP": texts in place of numbers, resource as asked."""
    status, body = await imds(box, http)
    assert status == 200
    assert (body["resource"], body["token_type"]) == (RESOURCE, "Bearer")
    assert abs(int(body["expires_on"]) - time.time() - int(body["expires_in"])) < 5
    assert isinstance(body["expires_in"], str)
    claims = claims_of(body["access_token"])
    assert (claims["aud"], claims["appid"], claims["oid"]) == (RESOURCE, SYSTEM_CLIENT_ID, SYSTEM_PRINCIPAL)


@pytest.mark.parametrize(
    "query",
    [
        {"client_id": USER_ASSIGNED_CLIENT_ID},
        {"object_id": USER_ASSIGNED_PRINCIPAL},
        {"msi_res_id": USER_ASSIGNED_RESOURCE_ID},
    ],
)
async def test_imds_by_the_names_of_an_identity(
    box: Sandbox, http: aiohttp.ClientSession, query: dict[str, str]
) -> None:
    """V: client_id, object_id, msi_res_id."""
    status, body = await imds(box, http, **query)
    assert status == 200
    assert claims_of(body["access_token"])["xms_mirid"] == USER_ASSIGNED_RESOURCE_ID


@pytest.mark.parametrize(
    ("headers", "query", "error", "text"),
    [
        ({}, {}, "bad_request_102", "Required metadata header not specified"),  # V, "HTTP response reference"
        ({"Metadata": "True"}, {}, "bad_request_102", "Required metadata header not specified"),  # V: all lower case
        ({"Metadata": "true", "X-Forwarded-For": "10.0.0.1"}, {}, "invalid_request", "X-Forwarded-For"),
        (None, {"client_id": SECRET_CLIENT_ID}, "invalid_request", "Identity not found"),  # O
        (None, {"client_id": "a", "object_id": "b"}, "invalid_request", "Only one"),
        (None, {"resource": "https://nowhere.example"}, "invalid_resource", "AADSTS500011"),
        (None, {"resource": ""}, "invalid_request", "resource"),
        (None, {"api-version": ""}, "invalid_request", "api-version"),
    ],
)
async def test_imds_refuses(
    box: Sandbox,
    http: aiohttp.ClientSession,
    headers: dict[str, str] | None,
    query: dict[str, str],
    error: str,
    text: str,
) -> None:
    status, body = await imds(box, http, headers, **query)
    assert (status, body["error"]) == (400, error)
    assert text in body["error_description"]


async def test_imds_with_several_and_with_one(box: Sandbox, http: aiohttp.ClientSession) -> None:
    """O: none named, and several user-assigned ones; the only one is taken."""
    managed = {"managed": {"system_assigned": False}}
    box.world.patch({"tenant": {"applications": {SYSTEM_CLIENT_ID: managed}}})
    assert "Multiple user assigned" in (await imds(box, http))[1]["error_description"]
    box.world.patch({"tenant": {"applications": {SYSTEM_CLIENT_ID: {"enabled": False}}}})
    assert claims_of((await imds(box, http))[1]["access_token"])["appid"] == USER_ASSIGNED_CLIENT_ID


async def test_imds_at_another_path_and_with_a_fault(box: Sandbox, http: aiohttp.ClientSession) -> None:
    box.world.tune(entra={"imds_path": "/elsewhere/token"})
    assert (await imds(box, http))[0] == 501
    fault = {"surface": "imds", "at": "request", "action": "reply", "status": 429, "body": "{}", "retry_after": 5}
    box.faults.add(Fault.model_validate(fault))
    async with http.get(f"{box.imds_url}/elsewhere/token", headers={"Metadata": "true"}) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "5")


async def test_a_managed_identity_gets_nothing_elsewhere(box: Sandbox, http: aiohttp.ClientSession) -> None:
    body = await exchange(box, http, box.workloads.token("x"), client_id=SYSTEM_CLIENT_ID)
    assert body["error_codes"] == [700016]


# App Service


async def app_service(
    box: Sandbox, http: aiohttp.ClientSession, header: str = "sandbox-identity-header", **query: str
) -> tuple[int, dict[str, Any]]:
    params = {"api-version": "2019-08-01", "resource": "https://outlook.office365.com", **query}
    url = str(box.endpoints()["identity_endpoint"])
    async with http.get(url, params=params, headers={"X-IDENTITY-HEADER": header}) as answer:
        return answer.status, await answer.json()


async def test_app_service_answers_as_documented(box: Sandbox, http: aiohttp.ClientSession) -> None:
    """W, "REST protocol examples": these five fields, no expires_in."""
    status, body = await app_service(box, http, client_id=USER_ASSIGNED_CLIENT_ID)
    assert status == 200
    assert set(body) == {"access_token", "expires_on", "resource", "token_type", "client_id"}
    assert body["client_id"] == USER_ASSIGNED_CLIENT_ID


async def test_app_service_refuses(box: Sandbox, http: aiohttp.ClientSession) -> None:
    """O: the 400 body as azure-sdk issues show it."""
    assert (await app_service(box, http, header="wrong"))[0] == 401
    status, body = await app_service(box, http, client_id="00000000-0000-0000-0000-000000000009")
    assert (status, body["statusCode"]) == (400, 400)
    assert body["message"] == (
        "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
    )
