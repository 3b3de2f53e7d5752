"""High Volume Email: who may log in, as whom, to whom, how much."""

from __future__ import annotations

from datetime import date

import pytest

from mailferry.sandbox import organisation_services as seeds
from mailferry.sandbox.mailbox import Folder
from mailferry.sandbox.organisation import SECRET_CLIENT_ID
from support.sandbox_lab import Lab, b64
from support.services_lab import ACCOUNT, bulk_token, hve, reach

ANNA = "anna@contoso.example"


def account(lab: Lab, **changes: object) -> None:
    lab.world.patch({"tenant": {"hve_accounts": {ACCOUNT: changes}}})


def by_token(lab: Lab, token: str, user: str = ACCOUNT) -> str:
    return reach(lab, "hve").secure().xoauth2(user, token)


def test_login_and_xoauth2_are_offered_over_tls_only(lab: Lab) -> None:
    wire = reach(lab, "hve")
    assert "AUTH" not in wire.say("EHLO device")
    wire.secure()
    hello = wire.say("EHLO device")
    assert "AUTH LOGIN XOAUTH2" in hello
    assert "SIZE 10485760" in hello


def test_an_account_sends_to_the_organisation_and_keeps_no_copy(lab: Lab) -> None:
    assert hve(lab).send(ACCOUNT, ANNA, "ben@contoso.example").startswith("250 2.0.0 OK <")
    assert [m.folder for m in lab.world.store] == [Folder.INBOX, Folder.INBOX]
    (first, _) = lab.world.store
    assert (first.received.surface, first.received.user) == ("hve", ACCOUNT)


def test_an_application_that_is_allowed_sends(lab: Lab) -> None:
    wire = reach(lab, "hve").secure()
    assert wire.xoauth2(ACCOUNT, bulk_token(lab)).startswith("235")
    assert wire.send(ACCOUNT, ANNA).startswith("250")
    (message,) = lab.world.store
    assert message.received.client_id == seeds.BULK_CLIENT_ID


def test_reply_to_of_the_account(lab: Lab) -> None:
    account(lab, reply_to="desk@contoso.example")
    own = f"From: {ACCOUNT}\r\nReply-To: erp@contoso.example\r\n\r\nx\r\n".encode()
    hve(lab).send(ACCOUNT, ANNA)
    hve(lab).send(ACCOUNT, ANNA, message=own)
    first, second = lab.world.store
    assert b"Reply-To: desk@contoso.example\r\n" in first.delivered
    assert second.delivered.count(b"Reply-To: ") == 1


# -- login ------------------------------------------------------------------------------------------------------------


def test_a_token_close_to_its_end_is_refused(lab: Lab) -> None:
    token = bulk_token(lab)
    expires = lab.checker.check(
        token,
        now=lab.clock.time(),
        tenant_id=lab.world.tenant.tenant_id,
        audiences=("https://outlook.office.com",),
    ).expires
    lab.clock.set(expires - 600)
    assert by_token(lab, token).startswith("235")
    lab.clock.set(expires - 599)
    assert by_token(lab, token) == "535 5.7.142 Token will expire soon"
    lab.clock.set(expires)
    assert by_token(lab, token) == "535 5.7.143 Expired token"


def test_other_refusals_of_tokens(lab: Lab) -> None:
    assert by_token(lab, bulk_token(lab, roles=())).startswith("535 5.7.144 XOAUTH2 authentication failed.")
    assert by_token(lab, "rubbish").startswith("535 5.7.3 Authentication unsuccessful")
    assert by_token(lab, bulk_token(lab, audience="https://graph.microsoft.com")).startswith("535 5.7.3")
    assert by_token(lab, bulk_token(lab), "nobody@contoso.example").startswith("535 5.7.3")
    account(lab, allowed_apps=[])
    assert by_token(lab, bulk_token(lab)).startswith("550 5.7.240 The application is not allowed for use with")


def test_another_application_with_the_permission_is_not_allowed(lab: Lab) -> None:
    other = lab.token(SECRET_CLIENT_ID, audience="https://outlook.office.com", roles=("Mail.Send",))
    assert by_token(lab, other).startswith("550 5.7.240")


@pytest.mark.parametrize(
    ("argument", "status"),
    [
        ("auth=Bearer x\x01\x01", "5.5.122"),
        ("user=\x01auth=Bearer x\x01\x01", "5.5.122"),
        (f"user={ACCOUNT}\x01\x01", "5.5.123"),
        (f"user={ACCOUNT}\x01auth=Basic x\x01\x01", "5.5.124"),
        (f"user={ACCOUNT}\x01auth=Bearer \x01\x01", "5.5.125"),
        (f"user={ACCOUNT}\x01auth=Bearer x", "5.5.121"),
    ],
)
def test_malformed_arguments(lab: Lab, argument: str, status: str) -> None:
    reply = reach(lab, "hve").secure().say("AUTH XOAUTH2 " + b64(argument))
    assert reply.startswith(f"501 {status} Invalid XOAUTH2 argument")


def test_the_smtp_auth_switch_means_nothing_here(lab: Lab) -> None:
    lab.world.patch({"tenant": {"smtp_client_authentication_disabled": True}})
    hve(lab)
    assert by_token(lab, bulk_token(lab)).startswith("235")


def test_security_defaults_and_policies_stop_passwords_but_not_tokens(lab: Lab) -> None:
    refusal = "535 5.7.139 Authentication unsuccessful, the organization configuration doesn't allow"
    lab.world.patch({"tenant": {"security_defaults": True}})
    assert reach(lab, "hve").secure().login(ACCOUNT, seeds.HVE_PASSWORD).startswith(refusal)
    lab.world.patch(
        {
            "tenant": {
                "security_defaults": False,
                "authentication_policies": {"no Basic": {}},
                "default_authentication_policy": "no Basic",
            }
        }
    )
    assert reach(lab, "hve").secure().login(ACCOUNT, seeds.HVE_PASSWORD).startswith(refusal)
    assert by_token(lab, bulk_token(lab)).startswith("235")
    account(lab, authentication_policy="SMTP Basic exception")
    hve(lab)


def test_passwords_outlive_those_of_client_submission(lab: Lab) -> None:
    lab.clock.set(date(2027, 1, 5))
    hve(lab)
    lab.clock.set(date(2028, 10, 1))
    wire = reach(lab, "hve").secure()
    assert wire.login(ACCOUNT, seeds.HVE_PASSWORD).startswith("535 5.7.139")


def test_a_wrong_password(lab: Lab) -> None:
    wire = reach(lab, "hve").secure()
    assert wire.login(ACCOUNT, "wrong").startswith("535 5.7.3 Authentication unsuccessful [")
    assert wire.say(f"MAIL FROM:<{ACCOUNT}>").startswith("530 5.7.57 Client not authenticated to send mail. Error: 535")


# -- mail -------------------------------------------------------------------------------------------------------------


def test_a_mailbox_is_no_account(lab: Lab) -> None:
    wire = reach(lab, "hve").secure()
    assert wire.login("erp@contoso.example", "sandbox-password-erp").startswith("235")
    assert wire.say("MAIL FROM:<erp@contoso.example>").startswith("550 5.2.240")


def test_another_sender_is_refused_in_the_envelope_and_in_from(lab: Lab) -> None:
    wire = hve(lab)
    assert wire.send("erp@contoso.example", ANNA).startswith("550 5.7.62")
    message = b"From: ERP <erp@contoso.example>\r\n\r\nx\r\n"
    assert wire.send(ACCOUNT, ANNA, message=message).startswith("550 5.6.241")
    assert wire.send(ACCOUNT, ANNA, message=b"Subject: no From\r\n\r\nx\r\n").startswith("550 5.6.241")
    assert len(lab.world.store) == 0


@pytest.mark.parametrize("stage", ["rcpt", "data"])
def test_external_recipients_are_refused(lab: Lab, stage: str) -> None:
    lab.world.tune(hve={"external_stage": stage, "external_refusal": "550 5.7.9 Not outside"})
    wire = hve(lab)
    wire.say(f"MAIL FROM:<{ACCOUNT}>")
    assert wire.say("RCPT TO:<ann@fabrikam.example>").startswith("550 5.7.9" if stage == "rcpt" else "250")
    wire.say("RSET")
    assert wire.send(ACCOUNT, ANNA, "ann@fabrikam.example") == "550 5.7.9 Not outside"
    assert len(lab.world.store) == 0


def test_fifty_recipients_and_no_more(lab: Lab) -> None:
    wire = hve(lab)
    wire.say(f"MAIL FROM:<{ACCOUNT}>")
    for _ in range(50):
        assert wire.say(f"RCPT TO:<{ANNA}>").startswith("250")
    assert wire.say(f"RCPT TO:<{ANNA}>") == "452 4.5.3 Too many recipients"


def test_ten_megabytes_and_no_more(lab: Lab) -> None:
    wire = hve(lab)
    assert wire.say(f"MAIL FROM:<{ACCOUNT}> SIZE=10485761").startswith("552 5.3.4")
    assert wire.say(f"MAIL FROM:<{ACCOUNT}> SIZE=10485760").startswith("250")


@pytest.mark.parametrize("unknown", ["reject", "ndr"])
def test_an_unknown_recipient(lab: Lab, unknown: str) -> None:
    lab.world.tune(hve={"unknown_recipients": unknown})
    reply = hve(lab).send(ACCOUNT, "nobody@contoso.example")
    assert reply.startswith("550 5.1.10" if unknown == "reject" else "250")
    assert len(lab.world.store) == 0


def test_without_valid_billing_nothing_is_sent(lab: Lab) -> None:
    account(lab, billing="SubscriptionIsNotActive")
    assert hve(lab).send(ACCOUNT, ANNA).startswith("550 5.7.1 The High Volume Email account has no valid billing")
    lab.clock.set(date(2026, 5, 31))  # metered from 2026-06-01
    assert hve(lab).send(ACCOUNT, ANNA).startswith("250")


def test_ten_applications_at_most(lab: Lab) -> None:
    with pytest.raises(ValueError, match="at most 10"):
        account(lab, allowed_apps=[str(number) for number in range(11)])
