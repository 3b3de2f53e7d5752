"""sendMail in both forms: what arrives where, and what is refused with which words."""

from __future__ import annotations

import base64
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from mailferry.sandbox.mailbox import Folder
from mailferry.sandbox.serve import Sandbox
from support.sandbox_graph import ANNA, IT, MIME, OUTSIDE, SCANNER, GraphClient, listed, simple

BEN = "ben@contoso.example"

#: V: microsoft-graph-docs-contrib api-reference/v1.0/api/user-sendmail.md @0713c45, example 4, its first lines.
EXAMPLE = (
    "RnJvbTogQWRlbGUgVmFuY2UgPEFkZWxlVkBjb250b3NvLmNvbT4KVG86IEFsZXggV2lsYmVyIDxB\n"
    "bGV4V0Bjb250b3NvLmNvbT4KU3ViamVjdDpUZXN0IE1lc3NhZ2UK"
)


def parsed(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


# MIME


async def test_mime_arrives_as_it_was(box: Sandbox, graph: GraphClient) -> None:
    """V: 202, empty; always saved in Sent Items; "copies the MIME content more or less intact"."""
    heard = await graph.mime()
    assert (heard.status, heard.body) == (202, b"")
    (arrived,) = box.mail.find(box=ANNA, folder=Folder.INBOX)
    (kept,) = box.mail.find(box=SCANNER, folder=Folder.SENT)
    assert arrived.raw == kept.raw == MIME
    received = arrived.received
    assert (received.surface, received.mechanism, received.user) == ("graph", "Graph", SCANNER)
    assert (received.sender, received.recipients, received.message_id) == (SCANNER, (ANNA,), "scan-1@scanner")
    assert received.tls.startswith("TLSv1")
    assert box.mail.accepted == 1


async def test_documented_example(box: Sandbox, graph: GraphClient) -> None:
    """Its lines end in bare LF, and its base64 is broken into lines."""
    data = EXAMPLE.encode()
    heard = await graph.ask("POST", f"/users/{SCANNER}/sendMail", data=data, headers={"Content-Type": "text/plain"})
    assert heard.status == 202
    (arrived,) = box.mail.find(box="AlexW@contoso.com")
    assert arrived.folder is Folder.EXTERNAL
    assert (
        arrived.raw
        == b"From: Scanner <scanner@contoso.example>\r\nTo: Alex Wilber <AlexW@contoso.com>\r\nSubject:Test Message\r\n"
    )
    assert any(line.startswith("Message-ID: <") for line in arrived.trace)
    assert any(line.startswith("Date: ") for line in arrived.trace)


@pytest.mark.parametrize("body", [b"not base64!", b"", b"QQ=", b"From: scanner@contoso.example\r\n\r\nraw"])
async def test_malformed_mime(box: Sandbox, graph: GraphClient, body: bytes) -> None:
    """V: user-sendmail.md @0713c45, response of example 4."""
    heard = await graph.ask("POST", f"/users/{SCANNER}/sendMail", data=body, headers={"Content-Type": "text/plain"})
    assert (heard.status, heard.code) == (400, "ErrorMimeContentInvalidBase64String")
    assert heard.said == "Invalid base64 string for MIME content."
    assert len(box.mail) == 0


async def test_recipients_come_from_the_headers(box: Sandbox, graph: GraphClient) -> None:
    """O: SMTP2Graph and smtp-oauth-relay #82: Bcc is honoured and stripped; who is only in a header gets mail too."""
    raw = (
        b'To: Anna <anna@contoso.example>,\r\n "Ben, B." <ben@contoso.example>\r\nCc: it@contoso.example\r\n'
        b"bcc: eve@fabrikam.example,\r\n\tanna@contoso.example\r\nSubject: x\r\n\r\nBcc: stays in the body\r\n"
    )
    assert (await graph.mime(raw)).status == 202
    for address in (ANNA, BEN, IT, OUTSIDE):
        (arrived,) = box.mail.find(box=address)  # once, though Anna is named twice
        assert b"eve@" not in arrived.raw
        assert arrived.raw.endswith(b"\r\n\r\nBcc: stays in the body\r\n")
    (kept,) = box.mail.find(folder=Folder.SENT)
    assert b"bcc: eve@fabrikam.example,\r\n\tanna@contoso.example\r\n" in kept.raw


async def test_two_names_of_one_mailbox_make_one_copy(box: Sandbox, graph: GraphClient) -> None:
    box.world.patch({"tenant": {"mailboxes": {ANNA: {"aliases": ["a@contoso.example"]}}}})
    await graph.mime(b"To: a@contoso.example, anna@contoso.example\r\n\r\nx\r\n")
    assert len(box.mail.find(box=ANNA)) == 1


@pytest.mark.parametrize(
    ("written", "arrives"),
    [
        (b"From: scanner@contoso.example\r\n", b"From: scanner@contoso.example\r\n"),
        (b'From: "Floor 2" <Scanner@contoso.example>\r\n', b'From: "Floor 2" <Scanner@contoso.example>\r\n'),
        (b"From: mfp@contoso.example\r\n", b"From: Scanner <scanner@contoso.example>\r\n"),
        (b"From: anna@contoso.example\r\n", b"From: Scanner <scanner@contoso.example>\r\n"),
        (b"From: eve@fabrikam.example\r\n", b"From: Scanner <scanner@contoso.example>\r\n"),
        (b"", b"From: Scanner <scanner@contoso.example>\r\n"),
    ],
)
async def test_from_is_the_mailbox(box: Sandbox, graph: GraphClient, written: bytes, arrives: bytes) -> None:
    """O: emailengine outlook-client.js, smtp-oauth-relay #80: the primary address, aliases not honoured."""
    box.world.patch({"tenant": {"mailboxes": {SCANNER: {"aliases": ["mfp@contoso.example"]}}}})
    assert (await graph.mime(written + b"To: anna@contoso.example\r\n\r\nx\r\n")).status == 202
    (arrived,) = box.mail.find(box=ANNA)
    assert arrived.raw == arrives + b"To: anna@contoso.example\r\n\r\nx\r\n"
    assert arrived.received.sender == SCANNER


async def test_from_of_another_mailbox_may_be_refused_instead(box: Sandbox, graph: GraphClient) -> None:
    """O: SMTP2Graph #28 and others saw ErrorSendAsDenied for MIME."""
    box.world.tune(graph_mime_from="deny")
    raw = b"From: anna@contoso.example\r\nTo: it@contoso.example\r\n\r\nx\r\n"
    heard = await graph.mime(raw)
    assert (heard.status, heard.code) == (403, "ErrorSendAsDenied")
    box.world.patch({"tenant": {"mailboxes": {ANNA: {"send_as": [SCANNER]}}}})
    assert (await graph.mime(raw)).status == 202
    (arrived,) = box.mail.find(box=IT)
    assert (arrived.raw, arrived.received.sender) == (raw, ANNA)


async def test_no_recipient_at_all(graph: GraphClient) -> None:
    """O: G:59872245004 and 8 more; V for EWS: "returned when sending an item without recipients"."""
    for raw in (b"Subject: x\r\n\r\nx\r\n", b"To: undisclosed-recipients:;\r\n\r\nx\r\n", b"just text"):
        heard = await graph.mime(raw)
        assert (heard.status, heard.code) == (400, "ErrorInvalidRecipients")


async def test_large_mime_ignored_as_once_seen(box: Sandbox, graph: GraphClient) -> None:
    """O: microsoft-graph-docs #13979 (2021-08-25): over 2,240 kB 200 instead of 202, and nothing arrives."""
    box.world.tune(graph_mime_ignored_over=100)
    assert (await graph.mime()).status == 200
    assert len(box.mail) == 0
    assert "nothing was sent" in box.recorder.requests[-1].cause


# JSON


async def test_json(box: Sandbox, graph: GraphClient) -> None:
    message = simple(
        ANNA,
        ccRecipients=[{"emailAddress": {"name": "Bén", "address": BEN}}],
        bccRecipients=listed(OUTSIDE),
        replyTo=listed("reply@fabrikam.example"),
        subject="Grüße\r\nInjected: x",
        body={"contentType": "HTML", "content": "<p>日本語</p>"},
        importance="High",
        internetMessageHeaders=[{"name": "x-custom-header-group-id", "value": "NV001"}],
        isReadReceiptRequested=True,
    )
    assert (await graph.send(message)).status == 202
    (arrived,) = box.mail.find(box=ANNA)
    mail = parsed(arrived.raw)
    assert mail["From"] == "Scanner <scanner@contoso.example>"
    assert (mail["To"], mail["Cc"], mail["Bcc"]) == (ANNA, f"Bén <{BEN}>", None)
    assert (mail["Subject"], mail["Injected"]) == ("Grüße Injected: x", None)
    assert (mail["Reply-To"], mail["Importance"]) == ("reply@fabrikam.example", "high")
    assert mail["X-Custom-Header-Group-Id"] == "NV001"
    assert mail["Disposition-Notification-To"] == SCANNER
    assert mail["Message-ID"].strip("<>") == arrived.received.message_id
    assert mail["Date"] == "Tue, 24 Nov 2026 00:00:00 +0000"
    assert mail.get_content_type() == "text/html"
    assert mail.get_content().strip() == "<p>日本語</p>"
    assert b"\n" not in arrived.raw.replace(b"\r\n", b"")
    assert max(map(len, arrived.raw.split(b"\r\n"))) <= 998
    (kept,) = box.mail.find(folder=Folder.SENT)
    assert parsed(kept.raw)["Bcc"] == OUTSIDE
    assert len(box.mail.find(box=OUTSIDE)) == 1


@pytest.mark.parametrize(("value", "kept"), [(True, 1), (False, 0), ("false", 0), ("true", 1)])
async def test_save_to_sent_items(box: Sandbox, graph: GraphClient, value: Any, kept: int) -> None:
    """V: user-sendmail.md; its example 1 writes the string "false"."""
    assert (await graph.send(saveToSentItems=value)).status == 202
    assert len(box.mail.find(folder=Folder.SENT)) == kept


async def test_attachment(box: Sandbox, graph: GraphClient) -> None:
    """V: user-sendmail.md @0713c45, example 3."""
    attachments = [
        {
            "@odata.type": "#microsoft.graph.fileAttachment",
            "name": "attachment.txt",
            "contentType": "text/plain",
            "contentBytes": "SGVsbG8gV29ybGQh",
        },
        {
            "@odata.type": "#microsoft.graph.fileAttachment",
            "name": "logo.png",
            "contentType": "image/png",
            "contentBytes": base64.b64encode(bytes(range(256))).decode(),
            "isInline": True,
            "contentId": "logo",
        },
        {
            "@odata.type": "#microsoft.graph.fileAttachment",
            "name": "forwarded.eml",
            "contentType": "message/rfc822",
            "contentBytes": base64.b64encode(MIME).decode(),
        },
    ]
    assert (await graph.send(simple(attachments=attachments))).status == 202
    mail = parsed(box.mail.find(box=ANNA)[0].raw)
    assert mail.get_content_type() == "multipart/mixed"
    related, text, forwarded = mail.iter_parts()
    assert related.get_content_type() == "multipart/related"
    assert [part["Content-ID"] for part in related.walk()][-1] == "<logo>"
    assert (text.get_filename(), text.get_payload(decode=True)) == ("attachment.txt", b"Hello World!")
    assert (forwarded.get_content_type(), forwarded.get_payload(decode=True)) == ("application/octet-stream", MIME)


async def test_threading_headers(box: Sandbox, graph: GraphClient) -> None:
    """MAPI properties, as In-Reply-To may not go into internetMessageHeaders."""
    long = " ".join(f"<{'x' * 60}{n}@fabrikam.example>" for n in range(20))
    properties = [{"id": "String 0x1042", "value": "<a@b>"}, {"id": "String 0x1039", "value": long}]
    await graph.send(simple(singleValueExtendedProperties=properties, internetMessageId=f"<{'i' * 90}@scanner>"))
    mail = parsed(box.mail.find(box=ANNA)[0].raw)
    assert (mail["In-Reply-To"], str(mail["References"]).split()) == ("<a@b>", long.split())
    assert box.mail.find(message_id=f"<{'i' * 90}@scanner>")


@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        (simple(toRecipients=[]), 400, "ErrorInvalidRecipients"),
        (simple("not an address"), 400, "ErrorInvalidRecipients"),
        (simple("ends.with.dot.@gmail.com"), 400, "ErrorInvalidRecipients"),
        (simple(subjekt="x"), 400, "RequestBodyRead"),
        (simple(importance="urgent"), 400, "RequestBodyRead"),
        (simple(body={"contentType": "rtf", "content": ""}), 400, "RequestBodyRead"),
        (simple(toRecipients=[{"address": ANNA}]), 400, "RequestBodyRead"),
        ("text", 400, "RequestBodyRead"),
        (
            simple(internetMessageHeaders=[{"name": "In-Reply-To", "value": "<a@b>"}]),
            400,
            "InvalidInternetMessageHeader",
        ),
        (simple(internetMessageHeaders=[{"name": "x-a: b\r\nc", "value": "d"}]), 400, "InvalidInternetMessageHeader"),
        (
            simple(internetMessageHeaders=[{"name": f"x-{n}", "value": "d"} for n in range(6)]),
            400,
            "InvalidInternetMessageHeaderCollection",
        ),
        (simple(singleValueExtendedProperties=[{"id": "String 0x0037", "value": "x"}]), 501, "notImplemented"),
        (simple(attachments=[{"@odata.type": "#microsoft.graph.itemAttachment"}]), 501, "notImplemented"),
        (simple(attachments=[{"name": "x", "contentBytes": ""}]), 400, "RequestBodyRead"),
    ],
)
async def test_json_refused(box: Sandbox, graph: GraphClient, message: Any, status: int, code: str) -> None:
    heard = await graph.send(message)
    assert (heard.status, heard.code) == (status, code)
    assert len(box.mail) == 0


async def test_request_without_its_message(graph: GraphClient) -> None:
    """V: user-sendmail.md: `message` is required (its example 5, without it, contradicts the table above it)."""
    assert (await graph.post(f"/users/{SCANNER}/sendMail", simple())).code == "RequestBodyRead"
    assert (await graph.send(unknown=1)).code == "RequestBodyRead"
    for data, headers, code in (
        (b"{", {"Content-Type": "application/json"}, "BadRequest"),
        (b"[]", {"Content-Type": "application/json"}, "BadRequest"),
        (b"{}", {"Content-Type": "application/xml"}, "UnsupportedMediaType"),
    ):
        assert (await graph.ask("POST", f"/users/{SCANNER}/sendMail", data=data, headers=headers)).code == code


# Send as


async def test_send_as(box: Sandbox, graph: GraphClient) -> None:
    """V: outlook-send-mail-from-other-user.md @09a0244, example 2 word for word; Send As shows no sender."""
    message = simple(IT, **{"from": listed(ANNA)[0]})
    heard = await graph.send(message)
    assert (heard.status, heard.code) == (403, "ErrorSendAsDenied")
    assert heard.said == (
        "The user account which was used to submit this request does not have the right to send mail on behalf of the"
        " specified sending account. Cannot submit message."
    )
    box.world.patch({"tenant": {"mailboxes": {ANNA: {"send_as": [SCANNER]}}}})
    assert (await graph.send(message)).status == 202
    mail = parsed(box.mail.find(box=IT)[0].raw)
    assert (mail["From"], mail["Sender"]) == (f"Anna <{ANNA}>", None)
    assert len(box.mail.find(box=SCANNER, folder=Folder.SENT)) == 1


async def test_send_on_behalf(box: Sandbox, graph: GraphClient) -> None:
    """V: the same page: the recipient sees who sent it."""
    box.world.patch({"tenant": {"mailboxes": {ANNA: {"send_on_behalf": [SCANNER]}}}})
    assert (await graph.send(simple(IT, **{"from": listed(ANNA)[0]}))).status == 202
    mail = parsed(box.mail.find(box=IT)[0].raw)
    assert (mail["From"], mail["Sender"]) == (f"Anna <{ANNA}>", f"Scanner <{SCANNER}>")


@pytest.mark.parametrize(("enabled", "sender"), [(False, SCANNER), (True, "mfp@contoso.example")])
async def test_alias_in_from(box: Sandbox, graph: GraphClient, enabled: bool, sender: str) -> None:
    """V: Set-OrganizationConfig -SendFromAliasEnabled; off, the primary address is shown."""
    aliases = {"mailboxes": {SCANNER: {"aliases": ["mfp@contoso.example"]}}, "send_from_alias_enabled": enabled}
    box.world.patch({"tenant": aliases})
    assert (await graph.send(simple(**{"from": listed("mfp@contoso.example")[0]}))).status == 202
    assert parsed(box.mail.find(box=ANNA)[0].raw)["From"].addresses[0].addr_spec == sender


async def test_from_of_nobody(graph: GraphClient) -> None:
    assert (await graph.send(simple(**{"from": listed(OUTSIDE)[0]}))).code == "ErrorSendAsDenied"


# Limits


async def test_request_over_four_megabytes(box: Sandbox, graph: GraphClient) -> None:
    """O: microsoft-graph-docs-contrib issue 682 (2021-03-01): 413 and its sentence."""
    heard = await graph.mime(MIME + b"x" * 3_200_000)
    assert (heard.status, heard.code, heard.said) == (413, "BadRequest", "The maximum request length supported is 4MB.")
    assert (await graph.mime(MIME + b"x" * 3_000_000)).status == 202
    box.world.tune(graph_request_size=0)
    assert (await graph.mime(MIME + b"x" * 3_200_000)).status == 202


@pytest.mark.parametrize("status", [400, 413])
async def test_message_size(box: Sandbox, graph: GraphClient, status: int) -> None:
    """O: G:70830895328 (400), G:12117619808 (413)."""
    box.world.patch({"tenant": {"mailboxes": {SCANNER: {"max_send_size": 1000}}}})
    box.world.tune(graph_size_status=status)
    for heard in (await graph.mime(MIME + b"x" * 1000), await graph.send(simple(subject="x" * 1000))):
        assert (heard.status, heard.code) == (status, "ErrorMessageSizeExceeded")
        assert heard.said == "The message exceeds the maximum supported size."


async def test_full_mailbox(box: Sandbox, graph: GraphClient) -> None:
    """V: outlook-things-to-know-about-send-mail.md: step 1 may fail, with 4xx or 5xx, when the mailbox is full."""
    box.world.patch({"tenant": {"mailboxes": {SCANNER: {"full": True}}}})
    for heard in (await graph.mime(), await graph.post(f"/users/{SCANNER}/messages", simple())):
        assert (heard.status, heard.code) == (507, "ErrorQuotaExceeded")


# After acceptance


def report(box: Sandbox, user: str = SCANNER) -> str:
    (ndr,) = box.mail.find(box=user, folder=Folder.INBOX)
    assert ndr.received.surface == "report"
    return ndr.raw.decode()


async def test_unknown_recipient_comes_back_as_a_report(box: Sandbox, graph: GraphClient) -> None:
    """V: the same page: invalid recipients are detected after the answer."""
    assert (await graph.send(simple(ANNA, "nobody@contoso.example"))).status == 202
    text = report(box)
    assert "Final-Recipient: rfc822;nobody@contoso.example" in text
    assert "5.1.10" in text
    assert len(box.mail.find(box=ANNA)) == 1


async def test_tenant_external_limit(box: Sandbox, graph: GraphClient) -> None:
    box.world.patch({"tenant": {"licences": 0, "trial": True}})
    box.world.throttles.external.add(box.clock.time(), 5000)
    assert (await graph.send(simple(OUTSIDE))).status == 202
    assert "5.7.232" in report(box)
    assert box.mail.find(box=OUTSIDE) == []


@pytest.mark.parametrize(("change", "enhanced"), [({"restricted": True}, "5.1.8"), ({"recipient_limits": 1}, "5.5.3")])
async def test_refused_by_transport(box: Sandbox, graph: GraphClient, change: dict[str, Any], enhanced: str) -> None:
    box.world.patch({"tenant": {"mailboxes": {SCANNER: change}}})
    assert (await graph.send(simple(ANNA, OUTSIDE))).status == 202
    text = report(box)
    assert text.count(f"Status: {enhanced}") == 2
    assert len(box.mail.find(folder=Folder.SENT)) == 1
    assert box.mail.find(box=ANNA) == box.mail.find(box=OUTSIDE) == []


async def test_recipients_per_day(box: Sandbox, graph: GraphClient) -> None:
    box.world.tune(recipients_per_day=2)
    for _ in range(2):
        await graph.send(simple(ANNA, IT))
    assert "5.1.90" in report(box)
    assert len(box.mail.find(box=IT)) == 1


async def test_message_rate_delays_what_was_accepted(box: Sandbox, graph: GraphClient) -> None:
    """V: the limits of Exchange Online apply after 202; the next messages are carried over."""
    box.world.tune(messages_per_minute=1)
    for _ in range(3):
        assert (await graph.mime()).status == 202
    assert len(box.mail.find(box=ANNA)) == 1
    box.clock.advance(60)
    await graph.get(f"/users/{SCANNER}/messages")
    assert len(box.mail.find(box=ANNA)) == 2
    assert box.mail.accepted == 3  # the third waits still, and is gone with the sandbox
