"""The effects table of the switches, the schedule, and the two grants, without a dialogue."""

from __future__ import annotations

from datetime import date

import pytest

from mailferry.sandbox import texts
from mailferry.sandbox.bearer import Bearer
from mailferry.sandbox.decide import (
    Stage,
    application_may_open,
    basic_login,
    may_send_as,
    retirement,
    smtp_switch,
    token_login,
)
from mailferry.sandbox.organisation import (
    CERTIFICATE_CLIENT_ID,
    CERTIFICATE_OBJECT_ID,
    CERTIFICATE_SERVICE_PRINCIPAL,
    SECRET_CLIENT_ID,
    SECRET_OBJECT_ID,
    SECRET_SERVICE_PRINCIPAL,
    TENANT_ID,
)
from mailferry.sandbox.texts import Text
from support.sandbox_lab import AFTER, BEFORE, Lab

SCANNER = "scanner@contoso.example"


def classic(roles: tuple[str, ...] = ("SMTP.SendAsApp",), object_id: str = SECRET_SERVICE_PRINCIPAL) -> Bearer:
    return Bearer(SECRET_CLIENT_ID, object_id, frozenset(roles), "https://outlook.office365.com", TENANT_ID, 0, 10**12)


def scoped(roles: tuple[str, ...] = ()) -> Bearer:
    return Bearer(
        CERTIFICATE_CLIENT_ID,
        CERTIFICATE_SERVICE_PRINCIPAL,
        frozenset(roles),
        "https://outlook.office365.com",
        TENANT_ID,
        0,
        10**12,
    )


def basic(lab: Lab, when: date = BEFORE, *, password_correct: bool = True, draw: float = 0.5) -> Text | None:
    world = lab.world
    mailbox = world.tenant.mailbox(SCANNER)
    return basic_login(
        world.tenant, world.behaviour, when, mailbox, password_correct=password_correct, draw=draw
    ) or retirement(world.tenant, world.behaviour, when, Stage.MAIL, draw)


def oauth(lab: Lab) -> Text | None:
    return token_login(lab.world.tenant, classic(), lab.world.tenant.mailbox(SCANNER))


#: facts 8.5, row by row: the switch, what Basic gets, what XOAUTH2 gets (None: let in), and whose word it is.
EFFECTS = [
    # V: Microsoft Learn; O: measured 2026-09-17, G:69046662300
    (
        {"smtp_client_authentication_disabled": True},
        {},
        BEFORE,
        texts.SMTP_DISABLED_TENANT,
        texts.SMTP_DISABLED_TENANT,
    ),
    (
        {},
        {"smtp_client_authentication_disabled": True},
        BEFORE,
        texts.SMTP_DISABLED_MAILBOX,
        texts.SMTP_DISABLED_MAILBOX,
    ),
    # V: New-AuthenticationPolicy (2026-08-21): the parameter governs Basic only
    (
        {"authentication_policies": {"Block": {}}, "default_authentication_policy": "Block"},
        {},
        BEFORE,
        texts.BASIC_DISABLED,
        None,
    ),
    # V: Microsoft Learn; the OAuth half is UNV
    ({"security_defaults": True}, {}, BEFORE, texts.SECURITY_DEFAULTS, None),
    # O: G:4903955032
    ({"block_legacy_authentication": True}, {}, BEFORE, texts.CRITERIA_NOT_MET, None),
    # V: Exchange Team blog 4489835 (2026-01-27); the sentence is V, its stage a setting
    ({}, {}, AFTER, texts.BASIC_RETIRED, None),
    ({"basic_auth_enabled": True}, {}, AFTER, None, None),
    ({}, {}, BEFORE, None, None),
]


@pytest.mark.parametrize(("tenant", "mailbox", "when", "for_basic", "for_oauth"), EFFECTS)
def test_effects(lab: Lab, tenant, mailbox, when, for_basic, for_oauth) -> None:
    lab.world.patch({"tenant": {**tenant, "mailboxes": {SCANNER: mailbox}}})
    assert basic(lab, when) == for_basic
    assert oauth(lab) == for_oauth


@pytest.mark.parametrize(
    ("organisation", "mailbox", "expected"),
    [
        (False, None, None),
        (False, False, None),
        (False, True, texts.SMTP_DISABLED_MAILBOX),
        (True, None, texts.SMTP_DISABLED_TENANT),
        (True, False, None),  # the mailbox wins (V: Set-CASMailbox)
        (True, True, texts.SMTP_DISABLED_MAILBOX),
    ],
)
def test_switch_is_a_tri_state(lab: Lab, organisation, mailbox, expected) -> None:
    lab.world.patch({"tenant": {"smtp_client_authentication_disabled": organisation}})
    lab.mailbox("scanner", smtp_client_authentication_disabled=mailbox)
    assert smtp_switch(lab.world.tenant, lab.world.tenant.mailbox(SCANNER)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"account_locked": True}, texts.ACCOUNT_LOCKED),
        ({"requires_mfa": True}, texts.CRITERIA_NOT_MET),
        ({"account_enabled": False}, texts.AUTHENTICATION_UNSUCCESSFUL),
        ({"password": ""}, texts.AUTHENTICATION_UNSUCCESSFUL),
    ],
)
def test_account(lab: Lab, changes, expected) -> None:
    lab.mailbox("scanner", **changes)
    assert basic(lab) == expected


def test_wrong_password_and_unknown_user(lab: Lab) -> None:
    assert basic(lab, password_correct=False) == texts.CREDENTIALS_INCORRECT
    world = lab.world
    unknown = basic_login(world.tenant, world.behaviour, BEFORE, None, password_correct=False, draw=0.0)
    assert unknown == texts.AUTHENTICATION_UNSUCCESSFUL


def test_policy_is_applied_before_the_password_is_looked_at(lab: Lab) -> None:
    """V: Microsoft Learn, "Disable Basic authentication in Exchange Online"."""
    lab.world.patch({"tenant": {"authentication_policies": {"Block": {}}, "default_authentication_policy": "Block"}})
    assert basic(lab, password_correct=False) == texts.BASIC_DISABLED


def test_own_policy_comes_before_the_organisations(lab: Lab) -> None:
    lab.world.patch({"tenant": {"authentication_policies": {"Block": {}}, "default_authentication_policy": "Block"}})
    lab.mailbox("scanner", authentication_policy="SMTP Basic exception")
    assert basic(lab) is None


@pytest.mark.parametrize(
    ("settings", "tenant", "when", "expected"),
    [
        ({}, {}, date(2026, 12, 30), None),
        ({}, {}, date(2027, 1, 1), texts.BASIC_RETIRED),
        ({"basic_disabled": "2026-12-15"}, {}, date(2026, 12, 15), texts.BASIC_RETIRED),
        ({"basic_error": "5.7.139"}, {}, AFTER, texts.BASIC_DISABLED),
        ({}, {"created": "2027-01-02"}, AFTER, texts.BASIC_RETIRED),
        ({}, {"created": "2027-01-02", "basic_auth_enabled": True}, AFTER, texts.BASIC_RETIRED),
        ({"new_tenants_may_enable": True}, {"created": "2027-01-02", "basic_auth_enabled": True}, AFTER, None),
        ({"basic_removed": "2028-01-01"}, {"basic_auth_enabled": True}, date(2027, 12, 31), None),
        ({"basic_removed": "2028-01-01"}, {"basic_auth_enabled": True}, date(2028, 1, 1), texts.BASIC_RETIRED),
    ],
)
def test_schedule(lab: Lab, settings, tenant, when, expected) -> None:
    """V: Exchange Team blog 4489835 (2026-01-27, v3.0 01-29): existing tenants, new tenants, final removal."""
    lab.world.patch({"behaviour": settings, "tenant": tenant})
    assert basic(lab, when) == expected


@pytest.mark.parametrize("stage", list(Stage))
def test_stage_of_the_retirement(lab: Lab, stage: Stage) -> None:
    lab.world.tune(basic_stage=stage.value)
    world = lab.world
    given = [retirement(world.tenant, world.behaviour, AFTER, each, 0.0) for each in Stage]
    assert given == [texts.BASIC_RETIRED if each is stage else None for each in Stage]


def test_percentage_rejects_a_share(lab: Lab) -> None:
    lab.world.tune(basic_percentage=25)
    assert [basic(lab, AFTER, draw=d) is None for d in (0.0, 0.249, 0.25, 0.99)] == [False, False, True, True]


def test_classic_grant(lab: Lab) -> None:
    """V: office-developer-exchange-docs (2026-06-19): app role, registered enterprise application, FullAccess."""
    tenant = lab.world.tenant
    scanner = tenant.mailbox(SCANNER)
    assert application_may_open(tenant, classic(), scanner)
    assert not application_may_open(tenant, classic(), tenant.mailbox("anna@contoso.example"))
    assert not application_may_open(tenant, classic(roles=()), scanner)


def test_registration_with_the_wrong_object_id(lab: Lab) -> None:
    """V: the app registration's object id instead of the enterprise application's fails."""
    wrong = [{"app_id": SECRET_CLIENT_ID, "object_id": SECRET_OBJECT_ID}]
    lab.world.patch({"tenant": {"service_principals": wrong}})
    assert oauth(lab) == texts.AUTHENTICATION_UNSUCCESSFUL


def test_rbac_grant_is_bounded_by_its_scope(lab: Lab) -> None:
    """V: smtp-app-rbac-onboarding (2025-10-17)."""
    tenant = lab.world.tenant
    assert application_may_open(tenant, scoped(), tenant.mailbox(SCANNER))
    assert not application_may_open(tenant, scoped(), tenant.mailbox("anna@contoso.example"))
    lab.world.patch({"tenant": {"groups": {"SMTP senders": ["ups@contoso.example"]}}})
    assert not application_may_open(lab.world.tenant, scoped(), lab.world.tenant.mailbox(SCANNER))


def test_rbac_assignment_without_scope_covers_all(lab: Lab) -> None:
    assignment = {"role": "Application SMTP.SendAsApp", "app": CERTIFICATE_SERVICE_PRINCIPAL}
    lab.world.patch({"tenant": {"role_assignments": [assignment]}})
    assert application_may_open(lab.world.tenant, scoped(), lab.world.tenant.mailbox("anna@contoso.example"))


def test_rbac_assignment_to_the_wrong_object_id(lab: Lab) -> None:
    assignment = {"role": "Application SMTP.SendAsApp", "app": CERTIFICATE_OBJECT_ID}
    lab.world.patch({"tenant": {"role_assignments": [assignment]}})
    assert not application_may_open(lab.world.tenant, scoped(), lab.world.tenant.mailbox(SCANNER))


def test_app_role_beside_rbac_is_held_to_mailbox_permissions(lab: Lab) -> None:
    """V: adding SMTP.SendAsApp triggers the mailbox permission check."""
    tenant = lab.world.tenant
    assert not application_may_open(tenant, scoped(("SMTP.SendAsApp",)), tenant.mailbox(SCANNER))


def test_send_as(lab: Lab) -> None:
    lab.mailbox("scanner", aliases=["copier@contoso.example"])
    lab.mailbox("it", send_as=["Scanner@contoso.example"])
    tenant = lab.world.tenant
    scanner = tenant.mailbox(SCANNER)
    assert may_send_as(tenant, scanner, "SCANNER@contoso.example")
    assert may_send_as(tenant, scanner, "copier@contoso.example")
    assert may_send_as(tenant, scanner, "it@contoso.example")
    assert not may_send_as(tenant, scanner, "erp@contoso.example")
    assert not may_send_as(tenant, scanner, "x@fabrikam.example")
