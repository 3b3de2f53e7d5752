"""Drafts, attachments and upload sessions, up to sending."""

from __future__ import annotations

import base64
import hashlib
import io
from email import message_from_bytes, policy
from typing import Any

import pytest

from mailferry.sandbox.graph_store import GraphStore
from mailferry.sandbox.mailbox import Folder
from mailferry.sandbox.organisation import CERTIFICATE_CLIENT_ID
from mailferry.sandbox.serve import Sandbox
from support.sandbox_graph import ANNA, IT, MIME, SCANNER, GraphClient, Heard, graph_token, listed, simple

FILE: dict[str, Any] = {
    "@odata.type": "#microsoft.graph.fileAttachment",
    "name": "smile",
    "contentBytes": "R0lGODdhEAYEAA7Q",
}
#: V: the size in the documented walk through.
FLOWER = bytes(n * 7 % 256 for n in range(256)) * 13607


def item(size: int, **more: Any) -> dict[str, Any]:
    return {"AttachmentItem": {"attachmentType": "file", "name": "flower", "size": size, **more}}


async def put(graph: GraphClient, url: str, start: int, data: bytes, total: int, **headers: str) -> Heard:
    given = {
        "Content-Type": "application/octet-stream",
        "Content-Range": f"bytes {start}-{start + len(data) - 1}/{total}",
        **headers,
    }
    return await graph.ask("PUT", url, authorization="", data=io.BytesIO(data), headers=given)


# Drafts


async def test_draft(box: Sandbox, graph: GraphClient) -> None:
    """V: user-post-messages.md @0273c46, example 1; message-send.md: 202, saved in Sent Items."""
    message = simple(body={"contentType": "HTML", "content": "They were <b>awesome</b>!"}, importance="Low")
    heard = await graph.post(f"/users/{SCANNER}/messages", message)
    made = heard.json
    assert heard.status == 201
    assert made["@odata.context"].endswith("/messages/$entity")
    assert made["@odata.etag"] == f'W/"{made["changeKey"]}"'
    assert (made["isDraft"], made["importance"], made["hasAttachments"]) == (True, "low", False)
    assert (made["createdDateTime"], made["subject"]) == ("2026-11-24T00:00:00Z", "Scan")
    assert made["internetMessageId"].startswith("<")
    assert made["body"] == {"contentType": "html", "content": "They were <b>awesome</b>!"}
    assert made["toRecipients"] == [{"emailAddress": {"name": ANNA, "address": ANNA}}]
    assert (made["ccRecipients"], made["bccRecipients"], made["replyTo"]) == ([], [], [])
    assert "internetMessageHeaders" not in made
    assert len(box.mail) == 0

    path = f"/users/{SCANNER}/messages/{made['id']}"
    heard = await graph.ask("POST", f"{path}/send", headers={"Content-Length": "0"})
    assert (heard.status, heard.body) == (202, b"")
    (arrived,) = box.mail.find(box=ANNA)
    assert f"<{arrived.received.message_id}>" == made["internetMessageId"]
    assert len(box.mail.find(box=SCANNER, folder=Folder.SENT)) == 1
    assert (await graph.get(path)).code == "ErrorItemNotFound"
    assert (await graph.ask("POST", f"{path}/send")).status == 404
    assert len(box.mail.find(box=ANNA)) == 1


async def test_update_and_delete(box: Sandbox, graph: GraphClient) -> None:
    """V: message-update.md: what is not named keeps its value; internetMessageId may be set while it is a draft."""
    path = await graph.draft()
    before = (await graph.get(path)).json
    change = {"subject": "Another", "ccRecipients": listed(IT), "internetMessageId": "<mine@scanner>", "isRead": False}
    heard = await graph.ask("PATCH", path, json=change)
    assert (heard.status, heard.json["subject"], heard.json["isRead"]) == (200, "Another", False)
    assert heard.json["toRecipients"] == before["toRecipients"]
    assert heard.json["changeKey"] != before["changeKey"]
    await graph.ask("POST", f"{path}/send")
    assert box.mail.find(box=IT, message_id="<mine@scanner>")

    path = await graph.draft()
    assert (await graph.ask("DELETE", path)).status == 204
    assert (await graph.ask("DELETE", path)).status == 404
    assert len(box.world.drafts) == 0


async def test_draft_of_mime(box: Sandbox, graph: GraphClient) -> None:
    """V: user-post-messages.md, example 3, and its error."""
    heard = await graph.mime(MIME, path="messages")
    assert (heard.status, heard.json["subject"], heard.json["isDraft"]) == (201, "Scan", True)
    assert heard.json["internetMessageId"] == "<scan-1@scanner>"
    path = f"/users/{SCANNER}/messages/{heard.json['id']}"
    assert (await graph.get(f"{path}/$value")).body == MIME
    for method, to in (("PATCH", path), ("POST", f"{path}/attachments")):
        assert (await graph.ask(method, to, json={})).status == 501
    assert (await graph.ask("POST", f"{path}/send")).status == 202
    assert box.mail.find(box=ANNA)[0].raw == MIME
    heard = await graph.mime(b"To: anna@contoso.example\r\n\r\nx\r\n", path="messages")
    made = heard.json["internetMessageId"]
    await graph.ask("POST", f"/users/{SCANNER}/messages/{heard.json['id']}/send")
    assert box.mail.find(box=ANNA, message_id=made)
    headers = {"Content-Type": "text/plain"}
    heard = await graph.ask("POST", f"/users/{SCANNER}/messages", data=b"!", headers=headers)
    assert (heard.status, heard.code) == (400, "ErrorMimeContentInvalidBase64String")


async def test_draft_that_can_not_be_sent_stays(box: Sandbox, graph: GraphClient) -> None:
    path = await graph.draft(simple(toRecipients=[]))
    assert (await graph.ask("POST", f"{path}/send")).code == "ErrorInvalidRecipients"
    await graph.ask("PATCH", path, json={"toRecipients": listed(ANNA)})
    assert (await graph.ask("POST", f"{path}/send")).status == 202


async def test_drafts_of_another_mailbox(graph: GraphClient) -> None:
    id = (await graph.draft()).rpartition("/")[2]
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/send"), ("POST", "/attachments")):
        heard = await graph.ask(method, f"/users/{IT}/messages/{id}{path}", json={} if method == "PATCH" else None)
        assert heard.code == "ErrorItemNotFound"


async def test_only_drafts_are_changed(box: Sandbox, graph: GraphClient) -> None:
    await graph.mime()
    heard = await graph.get(f"/users/{ANNA}/messages")
    path = f"/users/{ANNA}/messages/{heard.json['value'][0]['id']}"
    assert (await graph.ask("DELETE", path)).status == 501
    assert (await graph.ask("PATCH", path, json={"isRead": True})).status == 501
    assert (await graph.ask("POST", f"{path}/send")).code == "ErrorItemNotFound"


async def test_drafts_folder(graph: GraphClient) -> None:
    path = f"/users/{SCANNER}/mailFolders"
    assert (await graph.post(f"{path}/drafts/messages", simple())).status == 201
    assert (await graph.post(f"{path}/inbox/messages", simple())).status == 501


# Attachments


async def test_attachment(box: Sandbox, graph: GraphClient) -> None:
    """V: message-post-attachments.md @0759717: 201 and the attachment."""
    path = await graph.draft()
    heard = await graph.post(f"{path}/attachments", FILE)
    assert heard.status == 201
    assert (heard.json["name"], heard.json["size"], heard.json["contentBytes"]) == ("smile", 12, FILE["contentBytes"])
    one = f"{path}/attachments/{heard.json['id']}"
    assert (await graph.get(path)).json["hasAttachments"] is True
    assert [a["name"] for a in (await graph.get(f"{path}/attachments")).json["value"]] == ["smile"]
    shown = (await graph.get(f"{one}?$select=name,size")).json
    assert {key for key in shown if not key.startswith("@")} == {"id", "name", "size"}
    assert (await graph.get(f"{one}/$value")).body == base64.b64decode(FILE["contentBytes"])
    assert (await graph.ask("DELETE", one)).status == 204
    assert (await graph.get(one)).code == "ErrorItemNotFound"


async def test_sending_needs_send_and_drafting_needs_write(box: Sandbox, graph: GraphClient) -> None:
    path = await graph.draft()
    graph.token = graph_token(box, roles=("Mail.Send",))
    for to in ("", "/attachments", "/attachments/createUploadSession"):
        assert (await graph.post(f"{path}{to}" if to else f"/users/{SCANNER}/messages", FILE)).status == 403
    graph.token = graph_token(box, roles=("Mail.ReadWrite",))
    assert (await graph.ask("POST", f"{path}/send")).status == 403
    scoped = graph.as_application(CERTIFICATE_CLIENT_ID)
    assert (await scoped.ask("POST", f"{path}/send")).status == 202


# Upload sessions


async def test_walk_through(box: Sandbox, graph: GraphClient) -> None:
    """V: concepts/outlook-large-attachments.md @01c641a, steps 1 to 4 with its own sizes."""
    assert len(FLOWER) == 3483392
    path = await graph.draft()
    heard = await graph.post(f"{path}/attachments/createUploadSession", item(len(FLOWER)))
    session = heard.json
    assert (heard.status, session["nextExpectedRanges"]) == (201, ["0-"])
    assert session["@odata.context"].endswith("/v1.0/$metadata#microsoft.graph.uploadSession")
    assert session["expirationDateTime"] == "2026-11-24T01:00:00.0000000Z"
    url = session["uploadUrl"]
    assert "/AttachmentSessions('" in url
    assert "?authtoken=" in url

    heard = await put(graph, url, 0, FLOWER[:2097152], len(FLOWER))
    assert (heard.status, heard.json["nextExpectedRanges"]) == (200, ["2097152"])
    assert heard.json["ExpirationDateTime"] == session["expirationDateTime"]
    assert "uploadUrl" not in heard.json
    assert (await graph.get(path)).json["hasAttachments"] is False

    heard = await put(graph, url, 2097152, FLOWER[2097152:], len(FLOWER))
    assert (heard.status, heard.body) == (201, b"")
    id = heard.headers["Location"].rpartition("/Attachments('")[2].removesuffix("')")
    query = "$select=lastModifiedDateTime,name,contentType,size,isInline"
    shown = (await graph.get(f"{path}/attachments/{id}?{query}")).json
    assert (shown["name"], shown["size"], "contentBytes" in shown) == ("flower", len(FLOWER), False)
    raw = (await graph.get(f"{path}/attachments/{id}/$value")).body
    assert hashlib.sha256(raw).digest() == hashlib.sha256(FLOWER).digest()
    assert (await put(graph, url, 0, b"x", len(FLOWER))).status == 404

    assert (await graph.ask("POST", f"{path}/send")).status == 202
    mail = message_from_bytes(box.mail.find(box=ANNA)[0].raw, policy=policy.default)
    (attachment,) = mail.iter_attachments()
    assert attachment.get_payload(decode=True) == FLOWER


async def session(graph: GraphClient, size: int = 10, **more: Any) -> tuple[str, str]:
    graph.box.world.tune(graph_upload_minimum=0)
    path = await graph.draft()
    heard = await graph.post(f"{path}/attachments/createUploadSession", item(size, **more))
    assert heard.status == 201
    return path, heard.json["uploadUrl"]


async def test_inline(box: Sandbox, graph: GraphClient) -> None:
    """V: attachment-createuploadsession.md @0215d68, example 2."""
    path, url = await session(graph, isInline=True, contentId="my_inline_picture", contentType="image/png")
    await put(graph, url, 0, b"0123456789", 10)
    await graph.ask("POST", f"{path}/send")
    mail = message_from_bytes(box.mail.find(box=ANNA)[0].raw, policy=policy.default)
    assert [part["Content-ID"] for part in mail.walk()][-1] == "<my_inline_picture>"


@pytest.mark.parametrize(
    ("header", "data", "status"),
    [
        ("bytes 4-7/10", b"4567", 416),  # V: "You must upload bytes in a file in order."
        ("bytes 0-3/10", b"0123", 416),
        ("bytes 2-3/11", b"23", 400),
        ("bytes 2-5/10", b"23", 400),
        ("bytes 2-10/10", b"234567890", 400),
        ("", b"23", 400),
        ("bytes=2-3", b"23", 400),
    ],
)
async def test_range_that_does_not_fit(graph: GraphClient, header: str, data: bytes, status: int) -> None:
    _, url = await session(graph)
    assert (await put(graph, url, 0, b"01", 10)).status == 200
    heard = await graph.ask("PUT", url, authorization="", data=data, headers={"Content-Range": header})
    assert heard.status == status
    assert (await put(graph, url, 2, b"23456789", 10)).status == 201


async def test_authorization_is_not_wanted(graph: GraphClient) -> None:
    """V: "Do not specify an Authorization request header"; O: docs issue 6955 (2020-01-30)."""
    _, url = await session(graph)
    heard = await put(graph, url, 0, b"0123456789", 10, Authorization=f"Bearer {graph.token}")
    assert heard.status == 401
    assert heard.said.startswith("The audience claim value is invalid for current resource.")


async def test_session_expires(box: Sandbox, graph: GraphClient) -> None:
    _, url = await session(graph)
    box.clock.advance(3599)
    assert (await put(graph, url, 0, b"01", 10)).status == 200
    box.clock.advance(1)
    assert (await put(graph, url, 2, b"23456789", 10)).status == 404


async def test_cancel(graph: GraphClient) -> None:
    """V: "Cancel the upload session": 204."""
    _, url = await session(graph)
    assert (await graph.ask("DELETE", url, authorization="")).status == 204
    assert (await graph.ask("DELETE", url, authorization="")).status == 404


async def test_key_of_the_session(graph: GraphClient) -> None:
    _, url = await session(graph)
    assert (await put(graph, url[:-1] + "x", 0, b"01", 10)).status == 404
    assert (await put(graph, url.partition("?")[0], 0, b"01", 10)).status == 404


async def test_session_of_a_draft_that_is_gone(graph: GraphClient) -> None:
    path, url = await session(graph)
    await graph.ask("DELETE", path)
    assert (await put(graph, url, 0, b"0123456789", 10)).status == 404


async def test_sizes(box: Sandbox, graph: GraphClient) -> None:
    """V: outlook-large-attachments.md, "Errors"; 3 MB to 150 MB; ranges up to 4 MB."""
    path = f"{await graph.draft()}/attachments/createUploadSession"
    heard = await graph.post(path, item(3 * 1024 * 1024 - 1))
    assert (heard.status, heard.code) == (400, "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize")
    assert (await graph.post(path, item(150 * 1024 * 1024 + 1))).status == 413
    url = (await graph.post(path, item(5 * 1024 * 1024))).json["uploadUrl"]
    assert (await put(graph, url, 0, bytes(4 * 1024 * 1024 + 1), 5 * 1024 * 1024)).status == 413
    assert (await put(graph, url, 0, bytes(4 * 1024 * 1024), 5 * 1024 * 1024)).status == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"AttachmentItem": {"attachmentType": "file", "name": "x"}}, 400),
        ({"AttachmentItem": {"attachmentType": "file", "size": 4_000_000}}, 400),
        ({"AttachmentItem": {"attachmentType": "item", "name": "x", "size": 4_000_000}}, 501),
    ],
)
async def test_session_asked_for_wrongly(graph: GraphClient, body: dict[str, Any], status: int) -> None:
    assert (await graph.post(f"{await graph.draft()}/attachments/createUploadSession", body)).status == status


async def test_message_grown_too_large(box: Sandbox, graph: GraphClient) -> None:
    box.world.patch({"tenant": {"mailboxes": {SCANNER: {"max_send_size": 2_000_000}}}})
    path, url = await session(graph, 1_900_000)
    await put(graph, url, 0, bytes(1_900_000), 1_900_000)
    heard = await graph.ask("POST", f"{path}/send")
    assert heard.code == "ErrorMessageSizeExceeded"
    assert len(box.world.drafts) == 1


# Elsewhere


async def test_control_and_inbox_show_drafts(box: Sandbox, graph: GraphClient) -> None:
    path = await graph.draft(simple(subject="<b>Scan</b>"))
    await graph.post(f"{path}/attachments", FILE)
    async with graph.http.get(f"{box.control_url}/drafts?box={SCANNER}") as answer:
        (draft,) = await answer.json()
    assert (draft["recipients"], draft["attachments"]) == ([ANNA], [{"name": "smile", "size": 12}])
    async with graph.http.get(f"{box.inbox_url}/drafts?box={SCANNER}") as answer:
        page = await answer.text()
    assert "&lt;b&gt;Scan&lt;/b&gt;" in page
    async with graph.http.get(box.inbox_url) as answer:
        assert f"{SCANNER} – Drafts" in await answer.text()
    box.world.forget()
    async with graph.http.get(f"{box.inbox_url}/drafts") as answer:
        assert "There is no draft." in await answer.text()


def test_ids_differ_and_can_stand_in_a_path() -> None:
    store = GraphStore()
    ids = {store.new_id("draft") for _ in range(1000)}
    assert len(ids) == 1000
    assert not any("/" in id or "+" in id for id in ids)
