"""Delivery status notifications: the multipart/report of RFC 3464 and RFC 6522 (which took the place of RFC 3462).

Leaves to others: whether a report is owed and to whom (delivery.bounce) and its sentences (mail.dsn_text).
Invariant: a report parses into exactly three parts (two where the original is gone), whatever the original holds, and
an original is streamed through, never held in memory: only its header section is, up to HEADER_LIMIT.
"""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from email.header import Header
from enum import StrEnum

from mailferry.mail.body import Body
from mailferry.mail.headers import format_date
from mailferry.mail.message import Message, format_id

#: Octets of an original's header section that a report returns.
HEADER_LIMIT = 64 * 1024
#: Characters of a diagnostic: Exchange Online's SendAsDenied runs to kilobytes.
_DIAGNOSTIC_LIMIT = 2000
_FOLD_AT = 76
#: RFC 5322 section 2.1.1: 998 octets a line; UTF-8 needs up to four for a character.
_HARD_LIMIT = 900


class Action(StrEnum):
    """RFC 3464 section 2.3.3, those a relay has use for."""

    FAILED = "failed"
    DELAYED = "delayed"
    RELAYED = "relayed"


class Language(StrEnum):
    """The languages of a report's text."""

    ENGLISH = "en"
    JAPANESE = "ja"  # Japanese first, English below


@dataclass(frozen=True, slots=True)
class ReportedRecipient:
    """One recipient. `status` per RFC 3463; `diagnostic` the reply as it came ("550 5.1.1 no such user"); `expired`
    True when it failed because it was tried long enough; `retry_until` only while it is delayed."""

    address: str
    status: str
    diagnostic: str
    orcpt: str | None = None
    expired: bool = False
    retry_until: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says. `message_id` with brackets; `boundary` must be unguessable; `sender` and `to` are addresses;
    `full` asks for the whole original instead of its header section."""

    message_id: str
    boundary: str
    sender: str
    to: str
    hostname: str
    at: float
    action: Action
    original: Message
    recipients: tuple[ReportedRecipient, ...]
    language: Language = Language.ENGLISH
    full: bool = False

    @property
    def international(self) -> bool:
        """Whether the report needs the types of RFC 6533: an address that is not ASCII, or such an original."""
        texts = [self.sender, self.to, self.original.envelope.envid or ""]
        for recipient in self.recipients:
            texts += [recipient.address, recipient.orcpt or ""]
        return self.original.envelope.smtputf8 or not all(text.isascii() for text in texts)


@dataclass(frozen=True, slots=True)
class Dsn:
    """A composed report: `head`, then the original if `streamed`, then `tail`. `eight_bit`: it needs 8BITMIME. `utf8`:
    it needs SMTPUTF8, which only its own addresses ask for; octets inside a part do not (RFC 6533 section 3)."""

    head: bytes
    tail: bytes
    streamed: bool
    eight_bit: bool
    utf8: bool

    def size(self, body: Body | None) -> int:
        return len(self.head) + len(self.tail) + (body.size if self.streamed and body else 0)

    async def chunks(self, body: Body | None) -> AsyncIterator[bytes]:
        """The octets. Raises BodyGone when the original goes meanwhile."""
        yield self.head
        if self.streamed and body is not None:
            async for chunk in body.chunks():
                yield chunk
        yield self.tail


async def compose(report: Report, body: Body | None, text: str, subject: str) -> Dsn:
    """Put a report together. `body` None: the original is gone and the report has two parts. Raises BodyGone."""
    streamed = report.full and body is not None
    original = await header_section(body) if body is not None and not streamed else b""
    utf8 = report.international
    eight_bit = utf8 or streamed or not original.isascii()
    parts = [_text_part(text), _status_part(report, utf8)]
    if body is not None:
        parts.append(_original_head(streamed, utf8, original))
    delimiter = f"--{report.boundary}\r\n".encode()
    head = b"".join(
        [
            _header(report, subject, utf8, eight_bit),
            *(delimiter + part + b"\r\n" for part in parts[:2]),
            *(delimiter + part for part in parts[2:]),
        ]
    )
    return Dsn(
        head, f"\r\n--{report.boundary}--\r\n".encode(), streamed, eight_bit, not (report.sender + report.to).isascii()
    )


async def header_section(body: Body, limit: int = HEADER_LIMIT) -> bytes:
    """The original's header section without the empty line, cut after the last whole line within `limit`."""
    found = b""
    async for chunk in body.chunks():
        found += chunk[: limit + 4 - len(found)]
        if found.startswith(b"\r\n"):
            return b""
        end = found.find(b"\r\n\r\n")
        if 0 <= end <= limit:
            return found[: end + 2]
        if len(found) >= limit:
            whole = found.rfind(b"\r\n", 0, limit)
            return found[: whole + 2] if whole >= 0 else b""
    return found


def _header(report: Report, subject: str, utf8: bool, eight_bit: bool) -> bytes:
    # RFC 3834 section 5: auto-replied, so that nobody answers an answer.
    lines = [
        f"Date: {format_date(report.at)}",
        f"From: Mail Delivery System <{_clean(report.sender)}>",
        f"To: <{_clean(report.to)}>",
        f"Subject: {subject if subject.isascii() else Header(subject, 'utf-8').encode(linesep=CRLF)}",
        f"Message-ID: {_clean(report.message_id)}",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="{report.boundary}"',
        f"Content-Transfer-Encoding: {'8bit' if eight_bit else '7bit'}",
    ]
    reference = _clean(report.original.header_id)
    if reference.startswith("<") and (utf8 or reference.isascii()):
        lines.insert(5, f"References: {reference}")
    return (CRLF.join(lines) + "\r\n\r\n").encode()


CRLF = "\r\n"


def _text_part(text: str) -> bytes:
    data = text.replace("\n", CRLF).encode()
    if data.isascii():
        return b"Content-Type: text/plain; charset=us-ascii\r\nContent-Description: Notification\r\n\r\n" + data
    # base64, so that the report stays 7-bit wherever its original lets it: a next hop may lack 8BITMIME.
    encoded = base64.encodebytes(data).replace(b"\n", b"\r\n").removesuffix(b"\r\n")
    return (
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Description: Notification\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + encoded
    )


def _status_part(report: Report, utf8: bool) -> bytes:
    kind = "message/global-delivery-status" if utf8 else "message/delivery-status"
    original = report.original
    message = [("Reporting-MTA", f"dns; {report.hostname}")]
    if original.envelope.envid:  # RFC 3464 section 2.2.1: as the sender gave it, xtext taken off
        message.insert(0, ("Original-Envelope-Id", original.envelope.envid))
    if original.origin.helo:
        message.append(("Received-From-MTA", f"dns; {original.origin.helo}"))
    message.append(("Arrival-Date", format_date(original.received_at)))
    message.append(("X-Mailferry-Queue-Id", format_id(original.id)))
    groups = [message, *(_recipient_fields(report, recipient, utf8) for recipient in report.recipients)]
    text = CRLF.join("".join(_folded(f"{name}: {value}", utf8) for name, value in group) for group in groups)
    encoding = "Content-Transfer-Encoding: 8bit\r\n" if utf8 else ""
    return f"Content-Type: {kind}\r\nContent-Description: Delivery report\r\n{encoding}\r\n{text}".encode()


def _recipient_fields(report: Report, recipient: ReportedRecipient, utf8: bool) -> Iterator[tuple[str, str]]:
    if recipient.orcpt:  # RFC 3461 section 4.2: returned unchanged
        kind, _, address = recipient.orcpt.partition(";")
        yield "Original-Recipient", f"{kind};{address}"
    # RFC 6533 section 3: the type "utf-8" for an address that is not ASCII.
    yield "Final-Recipient", f"{'utf-8' if not recipient.address.isascii() else 'rfc822'};{recipient.address}"
    yield "Action", report.action.value
    yield "Status", recipient.status
    if recipient.diagnostic:
        yield "Diagnostic-Code", f"smtp; {recipient.diagnostic[:_DIAGNOSTIC_LIMIT]}"
    yield "Last-Attempt-Date", format_date(report.at)
    if recipient.retry_until is not None and report.action is Action.DELAYED:
        yield "Will-Retry-Until", format_date(recipient.retry_until)


def _original_head(streamed: bool, utf8: bool, original: bytes) -> bytes:
    if streamed:
        kind = "message/global" if utf8 else "message/rfc822"
    else:
        kind = "message/global-headers" if utf8 else "text/rfc822-headers"
    # An original may hold what it does not declare, so a whole one is called 8-bit, which is always true.
    eight_bit = streamed or utf8 or not original.isascii()
    encoding = "Content-Transfer-Encoding: 8bit\r\n" if eight_bit else ""
    description = "Undelivered message" if streamed else "Undelivered message headers"
    head = f"Content-Type: {kind}\r\nContent-Description: {description}\r\n{encoding}\r\n"
    return head.encode() + original


def _clean(value: str) -> str:
    """No control characters: nothing may begin a line of its own."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", value).strip()


def _folded(field: str, utf8: bool) -> str:
    """One field in lines of at most _FOLD_AT characters where blanks allow it, and never longer than is lawful."""
    text = _clean(field)
    if not utf8:
        text = text.encode("ascii", "replace").decode()
    most = _HARD_LIMIT if text.isascii() else _HARD_LIMIT // 4
    lines: list[str] = []
    line = ""
    for word in text.split():
        for piece in (word[start : start + most] for start in range(0, len(word), most)):
            if line and len(line) + 1 + len(piece) > _FOLD_AT:
                lines.append(line)
                line = piece
            else:
                line = f"{line} {piece}" if line else piece
    return CRLF.join(f" {each}" if number else each for number, each in enumerate([*lines, line])) + CRLF
