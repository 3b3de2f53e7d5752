"""The header with which a message goes through Microsoft Graph, which knows no envelope: who is named there gets it.

Leaves to others: the octets behind the header (graph), meaning of answers (graph_errors). Pure.
Invariants: To, Cc and Bcc together name the recipients of this delivery and nobody else, or the message is not sent;
a message is refused or held rather than sent as somebody else; what need not change stays octet for octet.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailferry.mail.address import normal_address
from mailferry.mail.envelope import Recipient
from mailferry.mail.headers import Header, Mailbox, fields_end, mailboxes, rewrite_from
from mailferry.mail.message import Message
from mailferry.mail.outcome import Deferred, Failed, Outcome
from mailferry.routes.classify import local
from mailferry.routes.faults import Fault
from mailferry.routes.graph_settings import HeaderOnly, OtherFrom

#: Fields whose addresses get the message, by what is documented (To, Cc, Bcc) or may be read so (Resent-*).
_SEEN = (b"to", b"cc", b"resent-to", b"resent-cc")
_UNSEEN = (b"bcc", b"resent-bcc")
_PLAIN = re.compile(rb"""(?:"(?:[^"\\]|\\.)*+"|[\w!#$%&'*+/=?^`{|}~\x80-\xff \t\r\n-]++)*+""", re.DOTALL)
_SHOWN = 3  # addresses that a refusal names


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says; `report`: the message is a report, with the null sender."""

    header_only: HeaderOnly
    other_from: OtherFrom
    report_as_mailbox: bool = True


@dataclass(frozen=True, slots=True)
class Letter:
    """`header` whole fields, without the empty line. `to`, `cc` and `bcc` are the recipients, each once. `author` is
    set where the message has to be sent as somebody who is not the mailbox."""

    header: bytes
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    bcc: tuple[Mailbox, ...]
    author: Mailbox | None = None


class Refused(Exception):
    """The message does not go this way; `outcome` holds for every recipient."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(str(outcome.reply))
        self.outcome = outcome


def header_of(start: bytes) -> tuple[bytes, bytes]:
    """The header section at the start of a message, and what follows it, which begins with the empty line. A line
    that is no field ends the section: an empty line is put before it, so that no other reader finds more fields, and
    recipients in them, than were checked here."""
    end = fields_end(start)
    rest = start[end:]
    if not rest or rest.startswith(b"\r\n"):
        return start[:end], rest
    return start[:end], b"\r\n" + rest


def write(raw: bytes, message: Message, recipients: Sequence[Recipient], mailbox: str, rules: Rules) -> Letter:
    """The header for `recipients`, sent from `mailbox`. Raises Refused."""
    wanted = {normal_address(one.address): one.address for one in recipients}
    raw = _without_strangers(_quoted(raw), wanted, message, rules)
    raw, author = _author(raw, message, mailbox, rules)
    header = Header(raw)
    to, cc = _named(header, b"to"), _named(header, b"cc")
    for name in (b"resent-to", b"resent-cc"):
        cc |= _named(header, name)
    cc = {key: one for key, one in cc.items() if key not in to}
    bcc = {key: Mailbox(b"", address) for key, address in wanted.items() if key not in to and key not in cc}
    raw = _with_bcc(header, bcc)
    if not Header(raw).has(b"message-id") and message.header_id:
        raw += b"Message-ID: " + message.header_id.encode("utf-8", "replace") + b"\r\n"
    return Letter(raw, tuple(to.values()), tuple(cc.values()), tuple(bcc.values()), author)


def _fields(header: Header, name: bytes) -> list[bytes]:
    """What follows the colon of every field called `name`."""
    return [header.raw[start:end].partition(b":")[2] for start, end in header.spans(name)]


def _named(header: Header, name: bytes) -> dict[str, Mailbox]:
    found: dict[str, Mailbox] = {}
    for text in _fields(header, name):
        for one in mailboxes(text):
            found.setdefault(normal_address(one.address), one)
    return found


def _quoted(raw: bytes) -> bytes:
    """The section in which every display name that holds an @ stands in quotes. Without them the service reads an
    address in it: "scan@floor3 <scan@contoso.com>" is answered ErrorSendAsDenied (SMTP2Graph issue 28), and among the
    recipients it would be one more."""
    header = Header(raw)
    spans = sorted(span for name in (b"from", *_SEEN, *_UNSEEN) for span in header.spans(name))
    for start, end in reversed(spans):
        name, _, text = header.raw[start:end].partition(b":")
        found = mailboxes(text)
        if any(b"@" in one.display and not _PLAIN.fullmatch(one.display) for one in found):
            raw = raw[:start] + name + b": " + b",\r\n ".join(_written(one) for one in found) + b"\r\n" + raw[end:]
    return raw


# -- who is named and must not get it ---------------------------------------------------------------------------------


def _without_strangers(raw: bytes, wanted: dict[str, str], message: Message, rules: Rules) -> bytes:
    header = Header(raw)
    named = {name: _named(header, name) for name in _SEEN}
    strangers = {key: one.address for found in named.values() for key, one in found.items() if key not in wanted}
    if not strangers:
        return raw
    if rules.header_only is HeaderOnly.REFUSE:
        raise Refused(Failed(local(554, "5.6.2", _why(strangers, message))))
    for name, found in named.items():
        if any(key not in wanted for key in found):
            raw = _renamed(raw, name, [one for key, one in found.items() if key in wanted])
    return raw


def _why(strangers: dict[str, str], message: Message) -> str:
    """Names whom it is about. An envelope's other recipients get the message some other way, and would get it twice."""
    envelope = {normal_address(one.address) for one in message.envelope.recipients}
    outside = [address for key, address in strangers.items() if key not in envelope]
    shown = outside or list(strangers.values())
    names = ", ".join(shown[:_SHOWN]) + (f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else "")
    reason = "who is no recipient of this message" if outside else "who gets this message by another way or delivery"
    return (
        f"Microsoft Graph mails whoever To and Cc name, and they name {names}, {reason}. "
        'Send it by another route, or set header_only = "rename" for this one'
    )


def _renamed(raw: bytes, name: bytes, kept: list[Mailbox]) -> bytes:
    """The fields called `name` become X-Original-..., and one with those who may be named takes their place."""
    header = Header(raw)
    shown = name.title()
    old = b"".join(b"X-Original-" + shown + b":" + text for text in _fields(header, name))
    out = header.without(name) + old
    if kept and not name.startswith(b"resent-"):
        out += shown + b": " + b",\r\n ".join(_written(one) for one in kept) + b"\r\n"
    return out


def _written(one: Mailbox) -> bytes:
    address = one.address.encode("utf-8", "surrogateescape")
    if not one.display:
        return address
    display = one.display
    if not _PLAIN.fullmatch(display):
        flat = b" ".join(display.split())
        display = b'"' + flat.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return display + b" <" + address + b">"


def _with_bcc(header: Header, bcc: dict[str, Mailbox]) -> bytes:
    """The section with one Bcc that names `bcc`. The service takes it out before the message leaves (facts: observed),
    and so does RFC 5322 section 3.6.3 want it."""
    present = _named(header, b"bcc")
    if present.keys() == bcc.keys() and header.count(b"bcc") <= 1 and not header.has(b"resent-bcc"):
        return header.raw if bcc or not header.has(b"bcc") else header.without(b"bcc")
    raw = header.raw
    for name in _UNSEEN:
        raw = Header(raw).without(name)
    if not bcc:
        return raw
    return raw + b"Bcc: " + b",\r\n ".join(_written(one) for one in bcc.values()) + b"\r\n"


# -- whose message it is ----------------------------------------------------------------------------------------------


def _author(raw: bytes, message: Message, mailbox: str, rules: Rules) -> tuple[bytes, Mailbox | None]:
    """The section with a From that the service will not replace, and who has to be sent as. MIME goes out as the
    mailbox whatever From says (facts: observed), which nobody would notice before the recipient."""
    header = Header(raw)
    authors = [one for text in _fields(header, b"from") for one in mailboxes(text)]
    ours = [normal_address(one.address) for one in authors] == [normal_address(mailbox)]
    if not authors:
        return _sender_out(header.without(b"from")) + b"From: <" + mailbox.encode() + b">\r\n", None
    if ours and header.count(b"from") == 1:
        return _sender_out(raw), None
    if rules.other_from is OtherFrom.REWRITE or (not message.envelope.reverse_path and rules.report_as_mailbox):
        return rewrite_from(raw, mailbox), None
    if rules.other_from is OtherFrom.SEND_AS and len(authors) == 1 and "@" in authors[0].address:
        return _sender_out(raw), authors[0]
    text = (
        f"Microsoft Graph would send this as {mailbox}, but its From is {', '.join(one.address for one in authors)}. "
        "Set rewrite_from for the client or other_from for the route, or send it from that mailbox"
    )
    raise Refused(Deferred(local(451, "4.7.1", text), lane_fault=Fault.SENDER))


def _sender_out(raw: bytes) -> bytes:
    """Without Sender, which "must correspond to the actual mailbox used" and is set by the service itself."""
    header = Header(raw)
    return header.without(b"sender") if header.has(b"sender") else raw
