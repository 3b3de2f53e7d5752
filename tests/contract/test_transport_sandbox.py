"""hve, acs-smtp and the smarthost presets against the sandbox: the same contract, and the pains users tell of."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mailferry.delivery.budget import Budget
from mailferry.m365.errors import match
from mailferry.mail.outcome import Deferred, Delivered, Failed, Unknown
from mailferry.routes.api import Result
from mailferry.sandbox import organisation_services as seeds
from mailferry.sandbox.certificates import Keys, make_keys
from mailferry.sandbox.faults import Fault
from mailferry.sandbox.mailbox import Folder, header, header_block
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings
from support.sandbox_lab import AFTER, BEFORE
from support.sandbox_routes import ERP, INTERNAL_ONLY, LETTER, ROUTES, Way, surface_of, way
from support.transport_contract import assert_delivered, assert_failed, assert_held, assert_unknown, kinds

ANNA, BEN = "anna@contoso.example", "ben@contoso.example"
OUTSIDE = "ann@fabrikam.example"
ACCOUNT = f"{seeds.HVE_ACCOUNT}@contoso.example"


def relay(changes: object) -> dict[str, object]:
    """A change of the connector that lets this machine relay."""
    return {"on_premises": {"receive_connectors": {"Anonymous Relay": changes}}}


@pytest.fixture(scope="module")
def keys() -> Keys:
    return make_keys()


@pytest.fixture
async def box(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    async with Sandbox(SandboxSettings(at=BEFORE, running=False), keys=keys) as sandbox:
        yield sandbox


@pytest.fixture(params=ROUTES)
async def out(request: pytest.FixtureRequest, box: Sandbox) -> AsyncIterator[Way]:
    async with way(box, request.param) as made:
        yield made


# -- the contract -----------------------------------------------------------------------------------------------------


async def test_a_message_arrives(out: Way):
    result = await out.send(ANNA, BEN)
    assert_delivered(result)
    assert out.arrived == [ANNA, BEN]
    raw = next(iter(out.box.mail)).raw
    assert raw.endswith(b"\r\n\r\nHello\r\n")
    if out.name != "hve":
        assert raw == LETTER
    again = await out.send(BEN)
    assert_delivered(again)
    assert len([d for d in out.box.recorder.dialogues if d.surface == surface_of(out.name)]) == 1, "one connection"


async def test_who_is_outside(out: Way):
    result = await out.send(ANNA, OUTSIDE)
    if out.name in INTERNAL_ONLY:
        assert kinds(result) == [Delivered, Failed]
        assert out.arrived == [ANNA]
    else:
        assert_delivered(result)
        assert out.arrived == [ANNA, OUTSIDE]
        assert out.box.mail.find(box=OUTSIDE)[0].folder is Folder.EXTERNAL


async def test_a_large_message_and_leading_dots(out: Way):
    text = b".\r\n..x\r\n" + b"0123456789" * 7 + b"\r\n"
    data = LETTER.replace(b"Hello\r\n", text * 20_000)
    assert_delivered(await out.send(ANNA, data=data))
    (message,) = out.box.mail
    assert message.raw.partition(b"\r\n\r\n")[2] == data.partition(b"\r\n\r\n")[2]


async def test_one_refused_recipient_spares_the_others(out: Way):
    fault = {"at": "rcpt", "action": "reply", "reply": "550 5.1.1 No such user", "match": {"recipient": BEN}}
    out.box.faults.add(Fault.model_validate({"surface": surface_of(out.name)} | fault))
    assert kinds(await out.send(ANNA, BEN)) == [Delivered, Failed]
    assert out.arrived == [ANNA]


async def test_busy_services_are_tried_again(out: Way):
    for at in ("connect", "mail", "rcpt", "data", "end"):
        fault = {"at": at, "action": "reply", "reply": "451 4.7.0 Temporary server error. PRX2", "count": 1}
        out.box.faults.add(Fault.model_validate({"surface": surface_of(out.name)} | fault))
        assert set(kinds(await out.send(ANNA))) == {Deferred}, at
    assert_delivered(await out.send(ANNA))


async def test_an_envelope_over_the_limit_of_its_mailbox_goes_in_parts(out: Way):
    """The limit is the mailbox's own, so that only the refusal at the end of data tells; it refuses all alike."""
    reply = "550 5.5.3 RESOLVER.ADR.RecipLimit; too many recipients"
    fault = {"at": "end", "action": "reply", "reply": reply, "count": 1}
    out.box.faults.add(Fault.model_validate({"surface": surface_of(out.name)} | fault))
    assert_delivered(await out.send(ANNA, BEN))
    assert sorted(message.received.recipients for message in out.box.mail) == [(ANNA,), (BEN,)]
    out.box.faults.add(Fault.model_validate({"surface": surface_of(out.name)} | fault | {"count": None}))
    assert kinds(await out.send(ANNA, BEN)) == [Deferred, Deferred]


@pytest.mark.parametrize(
    ("route", "mailbox", "envelope", "sizes"),
    [
        ({}, 500, 1000, {500, 200}),  # as Microsoft ships it
        ({"limits": {"recipients_per_message": 1000}}, 1000, 1000, {1000, 200}),
        ({"limits": {"recipients_per_message": 1000}}, 500, 1000, {500, 200}),
        ({"limits": {"recipients_per_message": 0}}, 1000, 400, {400}),
        ({}, 130, 1000, {125, 100}),
        ({}, 500, 130, {130, 110, 70}),
    ],
)
async def test_every_recipient_once_whatever_client_submission_takes(
    box: Sandbox, route: dict[str, object], mailbox: int, envelope: int, sizes: set[int]
):
    """550 5.5.3 at the end of data for the mailbox's own limit, 452 4.5.3 at RCPT for the organisation's."""
    box.world.tune(envelope_recipients=envelope, messages_per_minute=0)
    box.world.patch({"tenant": {"mailboxes": {ERP: {"recipient_limits": mailbox}}}})
    everybody = [f"n{number}@fabrikam.example" for number in range(1200)]
    async with way(box, "exchange-smtp", **route) as out:
        result = await out.send(*everybody)
    assert_delivered(result)
    arrived = [message for message in box.mail if message.folder is not Folder.SENT]
    assert sorted(message.box for message in arrived) == sorted(everybody)
    assert {len(message.received.recipients) for message in arrived} == sizes


async def test_parts_of_an_envelope(box: Sandbox):
    for name in ("hve", "acs-smtp"):
        async with way(box, name) as out:
            assert_delivered(await out.send(*[ANNA] * 120))
    envelopes = [m.received for m in box.mail]
    assert {len(received.recipients) for received in envelopes} == {50, 20}
    assert len(envelopes) == 240


# -- pains, by their numbers in the list of what users of such gateways report ---------------------------------------


async def test_pain_04_hve_refuses_tokens_close_to_expiry(box: Sandbox):
    """The broker renews twenty minutes early; and should the service still refuse, once more at once."""
    async with way(box, "hve", reuse={"idle": 0}) as out:
        assert_delivered(await out.send(ANNA))
        for _ in range(12):  # a quarter of an hour each time: over several lives of a token
            box.clock.advance(900)
            assert_delivered(await out.send(ANNA))
        assert _said(box, "hve", "5.7.142") == 0
        box.world.tune(hve={"token_seconds": 2400})
        box.clock.advance(900)
        for _ in range(12):
            assert_delivered(await out.send(ANNA))
            box.clock.advance(450)
        assert _said(box, "hve", "5.7.142") > 0


async def test_pain_04_a_service_that_wants_more_than_a_token_ever_has_holds_the_mail(box: Sandbox):
    box.world.tune(hve={"token_seconds": 90 * 60})
    async with way(box, "hve") as out:
        assert_held(await out.send(ANNA), "login", "535 5.7.142 Token will expire soon")


async def test_pain_06_hve_works_though_the_smtp_auth_switch_is_off(box: Sandbox):
    box.world.patch({"tenant": {"smtp_client_authentication_disabled": True}})
    box.clock.set(AFTER)
    async with way(box, "hve") as out:
        assert_delivered(await out.send(ANNA))


@pytest.mark.parametrize("how", ["security defaults", "policy"])
async def test_pain_07_security_defaults_and_policies_stop_hve_passwords_not_tokens(box: Sandbox, how: str):
    policy = {"authentication_policies": {"no Basic": {}}, "default_authentication_policy": "no Basic"}
    box.world.patch({"tenant": {"security_defaults": True} if how == "security defaults" else policy})
    async with way(box, "hve", password={"env": seeds.HVE_PASSWORD}) as out:
        result = await out.send(ANNA)
        assert_held(result, "login", "the organization configuration doesn't allow")
        assert _explained(result)
    async with way(box, "hve") as out:
        assert_delivered(await out.send(ANNA))


async def test_pain_08_each_refusal_of_hve_is_told_from_the_others(box: Sandbox):
    found = []
    changes: list[dict[str, object]] = [
        {"applications": {seeds.BULK_CLIENT_ID: {"app_roles": []}}},
        {
            "applications": {seeds.BULK_CLIENT_ID: {"app_roles": ["Mail.Send"]}},
            "hve_accounts": {ACCOUNT: {"allowed_apps": []}},
        },
    ]
    for change in changes:
        box.world.patch({"tenant": change})
        async with way(box, "hve") as out:
            result = await out.send(ANNA)
            assert_held(result, "login")
            found.append(_explained(result))
    assert found == ["hve-api-permission", "hve-application-not-allowed"]


@pytest.mark.parametrize(
    ("name", "change", "fault", "explained"),
    [
        ("hve", {"hve_accounts": {ACCOUNT: {"billing": "SubscriptionIsNotActive"}}}, "service", ""),
        ("acs-smtp", {"applications": {seeds.BULK_CLIENT_ID: {"secrets": []}}}, "login", "auth-unsuccessful"),
        ("acs-smtp", {"communication": {"owners": []}}, "login", "acs-denied"),
        ("acs-smtp", {"communication": {"domains": None}}, "sender", "acs-domain-not-linked"),
        ("acs-smtp", {"communication": {"domains": {"contoso.example": ["other"]}}}, "sender", "acs-sender-username"),
        ("connector-certificate", {"inbound_connectors": None}, "service", "tenant-attribution"),
        ("connector-ip", {"banned_addresses": ["127.0.0.1"]}, "service", "banned-ip"),
        ("exchange-relay", relay(None), "sender", "relay-not-permitted"),
        ("exchange-relay", {"on_premises": {"draining": True}}, "throttle", ""),
    ],
)  # fmt: skip
async def test_pain_21_a_fault_on_our_side_holds_mail_and_bounces_none(
    box: Sandbox, name: str, change: dict[str, object], fault: str, explained: str
):
    async with way(box, name) as out:
        box.world.patch({"tenant": change})
        result = await out.send(ANNA if name == "hve" else OUTSIDE)
        assert_held(result, fault)
        if explained:
            assert _explained(result) == explained
        assert out.arrived == []


async def test_pain_21_reject_direct_send_is_a_fault_of_the_lane_with_its_cure(box: Sandbox):
    box.world.patch({"tenant": {"reject_direct_send": True}})
    async with way(box, "direct-send") as out:
        result = await out.send(ANNA)
        assert_held(result, "service", "550 5.7.68 TenantInboundAttribution; Direct Send not allowed")
        reply = result.outcomes[0].reply
        fact = match(reply.code, str(reply))
        assert fact is not None
        assert "connector" in fact.cure.en
        assert any("New-InboundConnector" in command for command in fact.commands)
    async with way(box, "connector-certificate") as out:
        assert_delivered(await out.send(ANNA)), "the cure"


async def test_pain_22_hve_replaces_from_and_the_original_is_not_lost(box: Sandbox):
    async with way(box, "hve") as out:
        assert_delivered(await out.send(ANNA))
        (message,) = box.mail
        block = header_block(message.raw)
        assert header(block, "From") == f"ERP <{ACCOUNT}>"
        assert header(block, "Reply-To") == f"ERP <{ERP}>"
        assert header(block, "X-Mailferry-Original-From") == f"ERP <{ERP}>"
        assert message.received.sender == ACCOUNT


async def test_pain_26_and_27_the_envelope_decides_who_receives(out: Way):
    data = LETTER.replace(b"Subject:", b"To: anna@contoso.example\r\nCc: it@contoso.example\r\nSubject:")
    assert_delivered(await out.send(BEN, data=data))
    assert out.arrived == [BEN]


async def test_pain_28_soft_line_breaks_survive(out: Way):
    body = b"Content-Transfer-Encoding: quoted-printable\r\n\r\nlong=\r\n line=20=\r\n=3D\r\n.\r\n"
    data = LETTER.replace(b"\r\n\r\nHello\r\n", b"\r\n" + body)
    assert_delivered(await out.send(ANNA, data=data))
    (message,) = out.box.mail
    assert message.raw.endswith(body.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize("name", ["hve", "acs-smtp"])
async def test_pain_31_what_is_too_large_is_refused_with_figures(box: Sandbox, name: str):
    async with way(box, name) as out:
        assert_failed(await out.send(ANNA, data=LETTER + b"x" * (11 << 20)), "552 5.3.4", "takes 10485760")
        assert out.arrived == []


async def test_pain_34_the_rate_of_the_acs_subscription_is_kept_for_all_clients_together(box: Sandbox):
    """Two hundred messages of four senders: never a refusal, and no slower than the published rate allows."""
    async with way(box, "acs-smtp") as out:
        budget, begin, sent = Budget(out.transport.limits), box.clock.time(), 0
        while sent < 200:
            now = box.clock.time()
            if budget.free(now).messages < 1:
                box.clock.advance(budget.when(now, 1) - now)
                continue
            budget.start(1)
            result = await out.send(OUTSIDE, sender=ERP if sent % 2 else "scanner@contoso.example")
            budget.finish(1, box.clock.time(), used=result.handed_over)
            assert_delivered(result)
            sent += 1
        assert box.clock.time() - begin <= 3600 + 5 * 60


async def test_pain_34_an_excess_that_others_caused_slows_the_lane(box: Sandbox):
    box.world.tune(acs={"messages_per_minute": 1})
    async with way(box, "acs-smtp") as out:
        assert_delivered(await out.send(OUTSIDE))
        assert_held(await out.send(OUTSIDE), "throttle", "TooManyRequests")


async def test_pain_35_a_lost_answer_is_unknown_and_seen_as_such(out: Way):
    fault = {"at": "end", "action": "take-and-drop", "count": 1}
    out.box.faults.add(Fault.model_validate({"surface": surface_of(out.name)} | fault))
    assert_unknown(await out.send(ANNA))
    assert out.arrived == [ANNA]
    assert kinds(await out.send(BEN)) == [Delivered]


async def test_pain_35_a_lost_answer_in_one_part_leaves_the_others_as_they_are(box: Sandbox):
    box.faults.add(Fault(surface="hve", at="end", action="take-and-drop", count=1, skip=1))
    async with way(box, "hve") as out:
        result = await out.send(*[ANNA] * 110)
        assert kinds(result) == [Delivered] * 50 + [Unknown] * 50 + [Delivered] * 10


@pytest.mark.parametrize("separator", [".", "|"])
async def test_pain_39_user_names_that_no_device_can_hold_stay_in_the_gateway(box: Sandbox, separator: str):
    username = separator.join(("contoso-communication", seeds.BULK_CLIENT_ID, box.tenant.tenant_id))
    async with way(box, "acs-smtp", username=username) as out:
        assert_delivered(await out.send(OUTSIDE))
        (dialogue,) = [d for d in box.recorder.dialogues if d.surface == "acs-smtp"]
        assert dialogue.mechanism == "LOGIN"


async def test_twenty_connections_to_an_exchange_relay(box: Sandbox):
    """MaxInboundConnectionPerSource: the default of the route is the default of the connector."""
    async with way(box, "exchange-relay") as out:
        assert out.transport.limits.connections == 20
        box.world.patch({"tenant": relay({"max_inbound_connection_per_source": 1})})
        assert_delivered(await out.send(OUTSIDE))
        async with way(box, "exchange-relay") as second:
            assert_held(await second.send(OUTSIDE), "throttle", "maximum number of concurrent connections")


def _said(box: Sandbox, surface: str, words: str) -> int:
    return sum(words in line for d in box.recorder.dialogues if d.surface == surface for line in d.lines)


def _explained(result: Result) -> str:
    reply = result.outcomes[0].reply
    fact = match(reply.code, str(reply))
    return fact.id if fact is not None else ""
