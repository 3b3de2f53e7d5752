"""The doctor against the sandbox: a healthy gateway, then one fault at a time."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mailferry.cli.main import app
from mailferry.clock import ManualClock, SystemClock
from mailferry.ops.doctor import machine
from mailferry.ops.doctor.finding import Finding, Level
from mailferry.ops.doctor.patient import Patient
from mailferry.ops.doctor.tenants import read_claims
from mailferry.rehearsal.configuration import HEAD
from mailferry.sandbox.organisation_services import BULK_CLIENT_ID
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings
from support.ward import CLIENT, ERP, Ward, failed


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    box = Sandbox(SandboxSettings(at=date(2026, 11, 24), directory=tmp_path / "sandbox"))
    await box.start()
    yield Ward(box, tmp_path)
    await box.stop()


async def test_a_healthy_gateway(ward: Ward) -> None:
    findings = await ward.visit()
    assert failed(findings) == {}
    good = {(one.check, one.subject) for one in findings if one.level is Level.GOOD}
    assert {("send", f"exchange-online/{ERP}"), ("send", f"graph/{ERP}"), ("send", "connector")} <= good
    assert ("send", "acs-rest/donotreply@contoso.example") in good
    assert ("send", "hve/bulk@contoso.example") in good
    assert {("connect", f"exchange-online/{ERP}"), ("login", f"exchange-online/{ERP}")} <= good
    [tls] = [one for one in findings if (one.check, one.subject) == ("tls", f"exchange-online/{ERP}")]
    assert "TLSv1." in tls.what.en
    assert "trusted" in tls.what.en
    assert list(ward.box.mail) == [], "nothing was sent"


async def test_a_test_message_by_each_route(ward: Ward) -> None:
    findings = await ward.visit(to=ERP)
    assert failed(findings) == {}
    sent = {one.subject: one for one in findings if one.check == "test message"}
    taken = {subject for subject, one in sent.items() if one.level is Level.GOOD}
    assert taken >= {f"exchange-online/{ERP}", f"graph/{ERP}", "connector", "exchange-server"}
    assert set(sent) - taken == {"acs-rest/donotreply@contoso.example"}, "its operation takes longer than we wait here"
    assert len(list(ward.box.mail)) >= len(taken)
    outside = await ward.visit(to="somebody@elsewhere.example")
    notes = {one.subject for one in outside if one.check == "test message" and one.level is Level.NOTE}
    assert "hve/bulk@contoso.example" in notes


async def test_a_test_message_that_is_refused(ward: Ward) -> None:
    ward.box.world.patch({"tenant": {"mailboxes": {ERP: {"smtp_client_authentication_disabled": True}}}})
    one = failed(await ward.visit(to=ERP))[f"test message exchange-online/{ERP}"]
    assert "5.7.139" in one.what.en
    assert one.who.en == "Exchange administrator"


async def test_a_wrong_secret(ward: Ward) -> None:
    (ward.directory / "secret").write_text("hunter2-is-not-it")
    found = failed(await ward.visit())
    token = found["token contoso, exchange-online"]
    assert "AADSTS7000215" in token.what.en
    assert token.cure.ja
    assert f"send exchange-online/{ERP}" in found
    assert "hunter2" not in str(found)


async def test_smtp_auth_switched_off(ward: Ward) -> None:
    ward.box.world.patch({"tenant": {"mailboxes": {ERP: {"smtp_client_authentication_disabled": True}}}})
    found = failed(await ward.visit())
    assert set(found) == {f"send exchange-online/{ERP}"}
    one = found[f"send exchange-online/{ERP}"]
    assert "5.7.139" in one.what.en
    assert "SMTP AUTH" in one.cause.en + one.cure.en
    assert one.who.en == "Exchange administrator"


async def test_a_permission_that_is_missing(ward: Ward) -> None:
    ward.box.world.patch({"tenant": {"applications": {BULK_CLIENT_ID: {"app_roles": []}}}})
    found = failed(await ward.visit())
    one = found["permission contoso bulk, hve"]
    assert "Mail.Send" in one.what.en
    assert "mailferry setup hve" in one.cure.en


async def test_least_privilege(ward: Ward) -> None:
    anna, nobody = "anna@contoso.example", "nobody@contoso.example"
    ward.box.world.patch({"tenant": {"mailboxes": {anna: {"smtp_client_authentication_disabled": False}}}})
    findings = await ward.visit(outside=anna)
    proofs = {one.subject: one.level for one in findings if one.check == "least privilege"}
    assert proofs == {f"exchange-online/{anna}": Level.GOOD, f"graph/{anna}": Level.FAILED}, "consented for the tenant"
    findings = await ward.visit(outside=nobody)
    proofs = {one.subject: one.level for one in findings if one.check == "least privilege"}
    assert proofs[f"graph/{nobody}"] is Level.WARNING, "a mailbox that is not there proves nothing"
    ward.box.world.patch({"tenant": {"mailboxes": {ERP: {"smtp_client_authentication_disabled": True}}}})
    findings = await ward.visit(outside=ERP, smtp=ward.box.smtp_port)
    proofs = {one.subject: one.level for one in findings if one.check == "least privilege"}
    assert proofs[f"exchange-online/{ERP}"] is Level.WARNING, "refused for another reason: that proves nothing"
    findings = await ward.visit(outside=nobody, smtp=1, graph="https://127.0.0.1:9")
    proofs = {one.subject: one.level for one in findings if one.check == "least privilege"}
    assert set(proofs.values()) == {Level.WARNING}, "what could not be asked proves nothing"
    ward.box.world.patch({"tenant": {"mailboxes": {ERP: {"smtp_client_authentication_disabled": False}}}})
    findings = await ward.visit(outside=ERP, smtp=ward.box.smtp_port)
    proofs = {one.subject: one.level for one in findings if one.check == "least privilege"}
    assert proofs[f"exchange-online/{ERP}"] is Level.FAILED


async def test_a_certificate_nobody_vouches_for(ward: Ward) -> None:
    text = ward.text().replace(
        f'port = {ward.box.smtp_port}\nca_file = "{ward.box.ca_file}"', f"port = {ward.box.smtp_port}"
    )
    ward.file.write_text(text)
    one = failed(await ward.visit())[f"send exchange-online/{ERP}"]
    assert "certificate" in one.what.en
    assert one.who.en == "network administrator"


async def test_nobody_answers(ward: Ward) -> None:
    one = failed(await ward.visit(smtp=1))[f"send exchange-online/{ERP}"]
    assert "Cannot connect" in one.what.en


async def test_a_name_that_is_none(ward: Ward) -> None:
    async def nothing(host: str, port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    found = failed(await ward.visit(names=nothing))
    assert found["name exchange-online"].what.en == "localhost has no address: Name or service not known"
    assert not [name for name in found if name.startswith("send")]


@pytest.mark.parametrize(("ahead", "level"), [(0, Level.GOOD), (120, Level.WARNING), (-900, Level.FAILED)])
async def test_a_clock_that_is_wrong(ward: Ward, ahead: float, level: Level) -> None:
    now = SystemClock().time()
    findings = await ward.visit(clock=ManualClock(now + ahead))
    clocks = {one.level for one in findings if one.check == "clock"}
    assert clocks == {level}


async def test_a_check_that_breaks_is_a_finding(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(patient: Patient, directory: Path) -> Finding:
        raise RuntimeError("no")

    monkeypatch.setattr(machine, "_space", broken)
    found = failed(await ward.visit())
    assert set(found) == {"machine doctor"}


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "a.W10.c", "..", "a.\u00e9.c"])
def test_what_is_no_token_has_no_claims(token: str) -> None:
    assert read_claims(token) == {}


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_command(language: str, tmp_path: Path) -> None:
    text = (
        HEAD[: HEAD.index("[[tenant]]")].format(state=tmp_path, submission=0, legacy=0, plain=0, old_tls="1.2")
        + '[[route]]\nname = "relay"\ntype = "smarthost"\nhost = "127.0.0.1"\nport = 1\ntls = "none"\n'
    )
    (tmp_path / "m.toml").write_text(text + CLIENT + 'recipients = "anywhere"\n')
    words = ["doctor", "-c", str(tmp_path / "m.toml"), "--lang", language]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1, result.output
    assert "127.0.0.1:1" in result.stdout
    assert ("What to do" if language == "en" else "対処方法") in result.stdout
    made = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert {one["check"] for one in made["findings"]} >= {"configuration", "disk", "listener", "name", "send", "alarms"}
    assert not list(tmp_path.glob(".mailferry-doctor-*"))


def test_a_configuration_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text("[gateway]\n")
    result = CliRunner().invoke(app, ["doctor", "-c", str(tmp_path / "m.toml"), "--lang", "en"])
    assert result.exit_code == 3
    assert "✗ configuration" in result.stdout
    assert os.listdir(tmp_path) == ["m.toml"]


async def test_a_key_of_another_resource(ward: Ward) -> None:
    other = ward.directory / "other-key"
    other.write_text("b3RoZXIga2V5")
    other.chmod(0o600)
    found = failed(await ward.visit(acs_key=other))
    assert set(found) == {"send acs-rest/donotreply@contoso.example"}
    finding = found["send acs-rest/donotreply@contoso.example"]
    assert "Denied by the resource provider" in finding.what.en
    assert "access key" in finding.cause.en
    assert "b3RoZXIga2V5" not in repr(finding)


async def test_a_resource_that_is_not_there(ward: Ward) -> None:
    found = failed(await ward.visit(acs_rest="https://127.0.0.1:9"))
    assert "Cannot reach" in found["send acs-rest/donotreply@contoso.example"].what.en
