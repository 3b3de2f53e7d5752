"""The pains of other gateways' users that concern client submission with OAuth, each by its number in the survey of
issue threads, against the sandbox: the switches beside it, what its refusals mean, its limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mailferry.delivery.budget import Budget
from mailferry.m365.errors import ErrorFact, explain
from mailferry.routes.api import Result
from mailferry.sandbox.certificates import Keys, make_keys
from mailferry.sandbox.faults import Fault
from mailferry.sandbox.organisation import SECRET_CLIENT_ID, SECRET_OBJECT_ID, SECRET_SERVICE_PRINCIPAL
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings
from support.sandbox_lab import AFTER
from support.sandbox_routes import ERP, LETTER, way
from support.transport_contract import assert_delivered, assert_held, only

ANNA, SCANNER = "anna@contoso.example", "scanner@contoso.example"
GRANTED = {"full_access": [SECRET_SERVICE_PRINCIPAL], "send_as": [SECRET_SERVICE_PRINCIPAL]}


@pytest.fixture(scope="module")
def keys() -> Keys:
    return make_keys()


@pytest.fixture
async def box(keys: Keys) -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(at=AFTER, running=False), keys=keys) as sandbox:
        yield sandbox


def mailbox(**changes: Any) -> dict[str, object]:
    """A change of the sending mailbox."""
    return {"mailboxes": {ERP: changes}}


def registered(object_id: str) -> dict[str, object]:
    """A change of what New-ServicePrincipal was given for the application."""
    return {"service_principals": [{"app_id": SECRET_CLIENT_ID, "object_id": object_id}]}


def explained(result: Result) -> ErrorFact:
    (fact, *_) = explain(str(only(result).reply))
    return fact


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"smtp_client_authentication_disabled": True}, "smtp-auth-disabled-tenant"),
        (mailbox(smtp_client_authentication_disabled=True), "smtp-auth-disabled-mailbox"),
    ],
    ids=["tenant", "mailbox"],
)
async def test_pain_06_the_smtp_auth_switch_stops_oauth_too_and_is_named(
    box: Sandbox, change: dict[str, object], cause: str
) -> None:
    """The mail waits, the switch is named with the command that turns it, and what needs no SMTP goes on."""
    box.world.patch({"tenant": change})
    async with way(box, "exchange-smtp") as out, way(box, "graph") as other:
        result = await out.send(ANNA)
        assert_held(result, "login", "SmtpClientAuthentication is disabled")
        assert explained(result).id == cause
        assert explained(result).commands == ("Set-CASMailbox <mailbox> -SmtpClientAuthenticationDisabled $false",)
        assert out.arrived == []
        assert_delivered(
            await other.send(ANNA, data=LETTER.replace(b"Subject:", b"To: anna@contoso.example\r\nSubject:"))
        )
        box.world.patch({"tenant": mailbox(smtp_client_authentication_disabled=False)})  # what the command does
        assert_delivered(await out.send(ANNA))


@pytest.mark.parametrize(
    "change",
    [
        {"security_defaults": True},
        {"authentication_policies": {"no Basic": {}}, "default_authentication_policy": "no Basic"},
        {"block_legacy_authentication": True},
        {},
    ],
    ids=["security defaults", "authentication policy", "conditional access", "the retirement itself"],
)
async def test_pain_07_what_stops_every_password_stops_no_token(box: Sandbox, change: dict[str, object]) -> None:
    """Whatever the mailbox's own switch says: with OAuth none of them matters."""
    box.world.patch({"tenant": change | mailbox(smtp_client_authentication_disabled=False)})
    async with way(box, "exchange-smtp") as out:
        assert_delivered(await out.send(ANNA))


@pytest.mark.parametrize(
    ("change", "fault", "cause", "words"),
    [
        ({"smtp_client_authentication_disabled": True}, "login", "smtp-auth-disabled-tenant", "whole tenant"),
        (mailbox(smtp_client_authentication_disabled=True), "login", "smtp-auth-disabled-mailbox", "mailbox"),
        (registered(SECRET_OBJECT_ID), "login", "auth-unsuccessful", "enterprise application"),
        (mailbox(full_access=[]), "login", "auth-unsuccessful", "in scope"),
        (mailbox(send_as=[]), "sender", "mailbox-logon-failure", "permission on the"),
    ],
    ids=["tenant switch", "mailbox switch", "id of the registration", "no full access", "no send-as"],
)
async def test_pain_08_each_cause_is_told_from_the_others_and_holds_the_mail(
    box: Sandbox, change: dict[str, object], fault: str, cause: str, words: str
) -> None:
    """What shares one answer (5.7.3) is told together, the most frequent first; `mailferry doctor` tells it apart."""
    async with way(box, "exchange-smtp") as out:
        box.world.patch({"tenant": change})
        result = await out.send(ANNA)
        assert_held(result, fault)
        found = explained(result)
        assert (found.id, words in f"{found.cause.en} {found.cure.en}") == (cause, True), found
        assert found.cure.ja
        assert out.arrived == []


async def test_pain_08_a_secret_that_is_wrong_says_so_itself(box: Sandbox) -> None:
    async with way(box, "exchange-smtp") as out:
        box.world.patch({"tenant": {"applications": {SECRET_CLIENT_ID: {"secrets": []}}}})
        assert_held(await out.send(ANNA), "token", "The client secret is wrong")


async def test_pain_25_full_access_is_no_send_as_and_the_cure_is_told(box: Sandbox) -> None:
    """A shared mailbox's address in From, sent by another mailbox: held, not bounced; granted, it goes."""
    shared = {"tenant": {"mailboxes": {ANNA: {"full_access": [ERP, SECRET_SERVICE_PRINCIPAL], "send_as": []}}}}
    box.world.patch(shared)
    data = LETTER.replace(ERP.encode(), ANNA.encode())
    async with way(box, "exchange-smtp") as out:
        result = await out.send(SCANNER, data=data, sender=ANNA, mailbox=ERP)
        assert_held(result, "sender", "SendAsDenied")
        found = explained(result)
        assert found.id == "send-as-denied"
        assert any("Add-RecipientPermission" in one and "SendAs" in one for one in found.commands)
        assert out.arrived == []
        box.world.patch({"tenant": {"mailboxes": {ANNA: {"send_as": [ERP]}}}})
        assert_delivered(await out.send(SCANNER, data=data, sender=ANNA, mailbox=ERP))
        assert ANNA.encode() in box.mail.find(box=SCANNER)[0].raw


async def test_pain_33_thirty_a_minute_by_the_services_own_count(box: Sandbox) -> None:
    """Ninety messages of one mailbox: never a refusal, and no slower than the published rate allows."""
    async with way(box, "exchange-smtp") as out:
        limits = out.transport.limits
        assert (limits.messages_per_minute, limits.connections) == (30, 3)
        budget, begin, sent = Budget(limits), box.clock.time(), 0
        while sent < 90:
            now = box.clock.time()
            if budget.free(now).messages < 1:
                box.clock.advance(budget.when(now, 1) - now)
                continue
            budget.start(1)
            result = await out.send(ANNA)
            budget.finish(1, box.clock.time(), used=result.handed_over)
            assert_delivered(result)
            sent += 1
        assert 120 <= box.clock.time() - begin <= 180


async def test_pain_33_three_connections_at_once_and_a_fourth_is_waited_out(box: Sandbox) -> None:
    async with way(box, "exchange-smtp") as out:
        most = out.transport.limits.connections
        for result in await asyncio.gather(*(out.send(ANNA, number=number) for number in range(most))):
            assert_delivered(result)
        box.faults.add(
            Fault(
                surface="smtp",
                at="end",
                action="reply",
                count=1,
                reply="432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded [Hostname=x]",
            )
        )
        result = await out.send(ANNA)
        assert_held(result, "throttle", "432 4.3.2")
        assert_delivered(await out.send(ANNA))
