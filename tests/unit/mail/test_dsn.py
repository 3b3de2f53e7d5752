"""Reports as a foreign parser sees them."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from email.message import Message as Parsed

import pytest

from mailferry.mail import dsn_text
from mailferry.mail.body import CHUNK, BodyGone, BytesBody
from mailferry.mail.dsn import (
    HEADER_LIMIT,
    Action,
    Language,
    Report,
    ReportedRecipient,
    compose,
    header_section,
)
from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.mail.message import Message, MessageId

HEAD = b"From: scan@example.com\r\nSubject: scan\r\nMessage-ID: <1@scanner>\r\n"
BODY = HEAD + b"\r\nhello\r\n.\r\nend\r\n"


def original(**changes: object) -> Message:
    envelope = Envelope("scan@example.com", (Recipient("a@example.net"),), **changes)  # type: ignore[arg-type]
    origin = Origin("scanner-2f", "192.0.2.7", "scanner", None, None, "office")
    return Message(MessageId(123456789), envelope, origin, len(BODY), 1_800_000_000.0, "", "<1@scanner>", "Scan 7")


def recipient(address: str = "a@example.net", **changes: object) -> ReportedRecipient:
    values = {"status": "5.1.1", "diagnostic": "550 5.1.1 no such user"} | changes
    return ReportedRecipient(address, **values)  # type: ignore[arg-type]


def report(*recipients: ReportedRecipient, action: Action = Action.FAILED, **changes: object) -> Report:
    values = {
        "message_id": "<dsn.1@gw.example.com>",
        "boundary": "=_b0undary",
        "sender": "postmaster@example.com",
        "to": "scan@example.com",
        "hostname": "gw.example.com",
        "at": 1_800_000_600.0,
        "original": original(),
        "recipients": recipients or (recipient(),),
    } | changes
    return Report(action=action, **values)  # type: ignore[arg-type]


async def render(made: Report, body: BytesBody | None) -> bytes:
    composed = await compose(made, body, dsn_text.text(made), dsn_text.subject(made))
    data = b"".join([chunk async for chunk in composed.chunks(body)])
    assert len(data) == composed.size(body)
    assert composed.eight_bit or data.isascii()
    for line in data.split(b"\r\n"):
        assert b"\n" not in line
        assert b"\r" not in line
        assert len(line) <= 998
    return data


def parse(data: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(data, policy=email.policy.default)
    assert not parsed.defects
    assert all(not part.defects for part in parsed.walk())
    return parsed  # type: ignore[return-value]


def parts(data: bytes) -> list[Parsed]:
    return list(parse(data).get_payload())  # type: ignore[arg-type]


async def test_a_report_has_the_structure_of_rfc_3464() -> None:
    parsed = parse(await render(report(), BytesBody(BODY)))
    assert parsed.get_content_type() == "multipart/report"
    assert parsed.get_param("report-type") == "delivery-status"
    assert [part.get_content_type() for part in parsed.iter_parts()] == [
        "text/plain",
        "message/delivery-status",
        "text/rfc822-headers",
    ]


async def test_the_header_names_everyone_and_stops_loops() -> None:
    parsed = parse(await render(report(), BytesBody(BODY)))
    assert parsed["From"] == "Mail Delivery System <postmaster@example.com>"
    assert parsed["To"].addresses[0].addr_spec == "scan@example.com"
    assert parsed["Message-ID"] == "<dsn.1@gw.example.com>"
    assert parsed["References"] == "<1@scanner>"
    assert parsed["Auto-Submitted"] == "auto-replied"
    assert parsed["Subject"] == "Undelivered mail: Scan 7"
    assert parsed["Date"].datetime.timestamp() == 1_800_000_600


async def test_the_status_part_has_its_groups() -> None:
    made = report(
        recipient(orcpt="rfc822;Anna@example.net"),
        recipient("b@example.net", status="4.4.7", diagnostic="451 4.7.1 later", expired=True),
        original=original(envid="QQ1"),
    )
    groups = parts(await render(made, BytesBody(BODY)))[1].get_payload()
    message, first, second = groups  # type: ignore[misc]
    assert message["Original-Envelope-Id"] == "QQ1"
    assert message["Reporting-MTA"] == "dns; gw.example.com"
    assert message["Received-From-MTA"] == "dns; scanner"
    assert message["Arrival-Date"] == "Fri, 15 Jan 2027 08:00:00 +0000"
    assert first["Original-Recipient"] == "rfc822;Anna@example.net"
    assert first["Final-Recipient"] == "rfc822;a@example.net"
    assert (first["Action"], first["Status"]) == ("failed", "5.1.1")
    assert first["Diagnostic-Code"] == "smtp; 550 5.1.1 no such user"
    assert first["Last-Attempt-Date"]
    assert second["Status"] == "4.4.7"


async def test_the_headers_come_back_word_for_word() -> None:
    third = parts(await render(report(), BytesBody(BODY)))[2]
    assert third.get_payload().encode() == HEAD  # type: ignore[union-attr]


async def test_the_whole_message_comes_back_octet_for_octet() -> None:
    data = await render(report(full=True), BytesBody(BODY))
    third = parts(data)[2]
    assert third.get_content_type() == "message/rfc822"
    assert third.get_payload(0)["Message-ID"] == "<1@scanner>"  # type: ignore[union-attr]
    assert b"\r\n\r\n" + BODY + b"\r\n--=_b0undary--\r\n" in data


async def test_a_large_original_is_passed_on_in_its_chunks() -> None:
    body = BytesBody(HEAD + b"\r\n" + b"0123456789abcdef\r\n" * 200_000)
    made = report(full=True)
    composed = await compose(made, body, "text", "subject")
    sizes = [len(chunk) async for chunk in composed.chunks(body)]
    assert max(sizes) <= CHUNK
    assert sum(sizes) == composed.size(body)


async def test_without_its_original_a_report_has_two_parts() -> None:
    assert len(parts(await render(report(), None))) == 2


async def test_a_body_that_is_gone_is_said_so() -> None:
    class Gone(BytesBody):
        async def chunks(self):  # type: ignore[no-untyped-def,override]
            raise BodyGone("gone")
            yield b""

    with pytest.raises(BodyGone):
        await compose(report(), Gone(b""), "text", "subject")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (BODY, HEAD),
        (HEAD, HEAD),
        (b"\r\nno header\r\n", b""),
        (b"", b""),
        (b"A: b\r\n" * 20_000 + b"\r\n", None),
        (b"A: " + b"b" * 200_000 + b"\r\n\r\n", b""),
    ],
    ids=["usual", "no body", "no header", "nothing", "long", "one long line"],
)
async def test_the_header_section_is_found_and_bounded(data: bytes, found: bytes | None) -> None:
    section = await header_section(BytesBody(data))
    assert len(section) <= HEADER_LIMIT + 2
    assert data.startswith(section)
    assert section == b"" or section.endswith(b"\r\n")
    if found is not None:
        assert section == found


async def test_the_header_section_is_found_across_chunks() -> None:
    class Dripping(BytesBody):
        async def chunks(self):  # type: ignore[no-untyped-def,override]
            for octet in BODY:
                yield bytes([octet])

    assert await header_section(Dripping(BODY)) == HEAD


async def test_a_reply_of_kilobytes_is_folded() -> None:
    long = "554 5.2.252 SendAsDenied; " + "a@example.com not allowed to send as b@example.com; " * 200 + "x" * 5000
    groups = parts(await render(report(recipient(diagnostic=long)), BytesBody(BODY)))[1].get_payload()
    assert "SendAsDenied" in groups[1]["Diagnostic-Code"]  # type: ignore[index]


async def test_hostile_values_begin_no_line_of_their_own() -> None:
    made = report(
        recipient("a@example.net\r\nAction: delivered", diagnostic="550 no\r\n\r\n--=_b0undary--\r\nX-Evil: 1"),
        original=original(envid="x\r\nX-Evil: 1"),
    )
    data = await render(made, BytesBody(BODY))
    assert b"\r\nX-Evil" not in data
    assert len(parts(data)) == 3
    assert [each["Action"] for each in parts(data)[1].get_payload()[1:]] == ["failed"]  # type: ignore[index]


async def test_the_text_tells_what_failed_where_it_came_from_and_why() -> None:
    text = parts(await render(report(), BytesBody(BODY)))[0].get_content()  # type: ignore[attr-defined]
    for words in ("<a@example.net>", "550 5.1.1 no such user", "scanner-2f [192.0.2.7]", "Scan 7", "gw.example.com"):
        assert words in text


@pytest.mark.parametrize("action", list(Action))
async def test_japanese_stands_above_english(action: Action) -> None:
    made = report(action=action, language=Language.JAPANESE)
    parsed = parse(await render(made, BytesBody(BODY)))
    text = next(parsed.iter_parts()).get_content()
    assert text.index("管理番号") < text.index("Queue id")
    assert parsed["Subject"].endswith(": Scan 7")
    assert not parsed["Subject"].isascii()


async def test_delay_and_relay_say_so() -> None:
    late = recipient(status="4.7.1", diagnostic="451 later", retry_until=1_800_400_000.0)
    delayed = parts(await render(report(late, action=Action.DELAYED), BytesBody(BODY)))[1].get_payload()
    assert (delayed[1]["Action"], delayed[1]["Status"]) == ("delayed", "4.7.1")  # type: ignore[index]
    assert delayed[1]["Will-Retry-Until"]  # type: ignore[index]
    relayed = parts(await render(report(action=Action.RELAYED), BytesBody(BODY)))[1].get_payload()
    assert relayed[1]["Action"] == "relayed"  # type: ignore[index]


async def test_addresses_beyond_ascii_take_the_types_of_rfc_6533() -> None:
    made = report(recipient("用户@例え.jp"), original=original(smtputf8=True))
    composed = await compose(made, BytesBody(BODY), dsn_text.text(made), dsn_text.subject(made))
    assert composed.eight_bit
    assert not composed.utf8, "the report itself is between ASCII addresses"
    made_for = report(recipient("用户@例え.jp"), to="送信者@例え.jp")
    assert (await compose(made_for, BytesBody(BODY), "text", "subject")).utf8
    data = await render(made, BytesBody(BODY))
    parsed = email.message_from_bytes(data)
    kinds = [part.get_content_type() for part in parsed.get_payload()]  # type: ignore[union-attr]
    assert kinds == ["text/plain", "message/global-delivery-status", "message/global-headers"]
    assert "Final-Recipient: utf-8;用户@例え.jp".encode() in data
    data = await render(report(recipient("用户@例え.jp"), full=True), BytesBody(BODY))
    kinds = [part.get_content_type() for part in email.message_from_bytes(data).get_payload()]  # type: ignore
    assert kinds[2] == "message/global"


async def test_raw_octets_in_the_original_make_the_report_eight_bit() -> None:
    body = BytesBody(b"Subject: caf\xe9\r\n\r\nx\r\n")
    composed = await compose(report(), body, "text", "subject")
    assert composed.eight_bit
    assert not composed.utf8
    parsed = email.message_from_bytes(await render(report(), body))
    assert parsed["Content-Transfer-Encoding"] == "8bit"
    assert parsed.get_payload(2)["Content-Transfer-Encoding"] == "8bit"  # type: ignore[union-attr]
