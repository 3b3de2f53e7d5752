"""The pains of other gateways' users that a setup brings to light only when mail is sent: the doctor finds them before.
Each by its number in the survey of issue threads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mailferry.cli.main import app
from mailferry.ops.doctor.finding import Finding, Level
from mailferry.sandbox.organisation import (
    CERTIFICATE_CLIENT_ID,
    SECRET_CLIENT_ID,
    SECRET_OBJECT_ID,
    SECRET_SERVICE_PRINCIPAL,
)
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings
from support.ward import ERP, Ward, failed

ANNA = "anna@contoso.example"
SEND, GRAPH = f"send exchange-online/{ERP}", f"send graph/{ERP}"


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with Sandbox(SandboxSettings(at=date(2026, 11, 24), directory=tmp_path / "sandbox")) as box:
        yield Ward(box, tmp_path)


def said(finding: Finding) -> str:
    return " ".join(text.en for text in (finding.what, finding.cause, finding.cure, finding.who))


@pytest.mark.parametrize(
    ("changes", "check", "words"),
    [
        ({"tenant": "00000000-0000-4000-8000-0000000000ff"}, "token contoso, exchange-online", "AADSTS90002"),
        ({"authority": "https://localhost:9"}, "token contoso, exchange-online", "cannot reach localhost:9"),
        ({"client_id": "00000000-0000-4000-8000-0000000000ff"}, "token contoso, exchange-online", "AADSTS700016"),
        ({"smtp": 9}, SEND, "Cannot connect"),
        ({"graph": "https://localhost:9"}, GRAPH, "Cannot reach"),
    ],
    ids=["tenant", "authority", "application", "SMTP endpoint", "Graph endpoint"],
)
async def test_pain_03_a_wrong_tenant_or_endpoint_is_found_before_any_mail(
    ward: Ward, changes: dict[str, Any], check: str, words: str
) -> None:
    found = failed(await ward.visit(**changes))
    assert words in said(found[check]), said(found[check])
    assert list(ward.box.mail) == []


def test_pain_03_a_scope_of_another_service_is_no_configuration(ward: Ward) -> None:
    """Graph's scope on an SMTP route: a token is had for it, and Exchange would refuse it at every login."""
    route = 'tenant = "contoso"\nhost = "localhost"'
    assert route in ward.text()
    scoped = f'scope = "https://graph.microsoft.com/.default"\n{route}'
    ward.file.write_text(ward.text().replace(route, scoped))
    result = CliRunner().invoke(app, ["check", str(ward.file)])
    assert result.exit_code == 3
    assert "scope: is for Microsoft Graph: a route of type exchange-smtp is refused" in result.output


async def test_pain_03_a_permission_for_the_wrong_service_is_told(ward: Ward) -> None:
    """Mail.Send is Graph's; to send by SMTP takes a role in Exchange or SMTP.SendAsApp, and that is said."""
    ward.box.world.patch({"tenant": {"applications": {SECRET_CLIENT_ID: {"app_roles": []}}}})
    findings = await ward.visit()
    (note,) = [one for one in findings if (one.check, one.subject) == ("permission", "contoso, exchange-online")]
    assert "no SMTP.SendAsApp" in note.what.en
    assert "5.7.3" in said(failed(findings)[SEND])
    assert GRAPH not in failed(findings)


async def test_pain_08_the_same_535_is_taken_apart(ward: Ward) -> None:
    """Exchange answers 5.7.3 to the object id of the app registration. The token says which one it should have been."""
    wrong = {"service_principals": [{"app_id": SECRET_CLIENT_ID, "object_id": SECRET_OBJECT_ID}]}
    ward.box.world.patch({"tenant": wrong})
    findings = await ward.visit()
    refused = failed(findings)[SEND]
    assert "535 5.7.3" in refused.what.en
    assert "enterprise application" in refused.cause.en
    assert refused.who.en == "Exchange administrator"
    (token,) = [one for one in findings if (one.check, one.subject) == ("token", "contoso, exchange-online")]
    assert SECRET_SERVICE_PRINCIPAL in token.what.en
    assert SECRET_SERVICE_PRINCIPAL in token.what.ja
    assert SECRET_OBJECT_ID not in token.what.en


async def test_pain_36_mail_send_for_the_whole_tenant_is_found_and_a_scope_is_proved(ward: Ward) -> None:
    findings = await ward.visit(outside=ANNA)
    proof = f"least privilege graph/{ANNA}"
    assert proof in failed(findings), "consented to in Entra, it reaches a mailbox outside the scope"
    (wide,) = [one for one in findings if (one.check, one.subject) == ("permission", "contoso, graph")]
    assert (wide.level, "every mailbox of the tenant" in wide.cause.en) == (Level.WARNING, True)
    assert "mailferry setup graph" in wide.cure.en
    scoped = ward.text(client_id=CERTIFICATE_CLIENT_ID).replace(
        f'secret = {{ file = "{ward.directory / "secret"}" }}',
        f'certificate = {{ file = "{ward.box.application_certificate}" }}',
    )
    ward.file.write_text(scoped)
    findings = await ward.visit(outside=ANNA)
    assert GRAPH not in failed(findings)
    proofs = {one.subject: one.level for one in findings if one.check == "least privilege"}
    assert proofs[f"graph/{ANNA}"] is Level.GOOD, "the role in Exchange holds for its scope alone"


def test_pain_36_what_setup_writes_is_a_scoped_role_and_no_access_policy(ward: Ward) -> None:
    for route in ("graph", "exchange-online"):
        result = CliRunner().invoke(app, ["setup", route, "-c", str(ward.file), "--lang", "en"])
        assert result.exit_code == 0, result.output
        assert "New-ManagementRoleAssignment" in result.output
        assert "-CustomResourceScope" in result.output
        assert "New-ApplicationAccessPolicy" not in result.output
