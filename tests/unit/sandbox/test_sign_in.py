"""Device code, authorization code and refresh tokens at the sandbox, pinned to Microsoft's documents: D is
v2-oauth2-device-code.md (ms.date 2024-01-10), A is v2-oauth2-auth-code-flow.md (2024-04-08), R refresh-tokens.md."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import msal
import pytest

from mailferry.sandbox.organisation import SECRET_CLIENT_ID, TENANT_ID
from mailferry.sandbox.organisation_identities import SIGN_IN_CLIENT_ID
from mailferry.sandbox.serve import Sandbox
from support.sign_in import Person, session

SMTP = "https://outlook.office.com/SMTP.Send"
MAIL = "https://graph.microsoft.com/Mail.Send"
ALL = f"{SMTP} offline_access openid profile"
ERP = "erp@contoso.example"
VERIFIER = "ThisIsntRandomButItNeedsToBe43CharactersLong"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
async def http(box: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    async with session(box) as running:
        yield running


@pytest.fixture
def person(box: Sandbox, http: aiohttp.ClientSession) -> Person:
    return Person(box, http)


async def post(
    box: Sandbox, http: aiohttp.ClientSession, what: str, *, tenant: str = TENANT_ID, **form: str
) -> tuple[int, dict[str, Any]]:
    form = {"client_id": SIGN_IN_CLIENT_ID, **form}
    async with http.post(f"{box.entra_url}/{tenant}/oauth2/v2.0/{what}", data=form) as answer:
        return answer.status, await answer.json()


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


async def poll(box: Sandbox, http: aiohttp.ClientSession, code: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return await post(box, http, "token", grant_type=DEVICE, device_code=code["device_code"])


async def device(box: Sandbox, http: aiohttp.ClientSession, scope: str = ALL) -> dict[str, Any]:
    status, code = await post(box, http, "devicecode", scope=scope)
    assert status == 200, code
    return code


# Device code


async def test_the_answer_has_the_documented_fields(box: Sandbox, http: aiohttp.ClientSession) -> None:
    """D, "Device authorization response": these fields, 15 minutes, and no verification_uri_complete."""
    code = await device(box, http)
    assert set(code) == {"device_code", "user_code", "verification_uri", "expires_in", "interval", "message"}
    assert (code["expires_in"], code["interval"]) == (900, 5)
    assert code["message"] == (
        f"To sign in, use a web browser to open the page {code['verification_uri']} and enter the code"
        f" {code['user_code']} to authenticate."
    )


async def test_a_device_waits_and_then_gets_tokens(box: Sandbox, http: aiohttp.ClientSession, person: Person) -> None:
    """D, "Expected errors" and "Successful authentication response"."""
    code = await device(box, http)
    status, body = await poll(box, http, code)
    assert (status, body["error"], body["error_codes"]) == (400, "authorization_pending", [70016])
    await person.approve_device(code["user_code"], ERP)
    assert "You have signed in" in person.page
    status, body = await poll(box, http, code)
    assert status == 200
    assert set(body) >= {"token_type", "scope", "expires_in", "access_token", "refresh_token", "id_token"}
    assert SMTP in body["scope"].split()
    claims = claims_of(body["access_token"])
    assert (claims["aud"], claims["scp"], claims["upn"]) == ("https://outlook.office.com", "SMTP.Send", ERP)
    who = claims_of(body["id_token"])
    assert (who["preferred_username"], who["aud"], who["tid"]) == (ERP, SIGN_IN_CLIENT_ID, TENANT_ID)
    assert (await poll(box, http, code))[1]["error"] == "bad_verification_code", "good once"


async def test_a_refused_device_is_told(box: Sandbox, http: aiohttp.ClientSession, person: Person) -> None:
    code = await device(box, http)
    await person.approve_device(code["user_code"], ERP, "cancel")
    assert (await poll(box, http, code))[1]["error"] == "authorization_declined"


async def test_a_device_code_expires(box: Sandbox, http: aiohttp.ClientSession, person: Person) -> None:
    code = await device(box, http)
    box.clock.advance(900)
    status, body = await poll(box, http, code)
    assert (status, body["error"], body["error_codes"]) == (400, "expired_token", [70020])
    await person.open(code["verification_uri"])
    await person.submit(otc=code["user_code"])
    assert (person.status, "has expired" in person.page) == (400, True)


@pytest.mark.parametrize("code", ["WRONGCODE", "", "<script>"])
async def test_a_wrong_code_is_asked_for_again(box: Sandbox, person: Person, code: str) -> None:
    await person.open(f"{box.entra_url}/devicelogin")
    await person.submit(otc=code)
    assert person.status == 400
    assert "That code didn't work" in person.page.replace("&#x27;", "'")
    assert "<script>" not in person.page


async def test_a_code_may_be_typed_as_people_do(box: Sandbox, http: aiohttp.ClientSession, person: Person) -> None:
    code = (await device(box, http))["user_code"]
    await person.open(f"{box.entra_url}/devicelogin")
    await person.submit(otc=f" {code[:4].lower()}-{code[4:].lower()} ")
    assert "Pick an account" in person.page


async def test_unknown_device_code(box: Sandbox, http: aiohttp.ClientSession) -> None:
    assert (await poll(box, http, {"device_code": "none"}))[1]["error"] == "bad_verification_code"


async def test_who_polls_too_fast_is_slowed_down(box: Sandbox, http: aiohttp.ClientSession) -> None:
    """RFC 8628 section 3.5; a clock that stands knows no haste."""
    code = await device(box, http)
    assert [(await poll(box, http, code))[1]["error"] for _ in range(2)] == ["authorization_pending"] * 2
    box.clock.set(box.clock.now(), running=True)
    assert [(await poll(box, http, code))[1]["error"] for _ in range(2)] == ["slow_down"] * 2


async def test_an_application_that_is_not_public(box: Sandbox, http: aiohttp.ClientSession) -> None:
    """O: AADSTS7000218 where "Allow public client flows" is off."""
    status, body = await post(box, http, "devicecode", scope=ALL, client_id=SECRET_CLIENT_ID)
    assert (status, body["error"], body["error_codes"]) == (401, "invalid_client", [7000218])


@pytest.mark.parametrize(
    ("scope", "number"),
    [
        ("", 900144),
        (f"{SMTP} {MAIL}", 28000),
        ("https://outlook.office.com/Fly", 70011),
        ("https://nowhere.example/Mail.Send", 500011),
        ("api:odd/Mail.Send", 70011),
    ],
)
async def test_scopes_are_judged_at_once(box: Sandbox, http: aiohttp.ClientSession, scope: str, number: int) -> None:
    assert (await post(box, http, "devicecode", scope=scope))[1]["error_codes"] == [number]


# Users and consent


@pytest.mark.parametrize(
    ("changes", "number"), [({"account_enabled": False}, 50057), ({"account_locked": True}, 50053)]
)
async def test_users_who_may_not_sign_in(
    box: Sandbox, http: aiohttp.ClientSession, person: Person, changes: dict[str, Any], number: int
) -> None:
    code = await device(box, http)
    box.world.patch({"tenant": {"mailboxes": {ERP: changes}}})
    await person.open(code["verification_uri"])
    await person.submit(otc=code["user_code"])
    await person.submit(user=ERP)
    assert f"AADSTS{number}" in person.page


async def test_where_users_may_not_consent(box: Sandbox, http: aiohttp.ClientSession, person: Person) -> None:
    delegated = {"delegated": {"users_may_consent": False}}
    box.world.patch({"tenant": {"applications": {SIGN_IN_CLIENT_ID: delegated}}})
    code = await device(box, http)
    await person.open(code["verification_uri"])
    await person.submit(otc=code["user_code"])
    await person.submit(user=ERP)
    assert "AADSTS90094" in person.page
    assert (await poll(box, http, code))[1]["error"] == "authorization_pending"


async def test_what_an_administrator_consented_to_is_not_asked_again(
    box: Sandbox, http: aiohttp.ClientSession, person: Person
) -> None:
    delegated = {"delegated": {"admin_consented": True}}
    box.world.patch({"tenant": {"applications": {SIGN_IN_CLIENT_ID: delegated}}})
    code = await device(box, http)
    await person.open(code["verification_uri"])
    await person.submit(otc=code["user_code"])
    await person.submit(user=ERP)
    assert "Permissions requested" not in person.page
    assert "Are you trying to sign in" in person.page, "a device's user is asked all the same"


# Authorization code


def address(box: Sandbox, tenant: str = TENANT_ID, **changes: str | None) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    query: dict[str, str | None] = {
        "client_id": SIGN_IN_CLIENT_ID,
        "response_type": "code",
        "redirect_uri": "http://localhost:54321",
        "scope": ALL,
        "state": "12345",
        "nonce": "n-1",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **changes,
    }
    given = {key: value for key, value in query.items() if value is not None}
    return f"{box.entra_url}/{tenant}/oauth2/v2.0/authorize?{urlencode(given)}"


async def redeem(box: Sandbox, http: aiohttp.ClientSession, issued: str, **changes: str) -> tuple[int, dict[str, Any]]:
    form = {"code": issued, "redirect_uri": "http://localhost:54321", "code_verifier": VERIFIER, **changes}
    return await post(box, http, "token", grant_type="authorization_code", **form)


async def test_a_code_is_brought_back_and_exchanged(box: Sandbox, http: aiohttp.ClientSession, person: Person) -> None:
    """A, "Successful response": code and state in the query; A, "Redeem a code": the fields of the answer."""
    where = await person.approve(address(box), ERP)
    assert urlsplit(where).netloc == "localhost:54321"
    assert set(person.brought) == {"code", "state"}
    assert person.brought["state"] == "12345"
    status, body = await redeem(box, http, person.brought["code"])
    assert status == 200
    assert set(body) >= {"access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"}
    assert claims_of(body["id_token"])["nonce"] == "n-1"
    status, body = await redeem(box, http, person.brought["code"])
    assert (status, body["error"], body["error_codes"]) == (400, "invalid_grant", [54005])


async def test_declined(box: Sandbox, person: Person) -> None:
    """A, "Error response": access_denied at the redirect address."""
    await person.approve(address(box), ERP, "cancel")
    assert (person.brought["error"], person.brought["state"]) == ("access_denied", "12345")
    assert person.brought["error_description"].startswith("AADSTS65004: ")


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"code_verifier": "x" * 43}, 501481),
        ({"code_verifier": ""}, 50148),
        ({"redirect_uri": "http://localhost:1"}, 70000),
        ({"client_id": SECRET_CLIENT_ID}, 7000218),
        ({"code": "0.none"}, 70000),
        ({"code": ""}, 900144),
        ({"scope": f"{SMTP} {MAIL}"}, 28000),
        ({"scope": MAIL}, 65001),
    ],
)
async def test_a_code_is_refused(
    box: Sandbox, http: aiohttp.ClientSession, person: Person, changes: dict[str, str], number: int
) -> None:
    await person.approve(address(box), ERP)
    body = (await redeem(box, http, person.brought["code"], **changes))[1]
    assert body["error_codes"] == [number], body


async def test_a_code_lives_ten_minutes(box: Sandbox, http: aiohttp.ClientSession, person: Person) -> None:
    await person.approve(address(box), ERP)
    box.clock.advance(600)
    assert (await redeem(box, http, person.brought["code"]))[1]["error_codes"] == [70008]


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"redirect_uri": "https://localhost:54321"}, 50011),
        ({"redirect_uri": "http://evil.example"}, 50011),
        ({"redirect_uri": "http://localhost:1/elsewhere"}, 50011),
        ({"redirect_uri": "http://localhost:1/?code=mine"}, 50011),  # the application would take the first of two
        ({"redirect_uri": "http://localhost:1/#code=mine"}, 50011),
        ({"redirect_uri": "http://localhost.evil.example"}, 50011),
        ({"redirect_uri": "http://localhost@evil.example"}, 50011),
        ({"redirect_uri": "http://localhost:1@evil.example"}, 50011),
        ({"redirect_uri": "http://me@localhost:1"}, 50011),
        ({"redirect_uri": "http://localhost:1\\@evil.example"}, 50011),
        ({"redirect_uri": "http://evil.example\\@localhost:1"}, 50011),
        ({"redirect_uri": "http://local\r\nhost:1"}, 50011),  # which urlsplit passes over, and a header would not
        ({"redirect_uri": "http://localhost:1\r\nSet-Cookie: a=b"}, 50011),
        ({"redirect_uri": "https://localhost:1"}, 50011),
        ({"redirect_uri": "//localhost:1"}, 50011),
        ({"redirect_uri": "javascript:alert(1)"}, 50011),
        ({"redirect_uri": None}, 900144),
        ({"client_id": "none"}, 700016),
        ({"tenant": "other.example"}, 90002),
    ],
)
async def test_who_may_be_anybody_is_not_redirected_to(
    box: Sandbox, person: Person, changes: dict[str, Any], number: int
) -> None:
    await person.open(address(box, **changes))
    assert not person.sent_to
    assert f"AADSTS{number}" in person.page


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"scope": "api:odd/x"}, "invalid_scope"),
        ({"code_challenge_method": "S512"}, "invalid_grant"),
        ({"prompt": "none"}, "login_required"),
    ],
)
async def test_errors_that_the_application_is_told(
    box: Sandbox, person: Person, changes: dict[str, Any], error: str
) -> None:
    await person.open(address(box, **changes))
    assert person.brought["error"] == error


@pytest.mark.parametrize("mode", ["fragment", "form_post"])
async def test_response_modes(box: Sandbox, person: Person, mode: str) -> None:
    """A: query, fragment and form_post."""
    await person.approve(address(box, response_mode=mode), ERP)
    if mode == "fragment":
        assert "#" in person.sent_to
        assert person.brought["state"] == "12345"
    else:
        assert '<form method="post" action="http://localhost:54321">' in person.page
        assert 'name="code"' in person.page


async def test_the_hinted_account_stands_first(box: Sandbox, person: Person) -> None:
    await person.open(address(box, login_hint="ups@contoso.example"))
    assert person.page.index("ups@contoso.example") < person.page.index("anna@contoso.example")


_MARK = "\"'><script>alert(1)</script>"


async def test_what_was_sent_reaches_no_page_as_markup(
    box: Sandbox, http: aiohttp.ClientSession, person: Person
) -> None:
    """By the code that is typed, the addresses and names that are asked with, and what comes back to the browser."""
    for path, form in (
        ("/devicelogin", {"otc": _MARK}),
        ("/sign-in/account", {"flow": _MARK, "user": _MARK}),
        ("/sign-in/consent", {"flow": _MARK, "user": _MARK, "decision": _MARK}),
    ):
        async with http.post(f"{box.entra_url}{path}", data=form) as answer:
            assert "<script>" not in await answer.text(), path
    for name in ("client_id", "redirect_uri", "scope", "login_hint", "state", "response_type"):
        await person.open(address(box, **{name: _MARK}))
        assert "<script>alert" not in person.page, name
    box.world.patch({"tenant": {"applications": {SIGN_IN_CLIENT_ID: {"name": _MARK}}}})
    await person.open(address(box))
    assert "<script>" not in person.page
    assert "&lt;script&gt;" in person.page
    await person.approve(address(box, response_mode="form_post", state=_MARK), ERP)
    assert "alert(1)</script>" not in person.page
    assert "&lt;script&gt;alert(1)" in person.page, "the state goes back as it came"


async def test_pages_run_no_script_and_are_framed_nowhere(box: Sandbox, person: Person) -> None:
    await person.open(address(box))
    policy = person.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


# Refresh tokens


async def signed_in(box: Sandbox, http: aiohttp.ClientSession, person: Person) -> str:
    await person.approve(address(box), ERP)
    return str((await redeem(box, http, person.brought["code"]))[1]["refresh_token"])


async def refreshed(
    box: Sandbox, http: aiohttp.ClientSession, token: str, scope: str = ALL, **changes: str
) -> tuple[int, dict[str, Any]]:
    return await post(box, http, "token", grant_type="refresh_token", refresh_token=token, scope=scope, **changes)


async def test_each_use_brings_a_new_one_and_the_old_one_stays_good(
    box: Sandbox, http: aiohttp.ClientSession, person: Person
) -> None:
    """A: "Refresh tokens aren't revoked when used to acquire new access tokens." """
    first = await signed_in(box, http, person)
    status, body = await refreshed(box, http, first)
    assert status == 200
    assert body["refresh_token"] != first
    assert (await refreshed(box, http, first))[0] == 200
    box.world.tune(entra={"used_refresh_tokens": "refuse"})
    assert (await refreshed(box, http, first))[1]["error"] == "invalid_grant"
    assert (await refreshed(box, http, body["refresh_token"]))[0] == 200


async def test_ninety_days_of_disuse_end_it(box: Sandbox, http: aiohttp.ClientSession, person: Person) -> None:
    """R: 90 days; AADSTS700082."""
    token = await signed_in(box, http, person)
    box.clock.advance(timedelta(days=90).total_seconds())
    status, body = await refreshed(box, http, token)
    assert (status, body["error"], body["error_codes"]) == (400, "invalid_grant", [700082])
    assert "was inactive for 90.00:00:00" in body["error_description"]


async def test_a_new_password_ends_it(box: Sandbox, http: aiohttp.ClientSession, person: Person) -> None:
    """R: revoked by a password change; AADSTS50173."""
    token = await signed_in(box, http, person)
    since = (box.clock.now() + timedelta(seconds=1)).isoformat()
    box.world.patch({"tenant": {"mailboxes": {ERP: {"sessions_valid_from": since}}}})
    assert (await refreshed(box, http, token))[1]["error_codes"] == [50173]


async def test_it_serves_other_resources_that_were_consented_to(
    box: Sandbox, http: aiohttp.ClientSession, person: Person
) -> None:
    """A: "valid for all permissions that your client has already received consent for"."""
    await person.approve(address(box, scope=f"{ALL} {MAIL}"), ERP)
    token = (await redeem(box, http, person.brought["code"]))[1]["refresh_token"]
    body = (await refreshed(box, http, token, MAIL))[1]
    assert claims_of(body["access_token"])["aud"] == "https://graph.microsoft.com"
    assert "refresh_token" not in body, "offline_access was not asked for"
    other = (await refreshed(box, http, token, "https://graph.microsoft.com/Mail.ReadWrite"))[1]
    assert other["error_codes"] == [65001]


async def test_it_is_of_no_use_to_others(box: Sandbox, http: aiohttp.ClientSession, person: Person) -> None:
    await signed_in(box, http, person)
    assert (await refreshed(box, http, "1.none"))[1]["error"] == "invalid_grant"
    assert (await refreshed(box, http, ""))[1]["error_codes"] == [900144]


# Unmodified MSAL


async def test_msal_by_device_code_and_refresh_token(box: Sandbox, person: Person) -> None:
    def application() -> msal.PublicClientApplication:
        return msal.PublicClientApplication(
            SIGN_IN_CLIENT_ID, authority=box.authority, instance_discovery=False, verify=str(box.ca_file)
        )

    app = await asyncio.to_thread(application)
    try:
        flow = await asyncio.to_thread(app.initiate_device_flow, [SMTP])
        await person.approve_device(flow["user_code"], ERP)
        result = await asyncio.to_thread(app.acquire_token_by_device_flow, flow)
        assert result["id_token_claims"]["preferred_username"] == ERP
        again = await asyncio.to_thread(app.acquire_token_by_refresh_token, result["refresh_token"], [SMTP])
        assert again["refresh_token"] != result["refresh_token"]
    finally:
        app.http_client.close()


async def test_msal_by_authorization_code(box: Sandbox, person: Person) -> None:
    def application() -> msal.PublicClientApplication:
        return msal.PublicClientApplication(
            SIGN_IN_CLIENT_ID, authority=box.authority, instance_discovery=False, verify=str(box.ca_file)
        )

    app = await asyncio.to_thread(application)
    try:
        flow = app.initiate_auth_code_flow([SMTP], redirect_uri="http://localhost:1", response_mode="form_post")
        await person.approve(flow["auth_uri"], ERP)
        result = await asyncio.to_thread(app.acquire_token_by_auth_code_flow, flow, person.hidden)
        assert claims_of(result["access_token"])["scp"] == "SMTP.Send"
    finally:
        app.http_client.close()
