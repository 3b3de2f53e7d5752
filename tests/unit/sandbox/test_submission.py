"""What becomes of a message: limits with a clock that is moved by hand, permissions, folders, reports."""

from __future__ import annotations

import re

import pytest

from mailferry.sandbox.exchange_talk import Then
from mailferry.sandbox.mailbox import Folder
from mailferry.sandbox.organisation import SECRET_SERVICE_PRINCIPAL
from support.sandbox_lab import Lab, Wire

SCANNER, IT = "scanner@contoso.example", "it@contoso.example"
OUTSIDE = "buyer@fabrikam.example"


def send_many(wire: Wire, count: int) -> list[str]:
    return [wire.send(SCANNER, OUTSIDE)[:3] if wire.session.then is Then.READ else "" for _ in range(count)]


# Folders


def test_internal_external_and_sent_items(lab: Lab) -> None:
    """V: techcommunity 607825: submissions by SMTP AUTH are copied to Sent Items."""
    message = b"From: scanner@contoso.example\r\nTo: x\r\nMessage-ID: <1@device>\r\n\r\n..dots\r\n\r\n\xe9\r\n"
    wire = lab.logged_in()
    stuffed = message.replace(b"\r\n..dots", b"\r\n...dots")
    assert wire.send(SCANNER, IT, OUTSIDE, message=stuffed).startswith("250 2.0.0 OK <1@device> [Hostname=")
    copies = {(m.box, m.folder): m for m in lab.world.store}
    assert set(copies) == {(IT, Folder.INBOX), (OUTSIDE, Folder.EXTERNAL), (SCANNER, Folder.SENT)}
    assert {m.raw for m in copies.values()} == {message}
    received = copies[IT, Folder.INBOX].received
    assert received.recipients == (IT, OUTSIDE)
    assert (received.user, received.mechanism, received.tls, received.message_id) == (
        SCANNER,
        "LOGIN",
        "TLSv1.3",
        "1@device",
    )


def test_sent_items_copy_can_be_switched_off(lab: Lab) -> None:
    """V: Set-Mailbox -MessageCopyForSMTPClientSubmissionEnabled."""
    lab.mailbox("scanner", message_copy_for_smtp_client_submission_enabled=False)
    lab.logged_in().send(SCANNER, IT)
    assert [m.folder for m in lab.world.store] == [Folder.INBOX]


def test_alias_is_delivered_to_its_mailbox(lab: Lab) -> None:
    lab.mailbox("it", aliases=["helpdesk@contoso.example"])
    lab.logged_in().send(SCANNER, "HelpDesk@Contoso.Example")
    assert lab.world.store.find(box=IT)[0].received.recipients == ("HelpDesk@Contoso.Example",)


def test_trace_headers_are_the_fingerprint_of_smtp_auth(lab: Lab) -> None:
    """O 2021-2023: "via Frontend Transport", "with mapi id", X-ClientProxiedBy; the client's own headers survive."""
    lab.logged_in().send(SCANNER, IT)
    message = lab.world.store.find(box=IT)[0]
    trace = "\n".join(message.trace)
    assert re.search(r"^Received: from \S+ \(\[fe80::\S+\]\) by \S+ \(\[fe80::\S+%5\]\) with mapi id ", trace, re.M)
    assert re.search(
        r"^Received: from device \(192\.0\.2\.10\) by .*version=TLS1_3.* via Frontend Transport; ", trace, re.M
    )
    assert re.search(r"^X-ClientProxiedBy: \S+ \(\S+\) To \S+ \(\S+\)$", trace, re.M)
    assert message.delivered.endswith(message.raw)
    assert message.delivered.startswith(b"Received: ")


def test_message_id_is_made_when_the_client_sends_none(lab: Lab) -> None:
    reply = lab.logged_in().send(SCANNER, IT)
    message = lab.world.store.find(box=IT)[0]
    assert f"<{message.received.message_id}>" in reply
    assert message.trace[-1] == f"Message-ID: <{message.received.message_id}>"


def test_whose_id_the_answer_shows_is_a_setting(lab: Lab) -> None:
    lab.world.tune(queued_id="server")
    reply = lab.logged_in().send(SCANNER, IT, message=b"From: scanner@contoso.example\r\nMessage-ID: <1@d>\r\n\r\n")
    assert "<1@d>" not in reply
    assert lab.world.store.find(message_id="<1@d>")


def test_old_messages_are_dropped_and_counted(lab: Lab) -> None:
    lab.world.tune(keep_messages=3)
    wire = lab.logged_in()
    for _ in range(3):
        wire.send(SCANNER, IT)
    store = lab.world.store
    assert (len(store), store.dropped, store.accepted) == (3, 3, 3)


# Permissions


@pytest.mark.parametrize("where", ["envelope", "header"])
def test_send_as_denied_comes_after_the_data(lab: Lab, where: str) -> None:
    """O 2025-11-23, G:51970297327: MAIL and RCPT are accepted first; the refusal runs to kilobytes."""
    sender = "erp@contoso.example" if where == "envelope" else SCANNER
    reply = lab.logged_in().send(sender, OUTSIDE, message=b"From: ERP <erp@contoso.example>\r\n\r\nx\r\n")
    assert reply.startswith(
        "554 5.2.252 SendAsDenied; scanner@contoso.example not allowed to send as erp@contoso.example;"
        " STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due"
        " to a permanent exception with message [BeginDiagnosticData]Cannot submit message. 1.84300:0A000000,"
    )
    assert re.search(r"\[EndDiagnosticData\] \[Hostname=SBXP290MB\d{4}\.SBXP290\.PROD\.OUTLOOK\.COM\]$", reply)
    assert len(reply) > 1024
    assert not len(lab.world.store)


def test_send_as_permission(lab: Lab) -> None:
    lab.mailbox("erp", send_as=[SCANNER])
    assert lab.logged_in().send("erp@contoso.example", OUTSIDE).startswith("250")


def test_message_without_from(lab: Lab) -> None:
    assert lab.logged_in().send(SCANNER, OUTSIDE, message=b"Subject: x\r\n\r\nx\r\n").startswith("250")


def test_null_reverse_path(lab: Lab) -> None:
    assert lab.logged_in().send("", OUTSIDE, message=b"From: scanner@contoso.example\r\n\r\nx\r\n").startswith("250")


def test_classic_grant_without_send_as(lab: Lab) -> None:
    """O: G:6819437402; the text is not verified."""
    lab.mailbox("scanner", send_as=["someone@contoso.example"])
    wire = lab.connect().secure()
    assert wire.xoauth2(SCANNER, lab.token()).startswith("235")
    assert wire.send(SCANNER, OUTSIDE).startswith("430 4.2.0 STOREDRV; mailbox logon failure")
    lab.world.tune(classic_needs_send_as=False)
    assert wire.send(SCANNER, OUTSIDE).startswith("250")
    assert SECRET_SERVICE_PRINCIPAL in lab.world.tenant.mailboxes[SCANNER].full_access


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"restricted": True}, "550 5.1.8 Access denied, bad outbound sender"),  # V: NDR list
        ({"full": True}, "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException"),  # V
        ({"max_send_size": 20}, "552 5.3.4 Message size exceeds fixed maximum message size"),  # O
    ],
)
def test_state_of_the_mailbox(lab: Lab, changes: dict[str, object], expected: str) -> None:
    lab.mailbox("scanner", **changes)
    assert lab.logged_in().send(SCANNER, OUTSIDE).startswith(expected)
    assert not len(lab.world.store)


def test_full_mailbox_sends_when_nothing_is_copied(lab: Lab) -> None:
    """V: it is the Sent Items copy that fills the mailbox."""
    lab.mailbox("scanner", full=True, message_copy_for_smtp_client_submission_enabled=False)
    assert lab.logged_in().send(SCANNER, OUTSIDE).startswith("250")


# Limits


def test_fourth_connection_is_told_at_end_of_data(lab: Lab) -> None:
    """V: techcommunity 607825 (three); O: G:28532023436 (text and stage)."""
    wires = [lab.logged_in() for _ in range(4)]
    assert [w.send(SCANNER, OUTSIDE)[:3] for w in wires] == ["250", "250", "250", "432"]
    expected = "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more"
    assert wires[3].send(SCANNER, OUTSIDE).startswith(f"{expected} information. [Hostname=SBXP290MB")
    wires[0].session.closed()
    assert wires[3].send(SCANNER, OUTSIDE).startswith("250")


def test_other_mailboxes_connections_do_not_count(lab: Lab) -> None:
    for _ in range(3):
        lab.logged_in("erp")
    assert lab.logged_in().send(SCANNER, OUTSIDE).startswith("250")


def test_message_rate_carries_over_to_the_next_minute(lab: Lab) -> None:
    """V: smtp-submission-improvements: excess is throttled and carried over."""
    wire = lab.logged_in()
    assert send_many(wire, 31) == ["250"] * 30 + [""]
    assert wire.session.then is Then.PAUSE
    assert wire.session.pause.seconds == pytest.approx(60)
    assert wire.raw(b"NOOP\r\n") == []  # what is pipelined behind it waits
    lab.clock.advance(60)
    answers = wire.session.resume().decode().splitlines()
    assert [a[:3] for a in answers] == ["250", "250"]
    assert lab.world.store.accepted == 31


def test_message_rate_rejects_when_set_so(lab: Lab) -> None:
    """O: docs Q&A 261878 quoting the service description; the text is Exchange Server's."""
    lab.world.tune(rate_excess="reject")
    wire = lab.logged_in()
    assert send_many(wire, 30) == ["250"] * 30
    expected = "421 4.4.2 Message submission rate for this client has exceeded the configured limit"
    assert wire.send(SCANNER, OUTSIDE) == expected
    lab.clock.advance(59.9)
    assert lab.logged_in().send(SCANNER, OUTSIDE) == expected
    lab.clock.advance(0.2)
    assert lab.logged_in().send(SCANNER, OUTSIDE).startswith("250")


def test_recipients_in_24_hours_slide(lab: Lab) -> None:
    """V: smtp-submission-improvements; G:4200371385."""
    lab.world.tune(recipients_per_day=5)
    wire = lab.logged_in()
    assert wire.send(SCANNER, *(f"a{n}@fabrikam.example" for n in range(3))).startswith("250")
    lab.clock.advance(3600)
    assert wire.send(SCANNER, *(f"b{n}@fabrikam.example" for n in range(3))).startswith(
        "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException"
    )
    assert wire.send(SCANNER, "b1@fabrikam.example", "b2@fabrikam.example").startswith("250")
    lab.clock.advance(23 * 3600)
    assert wire.send(SCANNER, *(f"c{n}@fabrikam.example" for n in range(3))).startswith("250")


def test_recipients_per_message(lab: Lab) -> None:
    """V: Set-Mailbox -RecipientLimits (the refusal's stage and text UNV); organisation cap at RCPT."""
    lab.mailbox("scanner", recipient_limits=2)
    lab.world.tune(envelope_recipients=3)
    wire = lab.logged_in()
    assert wire.send(SCANNER, *(f"a{n}@fabrikam.example" for n in range(3))).startswith("550 5.5.3 RESOLVER.ADR.Recip")
    assert wire.send(SCANNER, *(f"a{n}@fabrikam.example" for n in range(4))) == "452 4.5.3 Too many recipients"


def test_tenant_external_limit_comes_as_a_report(lab: Lab) -> None:
    """V: SupportArticles-docs ae5c3e0 (2026-01-07); the limit by licences: MC1023294."""
    lab.world.patch({"tenant": {"trial": True}})
    lab.world.throttles.external.add(lab.clock.time(), 4999)
    wire = lab.logged_in()
    assert wire.send(SCANNER, OUTSIDE).startswith("250")
    assert wire.send(SCANNER, OUTSIDE, IT).startswith("250")
    assert len(lab.world.store.find(box=OUTSIDE)) == 1
    assert len(lab.world.store.find(box=IT)) == 1
    (report,) = lab.world.store.find(box=SCANNER, folder=Folder.INBOX)
    assert b"Diagnostic-Code: smtp;550 5.7.232 " in report.raw.replace(b"\r\n ", b" ")
    lab.clock.advance(86_400)
    assert wire.send(SCANNER, OUTSIDE).startswith("250")
    assert len(lab.world.store.find(box=OUTSIDE)) == 2


def test_no_limit_at_all(lab: Lab) -> None:
    lab.world.tune(messages_per_minute=0, connections=0, recipients_per_day=0, tenant_external_limit=False)
    for wire in [lab.logged_in() for _ in range(5)]:
        assert send_many(wire, 40) == ["250"] * 40


# Reports


def test_unknown_internal_recipient_is_reported(lab: Lab) -> None:
    """O: 550 5.1.10 RESOLVER.ADR.RecipientNotFound in third-party copies of reports."""
    message = b"From: scanner@contoso.example\r\nSubject: scan 1\r\nMessage-ID: <1@d>\r\n\r\nsecret body\r\n"
    assert lab.logged_in().send(SCANNER, "nobody@contoso.example", IT, message=message).startswith("250")
    (report,) = lab.world.store.find(box=SCANNER, folder=Folder.INBOX)
    assert report.received.sender == ""
    assert b'multipart/report; report-type="delivery-status"' in report.raw
    assert b"Final-Recipient: rfc822;nobody@contoso.example\r\nAction: failed\r\nStatus: 5.1.10\r\n" in report.raw
    assert b"Subject: Undeliverable: scan 1\r\n" in report.raw
    assert b"In-Reply-To: <1@d>" in report.raw
    assert b"secret body" not in report.raw
    assert len(lab.world.store.find(box=IT)) == 1


def test_no_report_when_not_wanted(lab: Lab) -> None:
    wire = lab.logged_in()
    wire.raw(f"MAIL FROM:<{SCANNER}>\r\nRCPT TO:<nobody@contoso.example> NOTIFY=NEVER\r\nDATA\r\n".encode())
    wire.raw(b"From: scanner@contoso.example\r\n\r\nx\r\n.\r\n")
    assert not lab.world.store.find(box=SCANNER, folder=Folder.INBOX)


def test_unknown_internal_recipient_refused_at_rcpt(lab: Lab) -> None:
    lab.world.tune(unknown_recipients="reject")
    assert lab.logged_in().send(SCANNER, "nobody@contoso.example") == (
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient nobody@contoso.example not found by SMTP address lookup"
    )
