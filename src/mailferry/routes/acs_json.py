"""A message as the REST interface of Azure Communication Services takes it: subject, two texts, attachments.

Leaves to others: whether it may be taken apart so (mail.fidelity), recipients and fields (acs_letter), requests
(acs_client). Invariant: the size of the request is known, and refused, before an attachment is read.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from mailferry.m365.attachments import type_for
from mailferry.mail.body import Body
from mailferry.mail.fidelity import Attachment, Report
from mailferry.mail.headers import Mailbox
from mailferry.mail.mime import Part, content
from mailferry.mail.outcome import Failed
from mailferry.routes.acs_letter import Letter
from mailferry.routes.classify import local
from mailferry.routes.graph_http import base64_length
from mailferry.routes.graph_letter import Refused
from mailferry.routes.json_parts import Undecodable, address_of, attachment_name, decoded, display_name


def damaged(reasons: Sequence[str]) -> Refused:
    """The refusal of a message that would not arrive as it was sent."""
    more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    text = f"Azure Communication Services would damage this message: {'; '.join(reasons[:3])}{more}. "
    return Refused(Failed(local(554, "5.6.2", text + "Send it by another route, such as acs-smtp")))


async def compose(body: Body, report: Report, letter: Letter, most: int) -> dict[str, Any]:
    """The whole request. `most`: octets that it may have, 0 for no limit. Raises Refused and BodyGone."""
    message = await _frame(body, report, letter)
    _check_size(message, report, most)
    for one, entry in zip(report.attachments, message.get("attachments", ()), strict=True):
        data = b"".join([piece async for piece in content(body, one.part)])
        entry["contentInBase64"] = base64.b64encode(data).decode("ascii")
    return message


async def _frame(body: Body, report: Report, letter: Letter) -> dict[str, Any]:
    """The request without the octets of its attachments."""
    message: dict[str, Any] = {
        "senderAddress": letter.sender,
        "content": {"subject": letter.subject} | await _texts(body, report),
        "recipients": {
            "to": [_address(one) for one in letter.to],
            "cc": [_address(one) for one in letter.cc],
            "bcc": [_address(one) for one in letter.bcc],
        },
        "headers": letter.headers,
        # A gateway adds no tracking pixel to anybody's mail.
        "userEngagementTrackingDisabled": True,
    }
    if letter.reply_to:
        message["replyTo"] = [_address(one) for one in letter.reply_to]
    if report.attachments:
        message["attachments"] = [_attachment(one, number) for number, one in enumerate(report.attachments, 1)]
    return message


async def _texts(body: Body, report: Report) -> dict[str, str]:
    main, plain = report.text, report.plain
    if main is None:
        return {"plainText": "\r\n"}  # an empty line, for a text is asked for
    html = main.type == "text/html"
    found = {"html" if html else "plainText": await _text(body, main)}
    return found | ({"plainText": await _text(body, plain)} if html and plain is not None else {})


async def _text(body: Body, part: Part) -> str:
    try:
        return await decoded(body, part) or "\r\n"
    except Undecodable as error:
        raise damaged([str(error)]) from error


def _address(one: Mailbox) -> dict[str, str]:
    name = display_name(one)
    return {"address": address_of(one)} | ({"displayName": name} if name else {})


def _attachment(one: Attachment, number: int) -> dict[str, str]:
    name = attachment_name(one, number)
    entry = {"name": name, "contentType": type_for(one.part.type, name), "contentInBase64": ""}
    if one.inline and one.part.content_id:
        entry["contentId"] = one.part.content_id
    return entry


def _check_size(message: dict[str, Any], report: Report, most: int) -> None:
    octets = len(json.dumps(message)) + sum(base64_length(one.part.size) for one in report.attachments)
    if most and octets > most:
        text = (
            f"Azure Communication Services takes at most {most} octets in a request, in which attachments are a third "
            f"larger than they are; this one would have {octets}. Send it by another route"
        )
        raise Refused(Failed(local(552, "5.3.4", text)))
