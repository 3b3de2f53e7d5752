"""Messages that no request of Microsoft Graph holds, and those that have to be taken apart to be sent as somebody."""

from __future__ import annotations

import base64
import hashlib
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from corpus.letters import ANN, EVE, HTML, MAILBOX, PLAIN, PNG, Letter, attached, crlf, fields, large, multipart
from corpus.letters import part as mime_part
from mailferry.mail.body import CHUNK
from support.graph_upstream import DROP_AFTER, DROP_WITHIN, GraphUpstream, Says, error, graph_bench
from support.transport_contract import (
    Bench,
    FileBody,
    assert_deferred,
    assert_delivered,
    assert_failed,
    assert_held,
    assert_unknown,
)

TEN = large(10_000_000)
LINE = bytes(range(57))


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with graph_bench(large="upload") as made:
        yield made


def upstream(bench: Bench) -> GraphUpstream:
    assert isinstance(bench.upstream, GraphUpstream)
    return bench.upstream


def operations(bench: Bench) -> list[str]:
    return upstream(bench).operations()


async def test_a_large_message_goes_as_a_draft(bench: Bench) -> None:
    result = await bench.send(ANN, EVE, body=FileBody(TEN), mailbox=MAILBOX)
    assert_delivered(result)
    assert operations(bench) == ["createDraft", "createUploadSession", *["upload"] * 3, "send"]
    draft, session, *blocks, send = upstream(bench).asked
    message = draft.json
    assert message["toRecipients"] == [{"emailAddress": {"address": ANN}}]
    assert message["bccRecipients"] == [{"emailAddress": {"address": EVE}}]
    assert message["subject"] == "Scan"
    assert message["body"] == {"contentType": "text", "content": "Good day."}
    assert message["internetMessageId"] == "<s1@contoso.example>"
    item = session.json["AttachmentItem"]
    assert (item["attachmentType"], item["name"], item["contentType"]) == ("file", "scan.pdf", "application/pdf")
    octets = b"".join(one.body for one in blocks)
    assert octets == LINE * (item["size"] // 57)
    assert all(len(one.body) < 4 * 1024 * 1024 for one in blocks)
    assert blocks[0].headers["content-range"] == f"bytes 0-{len(blocks[0].body) - 1}/{item['size']}"
    assert not any("authorization" in one.headers for one in blocks)
    assert send.path == f"/v1.0/users/{MAILBOX}/messages/AAMk%3D/send"
    assert send.headers["content-length"] == "0"


async def test_small_attachments_go_one_by_one() -> None:
    image = mime_part("image/png", PNG, head=("Content-ID: <logo@x>", "Content-Transfer-Encoding: base64"))
    shown = [
        'Content-Type: multipart/related; boundary="r"', "", "--r",
        *mime_part("text/html; charset=utf-8", '<img src="cid:logo@x">日本'), "--r", *image, "--r--",
    ]  # fmt: skip
    data = multipart("mixed", shown, attached(), attached("b.pdf"))
    async with graph_bench(large="upload", request_size="4 kB") as bench:
        assert_delivered(await bench.send(ANN, body=FileBody(data), mailbox=MAILBOX))
        assert operations(bench) == ["createDraft", *["addAttachment"] * 3, "send"]
        draft, logo, one, other, _ = upstream(bench).asked
        assert draft.json["body"] == {"contentType": "html", "content": '<img src="cid:logo@x">日本'}
        assert (logo.json["isInline"], logo.json["contentId"]) == (True, "logo@x")
        assert base64.b64decode(logo.json["contentBytes"]) == base64.b64decode(PNG)
        assert [one.json["name"], other.json["name"]] == ["scan.pdf", "b.pdf"]
        assert one.json["@odata.type"] == "#microsoft.graph.fileAttachment"


async def test_what_would_be_damaged_is_refused() -> None:
    signed = multipart("signed", PLAIN, attached("smime.p7s", "application/pkcs7-signature"))
    async with graph_bench(large="upload", request_size="4 kB") as bench:
        assert_failed(await bench.send(ANN, data=signed, mailbox=MAILBOX), "554 5.6.2", "signature")
        invite = multipart("alternative", PLAIN, HTML, mime_part("text/calendar; method=REQUEST", "x" * 5000))
        assert_failed(await bench.send(ANN, data=invite, mailbox=MAILBOX), "554 5.6.2", "invitation")
        wrong = fields("Content-Type: text/plain; charset=iso-2022-jp", plain=False)
        odd = crlf(wrong, "日本" * 500)
        assert_failed(await bench.send(ANN, data=odd, mailbox=MAILBOX), "554 5.6.2", "iso-2022-jp")
        assert upstream(bench).asked == []


async def test_a_text_that_is_too_long() -> None:
    async with graph_bench(large="upload", request_size="4 kB") as bench:
        result = await bench.send(ANN, data=crlf(fields(), "x" * 9000), mailbox=MAILBOX)
        assert_failed(result, "552 5.3.4", "of text")
        assert upstream(bench).asked == []


async def test_without_the_permission_it_is_said_and_held(bench: Bench) -> None:
    upstream(bench).says("createDraft", error(403, "ErrorAccessDenied", "Access is denied."))
    result = await bench.send(ANN, body=FileBody(TEN), mailbox=MAILBOX)
    assert_held(result, "sender", "[creating a draft]", "ErrorAccessDenied")


@pytest.mark.parametrize("name", ["createUploadSession", "upload"])
@pytest.mark.parametrize("fault", [DROP_AFTER, DROP_WITHIN, error(500, "InternalServerError")])
async def test_broken_off_before_it_was_sent(bench: Bench, name: str, fault: Says | str) -> None:
    upstream(bench).says(name, fault)
    assert_deferred(await bench.send(ANN, body=FileBody(TEN), mailbox=MAILBOX))
    assert operations(bench)[-1] == "deleteDraft"
    assert "send" not in operations(bench)


async def test_a_lost_answer_to_the_order_to_send(bench: Bench) -> None:
    upstream(bench).says("send", DROP_AFTER)
    assert_unknown(await bench.send(ANN, body=FileBody(TEN), mailbox=MAILBOX), "no answer")
    assert operations(bench)[-1] == "send", "what may be on its way is not taken away"


async def test_too_large_for_the_mailbox(bench: Bench) -> None:
    upstream(bench).says("send", error(400, "ErrorMessageSizeExceeded"))
    assert_failed(await bench.send(ANN, body=FileBody(TEN), mailbox=MAILBOX), "552 5.3.4")


async def test_throttled_while_uploading(bench: Bench) -> None:
    upstream(bench).says("upload", error(429, "ApplicationThrottled", retry_after="2.5"))
    result = await bench.send(ANN, body=FileBody(TEN), mailbox=MAILBOX)
    assert_held(result, "throttle", "429")


async def test_an_upload_address_without_tls(bench: Bench) -> None:
    upstream(bench).upload_url = "http://outlook.example/upload"
    result = await bench.send(ANN, body=FileBody(TEN), mailbox=MAILBOX)
    assert_deferred(result, "outlook.example")
    assert "upload" not in operations(bench)


async def test_send_as_takes_the_json_form() -> None:
    letter = multipart("mixed", PLAIN, attached("見積.pdf")).replace(b"scan@contoso", b"billing@contoso")
    async with graph_bench(other_from="send-as") as bench:
        assert_delivered(await bench.send(ANN, body=FileBody(letter), mailbox=MAILBOX))
        (asked,) = upstream(bench).asked
        assert asked.headers["content-type"] == "application/json"
        message = asked.json["message"]
        assert message["from"] == {"emailAddress": {"address": "billing@contoso.example", "name": "Scanner 3F"}}
        (one,) = message["attachments"]
        assert one["name"] == "見積.pdf"
        assert base64.b64decode(one["contentBytes"]).startswith(b"%PDF")


async def test_send_as_without_attachments_and_with_own_fields() -> None:
    more = ["X-Job: 7", "Importance: high", "Reply-To: Desk <desk@contoso.example>"]
    letter = crlf(fields(*more, sender="billing@contoso.example"), "Grüße")
    async with graph_bench(other_from="send-as") as bench:
        assert_delivered(await bench.send(ANN, data=letter, mailbox=MAILBOX))
        message: dict[str, Any] = upstream(bench).asked[0].json["message"]
        assert message["attachments"] == []
        assert message["internetMessageHeaders"] == [{"name": "X-Job", "value": "7"}]
        assert message["importance"] == "high"
        assert message["replyTo"] == [{"emailAddress": {"address": "desk@contoso.example", "name": "Desk"}}]
        assert message["body"]["content"] == "Grüße\r\n"


async def test_rewrite_sends_as_the_mailbox() -> None:
    letter = Letter("x", crlf(fields(sender="Billing <billing@contoso.example>"), "x"))
    async with graph_bench(other_from="rewrite") as bench:
        assert_delivered(await bench.send(ANN, data=letter.data, mailbox=MAILBOX))
        got = base64.b64decode(upstream(bench).asked[0].body)
        assert b"From: Billing <scan@contoso.example>" in got
        assert b"Reply-To: Billing <billing@contoso.example>" in got


class MadeBody:
    """A large message that is nowhere: made chunk by chunk, with a digest of what was given out last."""

    inline: bytes | None = None

    def __init__(self, octets: int) -> None:
        start, _, rest = large(1000).partition(b"\r\n\r\n--")
        head, _, _ = (start + b"\r\n\r\n--" + rest).partition(base64.b64encode(LINE))
        self._head, self._line = head, base64.b64encode(LINE) + b"\r\n"
        self._lines = octets // len(self._line)
        self._end = b"\r\n--=_b1--\r\n"
        self.size = len(head) + self._lines * len(self._line) + len(self._end)

    async def chunks(self) -> AsyncIterator[bytes]:
        per = CHUNK // len(self._line) - 1
        yield self._head
        for at in range(0, self._lines, per):
            yield self._line * min(per, self._lines - at)
        yield self._end


@pytest.mark.parametrize("way", ["upload", "mime"])
async def test_memory_does_not_grow_with_the_message(way: str) -> None:
    settings: dict[str, Any] = {"large": "upload"} if way == "upload" else {"request_size": "150 MB"}
    async with graph_bench(**settings) as bench:
        assert_delivered(await bench.send(ANN, body=MadeBody(100_000), mailbox=MAILBOX))
        upstream(bench).discard = True
        tracemalloc.start()
        try:
            assert_delivered(await bench.send(ANN, body=MadeBody(25_000_000), mailbox=MAILBOX))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 16_000_000, f"{peak} octets at the peak for a message of 25 MB"
        if way == "upload":
            expected = hashlib.sha256(LINE * (25_000_000 // 78))
            assert upstream(bench).digest.hexdigest() == expected.hexdigest()
