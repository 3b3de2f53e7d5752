"""What a user's token opens: the own mailbox, shared ones, and nothing without the permission."""

from __future__ import annotations

from typing import Any

import pytest

from mailferry.sandbox.bearer import Bearer
from mailferry.sandbox.decide import user_may_open
from mailferry.sandbox.graph_access import require, user_id
from mailferry.sandbox.graph_errors import GraphRefused
from mailferry.sandbox.organisation_identities import SIGN_IN_CLIENT_ID
from mailferry.sandbox.tenant import Mailbox
from support.sandbox_lab import Lab

ERP, SHARED = "erp@contoso.example", "scanner@contoso.example"


def token(lab: Lab, *permissions: str, audience: str = "https://outlook.office.com") -> str:
    tenant = lab.world.tenant
    user = tenant.mailboxes[ERP]
    return lab.signer.issue_user(
        application=tenant.applications[SIGN_IN_CLIENT_ID],
        tenant_id=tenant.tenant_id,
        audience=audience,
        permissions=permissions,
        user=user,
        object_id=user_id(tenant, user),
        now=lab.clock.time(),
    ).token


def test_the_own_mailbox(lab: Lab) -> None:
    wire = lab.connect().secure()
    assert wire.xoauth2(ERP, token(lab, "SMTP.Send")).startswith("235")
    assert wire.send(ERP, "someone@fabrikam.example").startswith("250")


@pytest.mark.parametrize(
    ("user", "permissions", "audience"),
    [
        (ERP, ("Mail.Send",), "https://outlook.office.com"),
        (ERP, ("SMTP.Send",), "https://graph.microsoft.com"),
        (SHARED, ("SMTP.Send",), "https://outlook.office.com"),
        ("nobody@contoso.example", ("SMTP.Send",), "https://outlook.office.com"),
    ],
)
def test_what_it_does_not_open(lab: Lab, user: str, permissions: tuple[str, ...], audience: str) -> None:
    wire = lab.connect().secure()
    assert wire.xoauth2(user, token(lab, *permissions, audience=audience)).startswith("535 5.7.3")


@pytest.mark.parametrize(("trust", "sends"), [({"full_access": [ERP]}, "430"), ({"send_as": [ERP]}, "250")])
def test_a_shared_mailbox_in_place_of_the_user(lab: Lab, trust: dict[str, Any], sends: str) -> None:
    """V: Microsoft Learn, legacy protocols: the user field holds the shared mailbox's address."""
    lab.mailbox("scanner", **trust)
    wire = lab.connect().secure()
    assert wire.xoauth2(SHARED, token(lab, "SMTP.Send")).startswith("235")
    answer = wire.send(SHARED, "someone@fabrikam.example")
    assert answer.startswith(sends) or (sends == "430" and "SendAsDenied" in answer)


def test_an_application_is_held_to_its_own_audience(lab: Lab) -> None:
    """V: an application asks for outlook.office365.com; a user's token is for outlook.office.com."""
    wire = lab.connect().secure()
    reply = wire.xoauth2(SHARED, lab.token(audience="https://outlook.office.com"))
    assert reply.startswith("535 5.7.3")


def test_graph_for_a_user(lab: Lab) -> None:
    tenant = lab.world.tenant
    bearer = lab.checker.check(
        token(lab, "Mail.Send", "Mail.Send.Shared", audience="https://graph.microsoft.com"),
        now=lab.clock.time(),
        tenant_id=tenant.tenant_id,
        audiences=("https://graph.microsoft.com",),
    )
    own, other = tenant.mailboxes[ERP], tenant.mailboxes[SHARED]
    assert require(tenant, bearer, own, ERP, "Mail.Send") is own
    shared = other.model_copy(update={"send_as": (ERP,)})
    assert require(tenant, bearer, shared, SHARED, "Mail.Send") is shared
    for box, permission in ((other, "Mail.Send"), (own, "Mail.ReadWrite"), (None, "Mail.Send")):
        with pytest.raises(GraphRefused):
            require(tenant, bearer, box, SHARED, permission)


def test_a_token_of_an_application_is_no_users() -> None:
    bearer = Bearer("a", "o", frozenset(), "x", "t", 0, 1, scopes=frozenset({"SMTP.Send"}))
    assert not user_may_open(bearer, Mailbox(address=ERP))
