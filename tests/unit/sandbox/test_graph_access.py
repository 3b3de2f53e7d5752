"""Who may do what at Graph: tokens, consent, application RBAC, users, the envelope of errors."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from mailferry.sandbox.graph_access import user_id
from mailferry.sandbox.organisation import (
    CERTIFICATE_CLIENT_ID,
    CERTIFICATE_SERVICE_PRINCIPAL,
    INVENTORY_CLIENT_ID,
    SECRET,
    SECRET_CLIENT_ID,
)
from mailferry.sandbox.serve import Sandbox
from support.sandbox_graph import ANNA, IT, SCANNER, GraphClient, graph_token, simple

SEND = f"/users/{SCANNER}/sendMail"


async def test_token_of_the_endpoint(box: Sandbox, graph: GraphClient) -> None:
    """The whole way: client credentials for the documented scope, then sendMail."""
    form = {
        "grant_type": "client_credentials",
        "client_id": SECRET_CLIENT_ID,
        "client_secret": SECRET,
        "scope": "https://graph.microsoft.com/.default",
    }
    async with graph.http.post(f"{box.authority}/oauth2/v2.0/token", data=form) as answer:
        graph.token = (await answer.json())["access_token"]
    assert (await graph.send()).status == 202
    assert len(box.mail.find(box=ANNA)) == 1


@pytest.mark.parametrize(
    ("authorization", "said"),
    [
        ("", "Access token is empty."),
        ("Basic eDp5", "Access token is empty."),
        ("Bearer ", "Access token is empty."),
        ("Bearer nonsense", "CompactToken parsing failed with error code: 80049217"),
    ],
)
async def test_no_token(graph: GraphClient, authorization: str, said: str) -> None:
    """O: G:61221288943 (2026-08-13), G:29653561963 (2019-10)."""
    heard = await graph.post(SEND, {}, authorization=authorization)
    assert (heard.status, heard.code, heard.said) == (401, "InvalidAuthenticationToken", said)
    assert heard.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"audience": "https://outlook.office365.com"}, "Access token validation failure. Invalid audience."),
        ({"now": 0.0}, "Lifetime validation failed, the token is expired."),
        ({"tenant_id": "another"}, "CompactToken parsing failed with error code: 80049217"),
    ],
)
async def test_wrong_token(box: Sandbox, graph: GraphClient, changes: dict[str, Any], said: str) -> None:
    """O: G:35208064944 (2023-04-20), G:4833714220 (2024-02-02)."""
    graph.token = graph_token(box, **changes)
    heard = await graph.send()
    assert (heard.status, heard.code, heard.said) == (401, "InvalidAuthenticationToken", said)
    assert box.mail.accepted == 0


async def test_audience_by_application_id(box: Sandbox, graph: GraphClient) -> None:
    graph.token = graph_token(box, audience="00000003-0000-0000-c000-000000000000")
    assert (await graph.send()).status == 202


async def test_envelope_of_errors(graph: GraphClient) -> None:
    """V: microsoft-graph-docs-contrib concepts/errors.md @02b4cba; date form as in
    outlook-send-mail-from-other-user.md, "2019-01-16T18:53:25"."""
    heard = await graph.get("/users/nobody@contoso.example/messages", headers={"client-request-id": "mine"})
    inner = heard.json["error"]["innerError"]
    assert set(heard.json) == {"error"}
    assert set(heard.json["error"]) == {"code", "message", "innerError"}
    assert inner == {
        "date": "2026-11-24T00:00:00",
        "request-id": heard.headers["request-id"],
        "client-request-id": "mine",
    }
    assert heard.headers["client-request-id"] == "mine"


# Permissions


@pytest.mark.parametrize(
    ("roles", "send", "read", "write"),
    [
        ((), 403, 403, 403),
        (("Mail.Send",), 202, 403, 403),
        (("Mail.Read",), 403, 200, 403),
        (("Mail.ReadWrite",), 403, 200, 201),
        (("SMTP.SendAsApp",), 403, 403, 403),
    ],
)
async def test_consent_in_entra(
    box: Sandbox, graph: GraphClient, roles: tuple[str, ...], send: int, read: int, write: int
) -> None:
    """V: permission tables of user-sendmail.md, user-list-messages.md, user-post-messages.md: application Mail.Send;
    Mail.Read or Mail.ReadWrite; Mail.ReadWrite. It covers every mailbox."""
    graph.token = graph_token(box, roles=roles)
    for user in (SCANNER, ANNA):
        heard = await graph.send(user=user)
        assert heard.status == send
        if send == 403:
            assert heard.code == "ErrorAccessDenied"
        assert (await graph.get(f"/users/{user}/messages")).status == read
        assert (await graph.post(f"/users/{user}/messages", simple())).status == write


async def test_application_rbac_is_held_to_its_scope(box: Sandbox, graph: GraphClient) -> None:
    """V: learn "Role Based Access Control for Applications in Exchange Online": Application Mail.Send in a scope."""
    scoped = graph.as_application(CERTIFICATE_CLIENT_ID)
    assert (await scoped.send(user=SCANNER)).status == 202
    assert (await scoped.get(f"/users/{IT}/messages")).status == 200
    heard = await scoped.send(user=ANNA)
    assert (heard.status, heard.code) == (403, "ErrorAccessDenied")
    assert (await scoped.get(f"/users/{ANNA}/messages")).status == 403
    assert box.recorder.requests[-1].cause == f"{ANNA} is outside every scope of the application"


async def test_application_rbac_adds_to_consent(box: Sandbox, graph: GraphClient) -> None:
    """V: auth-limit-mailbox-access: the scope does not narrow an unscoped grant."""
    both = graph.as_application(CERTIFICATE_CLIENT_ID, roles=("Mail.Send",))
    assert (await both.send(user=ANNA)).status == 202
    assert (await both.get(f"/users/{ANNA}/messages")).status == 403


async def test_full_access_role(box: Sandbox, graph: GraphClient) -> None:
    role = {"role": "Application Mail Full Access", "app": CERTIFICATE_SERVICE_PRINCIPAL, "scope": None}
    box.world.patch({"tenant": {"role_assignments": [role]}})
    scoped = graph.as_application(CERTIFICATE_CLIENT_ID)
    assert (await scoped.send(user=ANNA)).status == 202
    assert (await scoped.get(f"/users/{ANNA}/messages")).status == 200


async def test_rbac_needs_the_service_principal(box: Sandbox, graph: GraphClient) -> None:
    box.world.patch({"tenant": {"service_principals": []}})
    assert (await graph.as_application(CERTIFICATE_CLIENT_ID).send()).status == 403


# Users


async def test_user_by_id(box: Sandbox, graph: GraphClient) -> None:
    """V: POST /users/{id | userPrincipalName}/sendMail."""
    box_of = box.tenant.mailboxes[SCANNER]
    assert (await graph.send(user=user_id(box.tenant, box_of))).status == 202
    assert (await graph.send(user="Scanner@Contoso.Example")).status == 202
    assert box.mail.find(box=ANNA)[0].received.user == SCANNER


async def test_unknown_user(graph: GraphClient) -> None:
    """O: G:29747804932, G:1642794639."""
    heard = await graph.send(user="nobody@contoso.example")
    assert (heard.status, heard.code) == (404, "ErrorInvalidUser")
    assert heard.said == "The requested user 'nobody@contoso.example' is invalid."


async def test_alias_is_no_user_unless_a_setting_says_so(box: Sandbox, graph: GraphClient) -> None:
    box.world.patch({"tenant": {"mailboxes": {SCANNER: {"aliases": ["mfp@contoso.example"]}}}})
    assert (await graph.send(user="mfp@contoso.example")).code == "ErrorInvalidUser"
    box.world.tune(graph_user_by_alias=True)
    assert (await graph.send(user="mfp@contoso.example")).status == 202


async def test_user_without_a_mailbox_that_graph_can_see(box: Sandbox, graph: GraphClient) -> None:
    """O: G:61969306494 (404), G:29747804932."""
    box.world.patch({"tenant": {"mailboxes": {SCANNER: {"graph_enabled": False}}}})
    heard = await graph.send()
    assert (heard.status, heard.code) == (404, "MailboxNotEnabledForRESTAPI")
    assert heard.said == "The mailbox is either inactive, soft-deleted, or is hosted on-premise."


# What is not there


@pytest.mark.parametrize(
    "path", ["/users", f"/users/{SCANNER}/calendar", f"/users/{SCANNER}/messages/x/createReply", "/groups", "/$batch"]
)
async def test_unknown_path_says_so(box: Sandbox, graph: GraphClient, path: str) -> None:
    heard = await graph.post(path, {})
    assert heard.status == 501
    assert heard.said == f"not implemented in the sandbox: POST /v1.0{path}"
    assert box.recorder.requests[-1].status == 501


async def test_beta_has_the_sign_in_log_only(box: Sandbox, graph: GraphClient) -> None:
    assert (await graph.post(f"{box.graph_url}/beta{SEND}", {})).status == 501
    reader = graph.as_application(INVENTORY_CLIENT_ID)
    assert (await reader.get(f"{box.graph_url}/beta/auditLogs/signIns")).status == 200


@pytest.mark.parametrize("path", ["/me", "/me/sendMail"])
async def test_me_needs_a_user(graph: GraphClient, path: str) -> None:
    heard = await graph.post(path, {})
    assert (heard.status, heard.code) == (400, "BadRequest")


async def test_record_shows_no_secret(box: Sandbox, graph: GraphClient) -> None:
    await graph.send()
    recorded = box.recorder.requests[-1]
    assert (recorded.surface, recorded.method, recorded.path) == ("graph", "POST", f"/v1.0{SEND}")
    assert (recorded.status, recorded.form["operation"]) == (202, "sendMail")
    assert graph.token not in repr(box.recorder.requests)
    box.world.tune(record=False)
    await graph.send()
    assert len(box.recorder.requests) == 1


async def test_certificate_is_the_sandboxs_own(box: Sandbox) -> None:
    async with aiohttp.ClientSession() as stranger:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await stranger.get(box.graph_url)
