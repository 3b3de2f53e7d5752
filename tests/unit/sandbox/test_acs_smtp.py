"""Azure Communication Services by SMTP: usernames, senders, rate, suppression."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mailferry.sandbox import organisation_services as seeds
from mailferry.sandbox.mailbox import Folder
from support.sandbox_lab import Lab
from support.services_lab import acs, bulk_token, reach

SENDER = "donotreply@contoso.example"
OUTSIDE = "ann@fabrikam.example"
AUDIENCE = "https://communication.azure.com"


def resource(lab: Lab, **changes: object) -> None:
    lab.world.patch({"tenant": {"communication": changes}})


def test_a_message_goes_to_the_world(lab: Lab) -> None:
    wire = acs(lab)
    assert wire.send(SENDER, OUTSIDE, "anna@contoso.example").startswith("250")
    assert [(m.box, m.folder) for m in lab.world.store] == [
        (OUTSIDE, Folder.EXTERNAL),
        ("anna@contoso.example", Folder.INBOX),
    ]


@pytest.mark.parametrize("separator", [".", "|"])
def test_the_old_usernames_still_work(lab: Lab, separator: str) -> None:
    username = separator.join(("contoso-communication", seeds.BULK_CLIENT_ID, lab.world.tenant.tenant_id))
    assert len(username) > 88, "longer than the field of many devices"
    assert reach(lab, "acs-smtp").secure().login(username, seeds.BULK_SECRET).startswith("235")
    assert reach(lab, "acs-smtp").secure().login("other" + username, seeds.BULK_SECRET).startswith("535")


def test_a_token_of_the_bound_application(lab: Lab) -> None:
    wire = reach(lab, "acs-smtp").secure()
    assert wire.xoauth2(seeds.ACS_USERNAME, bulk_token(lab, AUDIENCE, roles=())).startswith("235")
    assert wire.send(SENDER, OUTSIDE).startswith("250")


def test_refused_logins(lab: Lab) -> None:
    def login(user: str, secret: str) -> str:
        return reach(lab, "acs-smtp").secure().login(user, secret)

    assert login(seeds.ACS_USERNAME, "wrong").startswith("535")
    assert login("nobody", seeds.BULK_SECRET).startswith("535")
    wire = reach(lab, "acs-smtp").secure()
    assert wire.xoauth2(seeds.ACS_USERNAME, bulk_token(lab)).startswith("535"), "a token for Exchange"
    assert wire.xoauth2(seeds.ACS_USERNAME, lab.token(audience=AUDIENCE)).startswith("535"), "another application"
    resource(lab, owners=[])
    assert login(seeds.ACS_USERNAME, seeds.BULK_SECRET) == "535 5.7.1 Denied by the resource provider."


def test_a_secret_that_was_removed_is_refused_at_once(lab: Lab) -> None:
    acs(lab)
    lab.world.patch({"tenant": {"applications": {seeds.BULK_CLIENT_ID: {"secrets": []}}}})
    assert reach(lab, "acs-smtp").secure().login(seeds.ACS_USERNAME, seeds.BULK_SECRET).startswith("535")


def test_plain_is_not_offered_and_mail_needs_a_login(lab: Lab) -> None:
    wire = reach(lab, "acs-smtp")
    assert "AUTH" not in wire.say("EHLO device")
    wire.secure()
    assert "AUTH LOGIN XOAUTH2" in wire.say("EHLO device")
    assert wire.say("AUTH PLAIN AGEAYg==").startswith("504")
    assert wire.say(f"MAIL FROM:<{SENDER}>").startswith("530")


@pytest.mark.parametrize("stage", ["mail", "data"])
def test_the_sender_must_be_provisioned(lab: Lab, stage: str) -> None:
    lab.world.tune(acs={"sender_stage": stage})
    wire = acs(lab)
    assert "InvalidSenderUserName" in wire.send("boss@contoso.example", OUTSIDE)
    assert "DomainNotLinked" in wire.send("donotreply@fabrikam.example", OUTSIDE)
    assert len(lab.world.store) == 0


def test_thirty_a_minute_and_a_hundred_an_hour(lab: Lab) -> None:
    wire, sent = acs(lab), 0
    for _ in range(4):
        for _ in range(31):
            sent += wire.send(SENDER, OUTSIDE).startswith("250")
        lab.clock.advance(60)
    assert sent == 30 + 30 + 30 + 10
    assert wire.send(SENDER, OUTSIDE).startswith("451 4.7.1 TooManyRequests")
    lab.clock.advance(3600 - 240)
    assert wire.send(SENDER, OUTSIDE).startswith("250")


def test_fifty_recipients(lab: Lab) -> None:
    wire = acs(lab)
    wire.say(f"MAIL FROM:<{SENDER}>")
    assert {wire.say(f"RCPT TO:<{OUTSIDE}>")[:3] for _ in range(50)} == {"250"}
    assert wire.say(f"RCPT TO:<{OUTSIDE}>").startswith("452")


def test_who_bounced_is_suppressed_for_longer_each_time(lab: Lab) -> None:
    wire, gone = acs(lab), "gone@contoso.example"
    for days in (1, 2, 4, 7, 14, 14):
        assert wire.send(SENDER, gone).startswith("250")
        entry = lab.world.tenant.communication.suppressed[gone]
        assert entry.until - lab.clock.now() == timedelta(days=days)
        lab.clock.advance(days * 86400 - 1)
        assert wire.send(SENDER, gone, OUTSIDE).startswith("250"), "taken, and dropped"
        lab.clock.advance(1)
    assert len(lab.world.store.find(box=OUTSIDE)) == 6
    assert any("is suppressed" in line for d in lab.world.recorder.dialogues for line in d.lines)


def test_suppressed_recipients_may_be_refused(lab: Lab) -> None:
    resource(lab, suppressed={OUTSIDE: {"until": "2030-01-01T00:00:00+00:00"}})
    lab.world.tune(acs={"suppressed": "refuse"})
    assert "EmailDroppedAllRecipientsSuppressed" in acs(lab).send(SENDER, OUTSIDE)
