"""Mail by a user who signed in, end to end against the sandbox: SMTP and Graph, the own mailbox and a shared one; and
what becomes of it when the sign-in ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mailferry.config.permissions import delegated_scopes
from mailferry.config.schema import TenantSettings
from mailferry.delivery.verdict import words
from mailferry.mail.outcome import Deferred, Delivered
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.routes.build import build_transport
from mailferry.routes.faults import Fault
from mailferry.routes.settings import RouteSettings
from mailferry.sandbox.certificates import Keys, make_keys
from mailferry.sandbox.organisation_identities import SIGN_IN_CLIENT_ID
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings
from mailferry.tokens.broker import TokenBroker
from mailferry.tokens.entra import EntraFetcher
from support.identities import ERP, identity, vault_in
from support.sandbox_routes import Way
from support.sign_in import sign_in
from support.transport_contract import PATIENT, secret

SHARED = "scanner@contoso.example"
OUTSIDE = "someone@fabrikam.example"


@pytest.fixture(scope="module")
def keys() -> Keys:
    return make_keys()


@pytest.fixture
async def box(keys: Keys) -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(), keys=keys) as running:
        delegated = {"delegated": {"admin_consented": True, "permissions": ["SMTP.Send", "Mail.Send"]}}
        running.world.patch({"tenant": {"applications": {SIGN_IN_CLIENT_ID: delegated}}})
        yield running


def route(box: Sandbox, kind: str, **changes: Any) -> RouteSettings:
    values: dict[str, Any] = {"name": kind, "type": kind, "tenant": "contoso", "ca_file": box.ca_file}
    values["timeouts"] = PATIENT
    if kind == "graph":
        values["endpoint"] = box.graph_url
    else:
        values |= {"host": box.host, "port": box.smtp_port}
    return RouteSettings.model_validate(values | changes)


@asynccontextmanager
async def way(box: Sandbox, directory: Path, kind: str, **changes: Any) -> AsyncIterator[Way]:
    credential = identity(box, vault=vault_in(directory / "vault", box.clock))
    settings = route(box, kind, **changes)
    tenant = TenantSettings.model_validate({"name": "contoso", **credential.settings.model_dump()})
    await sign_in(box, credential, delegated_scopes(tenant, [settings]), ERP)
    log = MailLog(lambda *entry: None, Metrics())
    broker = TokenBroker({"contoso": credential}, EntraFetcher(), box.clock, log)
    transport = build_transport(
        settings, hostname="gateway.contoso.example", cloud="worldwide", tokens=broker, secret=secret, log=log
    )
    try:
        yield Way(kind, box, transport, broker)
    finally:
        await transport.close()
        await broker.close()


def letter(sender: str) -> bytes:
    lines = (f"From: <{sender}>", f"To: <{OUTSIDE}>", "Message-ID: <1@contoso.example>", "Subject: x", "", "Hello", "")
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize("kind", ["exchange-smtp", "graph"])
async def test_mail_of_the_user(box: Sandbox, tmp_path: Path, kind: str) -> None:
    async with way(box, tmp_path, kind) as out:
        result = await out.send(OUTSIDE, data=letter(ERP))
        assert isinstance(result.outcomes[0], Delivered), result
    assert OUTSIDE in out.arrived


async def test_mail_of_a_shared_mailbox(box: Sandbox, tmp_path: Path) -> None:
    """XOAUTH2 names the mailbox, the token the user (V: Microsoft Learn, legacy protocols)."""
    box.world.patch({"tenant": {"mailboxes": {SHARED: {"send_as": [ERP]}}}})
    async with way(box, tmp_path, "exchange-smtp", mailbox=SHARED) as out:
        result = await out.send(OUTSIDE, data=letter(SHARED), sender=SHARED)
        assert isinstance(result.outcomes[0], Delivered), result
    assert box.recorder.dialogues[-1].user == SHARED


@pytest.mark.parametrize("kind", ["exchange-smtp", "graph"])
async def test_pain_02_a_revoked_sign_in_holds_mail_and_says_what_to_do(
    box: Sandbox, tmp_path: Path, kind: str
) -> None:
    async with way(box, tmp_path, kind) as out:
        since = (box.clock.now() + timedelta(seconds=30)).isoformat()
        box.world.patch({"tenant": {"mailboxes": {ERP: {"sessions_valid_from": since}}}})
        result = await out.send(OUTSIDE, data=letter(ERP))
        outcome = result.outcomes[0]
        assert isinstance(outcome, Deferred)
        assert outcome.lane_fault == Fault.TOKEN
        alarm, _ = words(Fault.TOKEN, outcome.reply)
        assert "mailferry login contoso" in alarm
    assert out.arrived == []
