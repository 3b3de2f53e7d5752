"""Finding and reading messages."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from urllib.parse import quote

import pytest

from mailferry.sandbox.graph_resource import message_id_of, stored_id
from mailferry.sandbox.organisation import password
from mailferry.sandbox.serve import Sandbox
from support.sandbox_graph import ANNA, IT, MIME, SCANNER, GraphClient, simple

ALL = f"/users/{ANNA}/messages"


async def three(graph: GraphClient) -> None:
    """Three messages to Anna, a minute apart."""
    for n in range(3):
        await graph.mime(
            MIME.replace(b"scan-1", f"scan-{n}".encode()).replace(b"Subject: Scan", f"Subject: S{n}".encode())
        )
        graph.box.clock.advance(60)


async def test_the_question_after_a_lost_answer(graph: GraphClient) -> None:
    """Whether a message is in Sent Items, by its Message-ID."""
    await three(graph)
    query = quote("internetMessageId eq '<scan-1@scanner>'")
    for folder, found in (("sentitems", 1), ("SentItems", 1), ("inbox", 0), ("drafts", 0)):
        heard = await graph.get(f"/users/{SCANNER}/mailFolders/{folder}/messages?$filter={query}&$select=id,subject")
        assert (heard.status, len(heard.json["value"])) == (200, found)
    (one,) = (await graph.get(f"/users/{SCANNER}/messages?$filter={query}&$select=id,subject")).json["value"]
    assert {key for key in one if not key.startswith("@")} == {"id", "subject"}
    assert one["subject"] == "S1"
    query = quote("internetMessageId eq '<scan-9@scanner>'")
    assert (await graph.get(f"/users/{SCANNER}/messages?$filter={query}")).json["value"] == []


async def test_resource(graph: GraphClient) -> None:
    await graph.send(simple(internetMessageHeaders=[{"name": "x-a", "value": "1"}]))
    (one,) = (await graph.get(ALL)).json["value"]
    assert one["from"] == one["sender"] == {"emailAddress": {"name": "Scanner", "address": SCANNER}}
    assert (one["isDraft"], one["isRead"], one["hasAttachments"]) == (False, False, False)
    assert one["receivedDateTime"] == "2026-11-24T00:00:00Z"
    assert one["bodyPreview"] == "Hello"
    assert one["body"] == {"contentType": "html", "content": "<html><body><pre>Hello\r\n</pre></body></html>"}
    heard = await graph.get(f"{ALL}/{one['id']}?$select=body,internetMessageHeaders", headers=TEXT)
    assert heard.json["body"]["contentType"] == "text"
    assert {"name": "x-a", "value": "1"} in heard.json["internetMessageHeaders"]


TEXT = {"Prefer": 'outlook.body-content-type="text"'}  # V: user-list-messages.md, request headers


async def test_mime_of_a_message(box: Sandbox, graph: GraphClient) -> None:
    """V: outlook-get-mime-message.md: $value."""
    await graph.mime(MIME)
    (one,) = (await graph.get(ALL)).json["value"]
    heard = await graph.get(f"{ALL}/{one['id']}/$value")
    assert heard.headers["Content-Type"] == "text/plain"
    assert heard.body.startswith(b"Received: ")
    assert heard.body.endswith(MIME)
    heard = await graph.get(f"/users/{ANNA}/mailFolders/inbox/messages/{one['id']}/$value")
    assert heard.body.endswith(MIME)
    assert (await graph.get(f"/users/{ANNA}/mailFolders/sentitems/messages/{one['id']}")).status == 404
    assert (await graph.get(f"/users/{IT}/messages/{one['id']}")).code == "ErrorItemNotFound"
    assert (await graph.get(f"/users/{IT}/messages/nonsense")).code == "ErrorItemNotFound"


async def test_report_can_be_read(graph: GraphClient) -> None:
    """How a gateway learns of what failed after 202."""
    await graph.send(simple("nobody@contoso.example"))
    (one,) = (await graph.get(f"/users/{SCANNER}/mailFolders/inbox/messages")).json["value"]
    assert one["subject"] == "Undeliverable: Scan"
    raw = (await graph.get(f"/users/{SCANNER}/messages/{one['id']}/$value")).body
    assert b"message/delivery-status" in raw


async def test_mail_by_smtp_is_there_too(box: Sandbox, graph: GraphClient) -> None:
    def send() -> None:
        with smtplib.SMTP("localhost", box.smtp_port, timeout=25) as client:
            client.starttls(context=ssl.create_default_context(cafile=str(box.ca_file)))
            client.ehlo()
            client.user, client.password = SCANNER, password("scanner")
            client.auth("LOGIN", client.auth_login, initial_response_ok=False)
            client.sendmail(SCANNER, [ANNA], MIME)

    await asyncio.to_thread(send)
    (one,) = (await graph.get(ALL)).json["value"]
    assert (one["subject"], one["internetMessageId"]) == ("Scan", "<scan-1@scanner>")


async def test_paging(graph: GraphClient) -> None:
    """V: user-list-messages.md: 10 by default, $top from 1 to 1000; newest first."""
    for _ in range(12):
        await graph.mime()
    heard = await graph.get(ALL)
    assert len(heard.json["value"]) == 10
    following = await graph.get(heard.json["@odata.nextLink"])
    assert len(following.json["value"]) == 2
    assert "@odata.nextLink" not in following.json
    ids = [one["id"] for one in (*heard.json["value"], *following.json["value"])]
    assert len(set(ids)) == 12
    query = quote("subject eq 'Scan'")
    heard = await graph.get(f"{ALL}?$top=7&$filter={query}&$select=id")
    following = await graph.get(heard.json["@odata.nextLink"])
    assert [len(page.json["value"]) for page in (heard, following)] == [7, 5]
    for wrong in ("0", "1001", "many"):
        assert (await graph.get(f"{ALL}?$top={wrong}")).status == 400


async def test_filters_and_order(graph: GraphClient) -> None:
    await three(graph)
    for text, subjects in (
        ("receivedDateTime ge 2026-11-24T00:01:00Z", ["S2", "S1"]),
        ("receivedDateTime lt 2026-11-24T00:01:00Z and isDraft eq false", ["S0"]),
        ("from/emailAddress/address eq 'scanner@contoso.example' and startswith(subject,'s1')", ["S1"]),
        ("not (subject eq 'S0' or subject eq 'S1')", ["S2"]),
        ("hasAttachments eq true", []),
    ):
        heard = await graph.get(f"{ALL}?$filter={quote(text)}")
        assert [one["subject"] for one in heard.json["value"]] == subjects, text
    heard = await graph.get(f"{ALL}?$orderby=receivedDateTime asc")
    assert [one["subject"] for one in heard.json["value"]] == ["S0", "S1", "S2"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("$filter=subject", 400, "BadRequest"),
        ("$filter=subject eq", 400, "BadRequest"),
        ("$filter=(subject eq 'x'", 400, "BadRequest"),
        ("$filter=subject eq 'x' subject", 400, "BadRequest"),
        ("$filter=subject like 'x'", 400, "BadRequest"),
        (f"$filter={'(' * 500}subject eq 'x'{')' * 500}", 400, "BadRequest"),
        ("$filter=isDraft eq 'x'", 400, "BadRequest"),
        ("$filter=nothing eq 'x'", 400, "RequestBroker--ParseUri"),
        ("$filter=tolower(subject) eq 'x'", 501, "notImplemented"),
        ("$select=nothing", 400, "RequestBroker--ParseUri"),
        ("$count=true", 501, "notImplemented"),
        ("$expand=attachments", 501, "notImplemented"),
        # V: user-list-messages.md @0273c46, "Using filter and orderby in the same query"
        ("$filter=subject eq 'x'&$orderby=receivedDateTime", 400, "InefficientFilter"),
        ("$search=\"x\"&$filter=subject eq 'x'", 400, "SearchWithFilter"),
        ("$search=x AND y", 501, "notImplemented"),
        ("$orderby=subject up", 400, "BadRequest"),
    ],
)
async def test_query_refused(graph: GraphClient, query: str, status: int, code: str) -> None:
    await graph.mime()
    heard = await graph.get(f"{ALL}?{query}")
    assert (heard.status, heard.code) == (status, code)


@pytest.mark.parametrize(
    ("search", "found"), [('"hello"', 1), ("subject:scan", 1), ("subject:hello", 0), ("from:scanner", 1), ("zebra", 0)]
)
async def test_search(graph: GraphClient, search: str, found: int) -> None:
    await graph.mime()
    assert len((await graph.get(f"{ALL}?$search={quote(search)}")).json["value"]) == found


async def test_folders(graph: GraphClient) -> None:
    await graph.mime()
    assert (await graph.get(f"/users/{ANNA}/mailFolders/deleteditems/messages")).json["value"] == []
    assert (await graph.get(f"/users/{ANNA}/mailFolders/AAMkAGI2/messages")).status == 501
    drafts = f"/users/{SCANNER}/mailFolders/drafts/messages"
    await graph.draft()
    (one,) = (await graph.get(drafts)).json["value"]
    assert one["isDraft"] is True
    assert (await graph.get(f"{drafts}/{one['id']}/$value")).body.count(b"Message-ID: ") == 1


def test_opaque_ids() -> None:
    assert stored_id(message_id_of("0000017")) == "0000017"
    for nonsense in ("", "x", "AAMk", "é", "AAMkADI5MAAIT3drCAAA="):
        assert stored_id(nonsense) != "0000017"
