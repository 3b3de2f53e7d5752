"""Reading somebody else's non-delivery report: RFC 3464 in the multipart/report of RFC 6522, as Exchange Online writes
it too.

Leaves to others: which message of ours it is about, and whether it is believed (delivery.returns).
Invariants: what is not a whole report of failures is None, whatever its octets are; every text that comes out is short,
one line, and printable. A report proves nothing: anybody can write one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.policy import compat32

#: Letters that are kept of a diagnostic, and recipients of one report.
_LONGEST, _MOST = 500, 1000
#: RFC 3463 section 2: class, subject and detail. A failure has class 5; 4 is one that was tried too long.
_STATUS = re.compile(r"\s*([45]\.\d{1,3}\.\d{1,3})\b")
_ID = re.compile(r"<[^<>\s]{1,900}>")
_RECEIVED = re.compile(r"\bid\s+([0-9A-Za-z]{13})\b")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is said of one recipient: `by` the server that refused it, or the one that tells."""

    recipient: str
    original: str  # ORCPT, where it was given
    status: str
    diagnostic: str
    by: str


@dataclass(frozen=True, slots=True)
class NonDelivery:
    """A report. `about` is the Message-ID of the message it is about, with brackets; `ids` what may be queue ids in its
    Received fields, the first hop's last; `message_id` its own."""

    message_id: str
    about: str
    ids: tuple[str, ...]
    refusals: tuple[Refusal, ...]


def read(data: bytes) -> NonDelivery | None:
    """The report in `data`, which may have lost its end. None for anything else."""
    try:
        report = message_from_bytes(data, policy=compat32)
        return _read(report)
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError):  # octets that the library stumbles on
        return None


def _read(report: Message) -> NonDelivery | None:
    kind = str(report.get_param("report-type", "")).lower()
    if report.get_content_type() != "multipart/report" or kind != "delivery-status":
        return None
    parts = [part for part in report.get_payload() if isinstance(part, Message)]
    told = [part for part in parts if part.get_content_type() in _STATUS_TYPES]
    if len(told) != 1:
        return None
    blocks = [block for block in told[0].get_payload() if isinstance(block, Message)]
    refusals = tuple(_refusals(blocks))
    original = next((header for part in parts[1:] if (header := _original(part)) is not None), None)
    about = _first_id(original.get("Message-ID") if original is not None else None)
    about = about or _first_id(report.get("In-Reply-To"))
    if not about or not refusals:
        return None
    received = original.get_all("Received", []) if original is not None else []
    ids = tuple(match[1].upper() for field in received if (match := _RECEIVED.search(str(field))))
    return NonDelivery(_first_id(report.get("Message-ID")), about, ids[-5:], refusals)


_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_ORIGINALS = frozenset({"message/rfc822", "message/global"})
_HEADERS = frozenset({"text/rfc822-headers", "message/global-headers"})


def _original(part: Message) -> Message | None:
    """The header section of the message that the report is about."""
    kind = part.get_content_type()
    if kind in _ORIGINALS:
        payload = part.get_payload()
        inner = payload[0] if isinstance(payload, list) and payload else None
        return inner if isinstance(inner, Message) else None
    if kind in _HEADERS:
        content = part.get_payload(decode=True)
        return message_from_bytes(content, policy=compat32) if isinstance(content, bytes) else None
    return None


def _refusals(blocks: Iterable[Message]) -> Iterable[Refusal]:
    """The recipients that failed; RFC 3464 section 2.3. The first block is about the message."""
    reporting = ""
    for number, block in enumerate(blocks):
        if number == 0:
            reporting = _value(block.get("Reporting-MTA"))
            continue
        if number > _MOST or _text(block.get("Action")).lower() != "failed":
            continue
        recipient, status = _value(block.get("Final-Recipient")), _STATUS.match(_text(block.get("Status")))
        if "@" not in recipient or status is None:
            continue
        by = _value(block.get("Remote-MTA")) or reporting
        diagnostic = _value(block.get("Diagnostic-Code"))
        yield Refusal(recipient, _value(block.get("Original-Recipient")), status[1], diagnostic, by)


def _value(field: object) -> str:
    """What follows the type: "rfc822;ann@example.net"."""
    kind, semicolon, value = _text(field).partition(";")
    return value.strip() if semicolon else kind


def _text(field: object) -> str:
    if field is None:
        return ""
    text = "".join(letter if letter.isprintable() else " " for letter in str(field))
    return " ".join(text.split())[:_LONGEST]


def _first_id(field: object) -> str:
    match = _ID.search(str(field)) if field is not None else None
    return match[0] if match else ""
