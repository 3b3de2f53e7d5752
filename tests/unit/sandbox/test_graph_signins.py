"""The sign-in log: what really happened at client submission and at the token endpoint."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from mailferry.sandbox import texts
from mailferry.sandbox.faults import Fault
from mailferry.sandbox.organisation import INVENTORY_CLIENT_ID, SECRET, SECRET_CLIENT_ID
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.signins import SignIns
from support.sandbox_graph import SCANNER, GraphClient
from support.sandbox_lab import AFTER, Lab

LOG = "/auditLogs/signIns"
#: O: CIPP Get-CIPPAlertSmtpAuthSuccess (G:51785885526), word for word.
SMTP_SUCCESS = "clientAppUsed eq 'Authenticated SMTP' and status/errorCode eq 0"


def happened(box: Sandbox, user: str = SCANNER, refused: Any = None, at: float | None = None) -> None:
    box.world.signins.basic(
        at=box.clock.time() if at is None else at,
        user=user,
        mailbox=box.tenant.mailbox(user),
        refused=refused,
        remote="192.0.2.10:50000",
    )


def reader(graph: GraphClient) -> GraphClient:
    graph.box.world.tune(graph_reports=0)
    return graph.as_application(INVENTORY_CLIENT_ID)


async def users(graph: GraphClient, filter: str) -> list[str]:
    heard = await graph.get(f"{LOG}?$filter={quote(filter)}")
    assert heard.status == 200, heard.body
    return [event["userPrincipalName"].partition("@")[0] for event in heard.json["value"]]


# What is written down


@pytest.mark.parametrize(
    ("prepare", "local", "secret", "errors"),
    [
        ({}, "scanner", "sandbox-password-scanner", [0]),
        ({}, "scanner", "wrong", [50126]),
        ({}, "nobody", "wrong", [50034]),
        ({"mailboxes": {SCANNER: {"account_enabled": False}}}, "scanner", "sandbox-password-scanner", [50057]),
        ({"mailboxes": {SCANNER: {"account_locked": True}}}, "scanner", "sandbox-password-scanner", [50053]),
        ({"mailboxes": {SCANNER: {"requires_mfa": True}}}, "scanner", "sandbox-password-scanner", [50076]),
        ({"block_legacy_authentication": True}, "scanner", "sandbox-password-scanner", [53003]),
        ({"smtp_client_authentication_disabled": True}, "scanner", "sandbox-password-scanner", [0]),
        # V: learn "Disable Basic authentication": an authentication policy is applied before Entra is asked
        (
            {"authentication_policies": {"none": {}}, "default_authentication_policy": "none"},
            "scanner",
            "sandbox-password-scanner",
            [],
        ),
    ],
)
def test_passwords_at_client_submission(
    lab: Lab, prepare: dict[str, Any], local: str, secret: str, errors: list[int]
) -> None:
    lab.world.patch({"tenant": prepare})
    lab.connect().secure().login(f"{local}@contoso.example", secret)
    events = list(lab.world.signins)
    assert [event.error for event in events] == errors
    for event in events:
        assert (event.user, event.ip) == (f"{local}@contoso.example", "192.0.2.10")
        assert (event.kind, event.client_app) == ("interactiveUser", "Authenticated SMTP")


def test_token_at_client_submission_is_no_sign_in(lab: Lab) -> None:
    assert lab.connect().secure().xoauth2(SCANNER, lab.token()).startswith("235")
    assert len(lab.world.signins) == 0


def test_after_the_cut_off_the_login_still_shows(lab: Lab) -> None:
    """The refusal comes at MAIL, so the password was good."""
    lab.clock.set(AFTER)
    wire = lab.logged_in()
    assert wire.send(SCANNER, "it@contoso.example").startswith("550 5.7.30")
    assert [event.error for event in lab.world.signins] == [0]


async def test_applications_at_the_token_endpoint(box: Sandbox, graph: GraphClient) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": SECRET_CLIENT_ID,
        "scope": "https://graph.microsoft.com/.default",
    }
    for secret in (SECRET, "wrong"):
        async with graph.http.post(f"{box.authority}/oauth2/v2.0/token", data={**form, "client_secret": secret}):
            pass
    assert (await reader(graph).get(LOG)).json["value"] == []  # V: only interactive ones without a filter
    beta = f"{box.graph_url}/beta{LOG}?$filter=" + quote("signInEventTypes/any(t: t eq 'servicePrincipal')")
    wrong, right = (await reader(graph).get(beta)).json["value"]
    assert (wrong["status"]["errorCode"], right["status"]["errorCode"]) == (7000215, 0)
    assert (right["appId"], right["resourceDisplayName"]) == (SECRET_CLIENT_ID, "Microsoft Graph")
    assert (right["clientCredentialType"], right["ipAddress"]) == ("clientSecret", "127.0.0.1")
    assert SECRET not in repr(list(box.world.signins))


# What is shown


async def test_resource(box: Sandbox, graph: GraphClient) -> None:
    """V: signin-list.md @00e146a, example 1 (its property names); reason V beta example."""
    happened(box, refused=texts.CREDENTIALS_INCORRECT)
    heard = await reader(graph).get(LOG)
    assert heard.json["@odata.context"].endswith("/v1.0/$metadata#auditLogs/signIns")
    (event,) = heard.json["value"]
    documented = (
        "id createdDateTime userDisplayName userPrincipalName userId appId appDisplayName ipAddress clientAppUsed"
        " correlationId conditionalAccessStatus isInteractive riskDetail riskLevelAggregated riskLevelDuringSignIn"
        " riskState riskEventTypes resourceDisplayName resourceId status deviceDetail location"
        " appliedConditionalAccessPolicies"
    )
    assert set(documented.split()) <= set(event)
    assert event["createdDateTime"] == "2026-11-24T00:00:00.0000000Z"
    assert event["status"] == {
        "errorCode": 50126,
        "failureReason": "Error validating credentials due to invalid username or password.",
        "additionalDetails": None,
    }
    assert (event["ipAddress"], event["clientAppUsed"]) == ("192.0.2.10", "Authenticated SMTP")
    assert "userAgent" not in event
    (event,) = (await reader(graph).get(f"{box.graph_url}/beta{LOG}")).json["value"]
    assert (event["userAgent"], event["authenticationProtocol"]) == ("BAV2ROPC", "ropc")
    (event,) = (await reader(graph).get(f"{LOG}?$select=userPrincipalName")).json["value"]
    assert set(event) == {"id", "userPrincipalName"}


async def test_documented_filters(box: Sandbox, graph: GraphClient) -> None:
    start = box.clock.time()
    happened(box, at=start - 7200)
    happened(box, "ups@contoso.example", texts.CREDENTIALS_INCORRECT, at=start - 3600)
    happened(box, "erp@contoso.example", at=start)
    client = reader(graph)
    assert await users(client, SMTP_SUCCESS) == ["erp", "scanner"]  # newest first
    assert await users(client, "createdDateTime ge 2026-11-23T23:00:00Z and clientAppUsed eq 'Authenticated SMTP'") == [
        "erp",
        "ups",
    ]
    assert await users(client, "createdDateTime ge 2026-11-22 and createdDateTime le 2026-11-23T23:30:00Z") == [
        "ups",
        "scanner",
    ]
    assert await users(client, "status/errorCode ne 0") == ["ups"]
    assert await users(client, "userPrincipalName eq 'erp@contoso.example'") == ["erp"]
    assert await users(client, "startsWith(appDisplayName,'Office 365')") == ["erp", "ups", "scanner"]
    assert await users(client, "startsWith(appDisplayName,'Graph')") == []  # V: signin-list.md, example 2
    legacy = "(ClientAppUsed eq 'IMAP4' or ClientAppUsed eq 'Authenticated SMTP') and ipAddress eq '192.0.2.10'"
    assert len(await users(client, legacy)) == 3
    heard = await client.get(f"{LOG}?$orderby=createdDateTime asc")
    assert [event["userPrincipalName"][:3] for event in heard.json["value"]] == ["sca", "ups", "erp"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("$filter=nothing eq 'x'", 400),
        ("$filter=status eq", 400),
        ("$filter=createdDateTime ge yesterday", 400),
        ("$filter=signInEventTypes/any(t: t eq 'interactiveUser')", 400),  # beta only
        ("$orderby=appId", 400),
        ("$top=1001", 400),
        ("$skiptoken=unknown", 400),
        ("$count=true", 501),
    ],
)
async def test_query_refused(box: Sandbox, graph: GraphClient, query: str, status: int) -> None:
    happened(box)
    assert (await reader(graph).get(f"{LOG}?{query}")).status == status


async def test_paging(box: Sandbox, graph: GraphClient) -> None:
    """V: signin-list.md: "The maximum and default page size is 1,000 objects"."""
    for n in range(2100):
        happened(box, at=box.clock.time() - 2100 + n)
    client, url, seen = reader(graph), f"{LOG}?$filter={quote(SMTP_SUCCESS)}", []
    sizes = []
    while url:
        page = (await client.get(url)).json
        sizes.append(len(page["value"]))
        seen += [event["createdDateTime"] for event in page["value"]]
        url = page.get("@odata.nextLink", "")
        assert not url or ("$filter=" in url and "$skiptoken=" in url)
    assert sizes == [1000, 1000, 100]
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 2100


async def test_paging_keeps_its_place(box: Sandbox, graph: GraphClient) -> None:
    for n in range(4):
        happened(box, at=box.clock.time() + n)
    page = (await reader(graph).get(f"{LOG}?$top=2")).json
    happened(box, at=box.clock.time() + 10)
    following = (await reader(graph).get(page["@odata.nextLink"])).json
    ids = [event["id"] for event in (*page["value"], *following["value"])]
    assert len(set(ids)) == 4


async def test_retention(box: Sandbox, graph: GraphClient) -> None:
    happened(box)
    box.clock.advance(30 * 86_400 + 1)
    assert (await reader(graph).get(LOG)).json["value"] == []


# Who may


@pytest.mark.parametrize(
    ("roles", "needs_directory", "status"),
    [
        (("AuditLog.Read.All", "Directory.Read.All"), True, 200),
        (("AuditLog.Read.All",), True, 403),  # V: signin-list.md: "requires consent to both"
        (("AuditLog.Read.All",), False, 200),
        (("Directory.Read.All", "Mail.Send"), False, 403),
    ],
)
async def test_permissions(
    box: Sandbox, graph: GraphClient, roles: tuple[str, ...], needs_directory: bool, status: int
) -> None:
    box.world.tune(signins_need_directory_read=needs_directory)
    heard = await graph.as_application(INVENTORY_CLIENT_ID, roles=roles).get(LOG)
    assert heard.status == status
    if status == 403:
        assert heard.code == "Authentication_MSGraphPermissionMissing"


async def test_licence(box: Sandbox, graph: GraphClient) -> None:
    """V: resources/signin.md: P1 or P2 is needed."""
    box.world.patch({"tenant": {"entra_premium": False}})
    assert (await reader(graph).get(LOG)).code == "Authentication_RequestFromNonPremiumTenantOrB2CTenant"


async def test_throttle(box: Sandbox, graph: GraphClient) -> None:
    """V: throttling-limits.md @0135174, identity and access reports: 5 requests per 10 seconds."""
    client = graph.as_application(INVENTORY_CLIENT_ID)
    assert [(await client.get(LOG)).status for _ in range(6)] == [200] * 5 + [429]
    heard = await client.get(LOG)
    assert (heard.code, heard.headers["Retry-After"]) == ("TooManyRequests", "10")
    box.clock.advance(10)
    assert (await client.get(LOG)).status == 200


async def test_fault(box: Sandbox, graph: GraphClient) -> None:
    box.faults.add(Fault(surface="graph", at="request", action="reply", status=503, match={"operation": "listSignIns"}))
    assert (await reader(graph).get(LOG)).status == 503


async def test_control_shows_it(box: Sandbox, graph: GraphClient) -> None:
    happened(box)
    async with graph.http.get(f"{box.control_url}/signins") as answer:
        (event,) = await answer.json()
    assert (event["user"], event["error"]) == (SCANNER, 0)


def test_ids_differ(lab: Lab) -> None:
    log = SignIns()
    for _ in range(10):
        log.basic(at=0.0, user="x", mailbox=None, refused=None, remote="")
    assert len({event.id for event in log}) == 10
