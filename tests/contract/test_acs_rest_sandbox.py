"""acs-rest against the sandbox: what users of the service tell of."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mailferry.m365.errors import explain
from mailferry.mail.outcome import Delivered
from mailferry.routes.presets import budget
from mailferry.routes.settings import RouteSettings
from mailferry.sandbox.certificates import Keys, make_keys
from mailferry.sandbox.faults import Fault
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings
from support.sandbox_lab import BEFORE
from support.sandbox_routes import Way, way
from support.transport_contract import assert_delivered, assert_failed, assert_held, kinds, only

ANNA, BEN, OUTSIDE = "anna@contoso.example", "ben@contoso.example", "ann@fabrikam.example"


@pytest.fixture(scope="module")
def keys() -> Keys:
    return make_keys()


@pytest.fixture
async def box(keys: Keys) -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(at=BEFORE, running=False), keys=keys) as sandbox:
        yield sandbox


@pytest.fixture(params=["acs-rest", "acs-rest-oauth"])
async def out(request: pytest.FixtureRequest, box: Sandbox) -> AsyncIterator[Way]:
    async with way(box, request.param) as made:
        yield made


async def test_a_message_arrives(out: Way) -> None:
    assert_delivered(await out.send(ANNA, OUTSIDE))
    assert out.arrived == [ANNA, OUTSIDE]
    asked = [one.method for one in out.box.recorder.requests if one.surface == "acs-rest"]
    assert asked == ["POST", "GET", "GET"], "it was still running when it was first asked for"


async def test_who_is_suppressed_fails_with_the_cause(out: Way) -> None:
    entry = {OUTSIDE: {"until": "2099-01-01T00:00:00Z"}}
    out.box.world.patch({"tenant": {"communication": {"suppressed": entry}}})
    result = await out.send(OUTSIDE)
    assert_failed(result, "EmailDroppedAllRecipientsSuppressed", "all recipients were suppressed", "operation ")
    (fact, *_) = explain(str(only(result).reply))
    assert fact.id == "acs-suppressed"
    assert out.arrived == []


async def test_a_sender_of_a_domain_that_is_not_linked_waits(out: Way) -> None:
    letter = b"From: erp@fabrikam.example\r\nSubject: order\r\n\r\nHello\r\n"
    assert_held(await out.send(ANNA, data=letter, sender="erp@fabrikam.example"), "sender", "404 DomainNotLinked")


async def test_the_minute_that_smtp_has_used_up(out: Way) -> None:
    out.box.world.tune(acs={"messages_per_minute": 1})
    async with way(out.box, "acs-smtp") as smtp:
        assert_delivered(await smtp.send(ANNA))
    result = await out.send(BEN)
    assert_held(result, "throttle", "429 TooManyRequests")
    assert only(result).retry_after == 61  # type: ignore[union-attr]


async def test_an_answer_that_is_lost(out: Way) -> None:
    lost = {
        "surface": "acs-rest",
        "at": "response",
        "action": "take-and-drop",
        "match": {"operation": "send"},
        "count": 1,
    }
    out.box.faults.add(Fault.model_validate(lost))
    assert_delivered(await out.send(ANNA))
    assert out.arrived == [ANNA], "once"


@pytest.mark.parametrize("known", ["conflict", "accept"])
async def test_another_gateway_process_finds_what_the_first_had_begun(box: Sandbox, known: str) -> None:
    """Even without a look: the id is the same, and the service sends by it once."""
    box.world.tune(acs={"known_operation": known})
    for _ in range(2):
        async with way(box, "acs-rest") as out:
            assert kinds(await out.send(ANNA)) == [Delivered]
    assert out.arrived == [ANNA]


def test_smtp_and_rest_share_what_the_subscription_may_send() -> None:
    smtp = {"name": "a", "type": "acs-smtp", "username": "gateway", "password": {"env": "X"}}
    endpoint = "https://contoso.communication.azure.com"
    rest = {"name": "b", "type": "acs-rest", "endpoint": endpoint, "access_key": {"env": "X"}}
    assert budget(RouteSettings.model_validate(smtp)) == budget(RouteSettings.model_validate(rest))


async def test_a_key_that_is_wrong_holds_the_lane(box: Sandbox) -> None:
    async with way(box, "acs-rest", access_key={"env": "d3Jvbmc="}) as out:
        result = await out.send(ANNA)
        assert_held(result, "login", "401 Denied", "Denied by the resource provider")
        assert "d3Jvbmc=" not in repr(result)
