"""A message as Microsoft Graph's JSON form has it: subject, one text, recipients, attachments.

Leaves to others: whether the message may be taken apart so (mail.fidelity), requests (graph, graph_draft). Pure, but
for reading attachments as they are sent. Invariants: text is decoded strictly or the message is refused; an attachment
is never in memory whole.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from mailferry.mail.body import Body
from mailferry.mail.fidelity import Attachment, Report
from mailferry.mail.headers import Header, Mailbox, decode_text, mailboxes
from mailferry.mail.mime import Part, content
from mailferry.mail.outcome import Failed
from mailferry.routes.classify import local
from mailferry.routes.graph_http import Content, base64_length, in_base64
from mailferry.routes.graph_letter import Letter, Refused
from mailferry.routes.json_parts import Undecodable, address_of, attachment_name, decoded, display_name, importance


def damaged(reasons: Sequence[str]) -> Refused:
    """The refusal of a message that would not arrive as it was sent."""
    more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    text = f"Microsoft Graph would damage this message in the form that it needs here: {'; '.join(reasons[:3])}{more}"
    return Refused(Failed(local(554, "5.6.2", text)))


def too_large(octets: int, most: int, what: str, cure: str) -> Refused:
    text = f"Microsoft Graph takes at most {most} octets {what}, this has {octets}. {cure}"
    return Refused(Failed(local(552, "5.3.4", text)))


async def text_of(body: Body, part: Part | None) -> str:
    """The message's text. Raises Refused where its characters cannot be told."""
    if part is None:
        return ""
    try:
        return await decoded(body, part)
    except Undecodable as error:
        raise damaged([str(error)]) from error


def message_json(report: Report, letter: Letter, text: str) -> dict[str, Any]:
    """The message resource without its attachments."""
    header, part = Header(letter.header), report.text
    html = part is not None and part.type == "text/html"
    message: dict[str, Any] = {
        "subject": decode_text(header.value(b"subject") or b""),
        "body": {"contentType": "html" if html else "text", "content": text},
        "toRecipients": [_recipient(one) for one in letter.to],
        "ccRecipients": [_recipient(one) for one in letter.cc],
        "bccRecipients": [_recipient(one) for one in letter.bcc],
        "importance": importance(header),
        "isReadReceiptRequested": header.has(b"disposition-notification-to"),
        "isDeliveryReceiptRequested": header.has(b"return-receipt-to"),
    }
    reply_to = header.text(b"reply-to")
    if reply_to:
        message["replyTo"] = [_recipient(one) for one in mailboxes(reply_to)]
    message_id = (header.value(b"message-id") or b"").decode("ascii", "replace")
    if message_id:
        message["internetMessageId"] = message_id  # so that a duplicate can be recognised
    if letter.author is not None:
        message["from"] = _recipient(letter.author)
    own = [{"name": name, "value": value} for name, value in report.own_fields if value]
    if own:
        message["internetMessageHeaders"] = own
    return message


def _recipient(one: Mailbox) -> dict[str, Any]:
    name, address = display_name(one), {"address": address_of(one)}
    return {"emailAddress": address | ({"name": name} if name else {})}


def attachment_json(one: Attachment, number: int) -> dict[str, Any]:
    """The fileAttachment resource without its octets."""
    resource: dict[str, Any] = {
        "@odata.type": "#microsoft.graph.fileAttachment",
        "name": attachment_name(one, number),
        "contentType": one.part.type,
        "isInline": one.inline,
    }
    if one.part.content_id:
        resource["contentId"] = one.part.content_id
    return resource


def attachment_content(body: Body, one: Attachment, number: int) -> Content:
    """A request with one attachment; its octets come from the spool as they go out."""
    before, length, after = _frame(one, number)

    async def chunks() -> AsyncIterator[bytes]:
        async for piece in _framed(body, one, before, after):
            yield piece

    return Content("application/json", len(before) + length + len(after), chunks)


def mail_content(body: Body, message: dict[str, Any], attachments: Sequence[Attachment]) -> Content:
    """A sendMail request in the JSON form with all its attachments."""
    start = _dumped({"message": message})[:-2]
    start += b',"attachments":['
    frames = [_frame(one, number) for number, one in enumerate(attachments, 1)]
    length = len(start) + sum(len(before) + octets + len(after) for before, octets, after in frames)

    async def chunks() -> AsyncIterator[bytes]:
        yield start
        for index, (one, (before, _, after)) in enumerate(zip(attachments, frames, strict=True)):
            async for piece in _framed(body, one, b"," + before if index else before, after):
                yield piece
        yield b"]}}"

    return Content("application/json", length + max(0, len(frames) - 1) + len(b"]}}"), chunks)


def _frame(one: Attachment, number: int) -> tuple[bytes, int, bytes]:
    before = _dumped(attachment_json(one, number))[:-1] + b',"contentBytes":"'
    return before, base64_length(one.part.size), b'"}'


async def _framed(body: Body, one: Attachment, before: bytes, after: bytes) -> AsyncIterator[bytes]:
    yield before
    async for piece in in_base64(content(body, one.part)):
        yield piece
    yield after


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
