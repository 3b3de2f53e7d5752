"""Whom and as whom a message goes by the REST interface of Azure Communication Services, which knows no envelope: who
is named in the request gets it, and From is the MailFrom address.

Leaves to others: text and attachments (acs_json). Pure.
Invariants: to, cc and bcc together name the recipients of this delivery, each once, and nobody else, or the message is
not sent; a field that goes along cannot steer the service.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailferry.mail.address import normal_address
from mailferry.mail.envelope import Recipient
from mailferry.mail.fidelity import Form
from mailferry.mail.headers import Header, Mailbox, decode_text, mailboxes
from mailferry.mail.message import Message
from mailferry.mail.outcome import Deferred, Failed
from mailferry.routes.classify import local
from mailferry.routes.faults import Fault
from mailferry.routes.graph_letter import Refused
from mailferry.routes.graph_settings import HeaderOnly
from mailferry.routes.json_parts import address_of, importance

#: `headers` is a map of any names (specification 2025-09-01; Learn, "Custom headers", 2025-01-09, whose reserved ones
#: begin x-ms-acsemail-: one of them drops attachments in silence). Fields without X- that were seen to work are named.
FORM = Form(
    own_fields=0,
    others=frozenset(
        {"auto-submitted", "disposition-notification-to", "in-reply-to", "list-id", "list-unsubscribe"}
        | {"list-unsubscribe-post", "precedence", "references", "return-receipt-to"}
    ),
    both_texts=True,
    once=True,
    directives="x-ms-acsemail-",
)
_PRIORITY = {"high": ("1", "High"), "low": ("5", "Low")}
_ORIGINAL = "X-Mailferry-Original-From"
_SHOWN = 3  # addresses that a refusal names


@dataclass(frozen=True, slots=True)
class Letter:
    """What stands in the request beside text and attachments."""

    sender: str
    subject: str
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    bcc: tuple[Mailbox, ...]
    reply_to: tuple[Mailbox, ...]
    headers: dict[str, str]


def write(
    header: Header,
    message: Message,
    recipients: Sequence[Recipient],
    own_fields: Sequence[tuple[str, str]],
    *,
    sender: str,
    header_only: HeaderOnly,
) -> Letter:
    """`sender` is the route's MailFrom address, "" where each message goes out as its own From. Raises Refused."""
    wanted = {normal_address(one.address): one.address for one in recipients}
    named = {name: _named(header, name) for name in (b"to", b"cc")}
    fields = dict(own_fields)
    strangers = [one.address for found in named.values() for key, one in found.items() if key not in wanted]
    if strangers:
        if header_only is HeaderOnly.REFUSE:
            raise Refused(Failed(local(554, "5.6.2", _why(strangers, message))))
        fields |= _kept(header, named, wanted)
    to = {key: one for key, one in named[b"to"].items() if key in wanted}
    cc = {key: one for key, one in named[b"cc"].items() if key in wanted and key not in to}
    bcc = [Mailbox(b"", address) for key, address in wanted.items() if key not in to and key not in cc]
    account, reply_to = _author(header, message, sender)
    if sender and reply_to is not None and (original := header.value(b"from")):
        fields = {name: value for name, value in fields.items() if name.lower() != _ORIGINAL.lower()}
        fields[_ORIGINAL] = decode_text(original)
    return Letter(
        sender=account,
        subject=decode_text(header.value(b"subject") or b""),
        to=tuple(to.values()),
        cc=tuple(cc.values()),
        bcc=tuple(bcc),
        reply_to=tuple(_replies(header) or reply_to or ()),
        headers=fields | _marks(header, message),
    )


def _named(header: Header, name: bytes) -> dict[str, Mailbox]:
    found: dict[str, Mailbox] = {}
    for text in header.texts(name):
        for one in mailboxes(text):
            found.setdefault(normal_address(one.address), one)
    return found


def _replies(header: Header) -> list[Mailbox]:
    return [one for text in header.texts(b"reply-to") for one in mailboxes(text) if "@" in one.address]


def _kept(header: Header, named: dict[bytes, dict[str, Mailbox]], wanted: dict[str, str]) -> dict[str, str]:
    """X-Original-To and X-Original-Cc of the fields from which somebody is taken out."""
    return {
        f"X-Original-{name.decode().title()}": ", ".join(
            decode_text(text.strip().replace(b"\r\n", b"")) for text in header.texts(name)
        )
        for name, found in named.items()
        if any(key not in wanted for key in found)
    }


def _why(strangers: list[str], message: Message) -> str:
    """Names whom it is about. An envelope's other recipients get the message some other way, and would get it twice."""
    envelope = {normal_address(one.address) for one in message.envelope.recipients}
    outside = [address for address in strangers if normal_address(address) not in envelope]
    shown = outside or strangers
    names = ", ".join(shown[:_SHOWN]) + (f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else "")
    reason = "who is no recipient of this message" if outside else "who gets this message by another way or delivery"
    return (
        f"Azure Communication Services mails whomever it shows in To and Cc, and they name {names}, {reason}. "
        'Send it by another route, such as acs-smtp, or set header_only = "rename" for this one'
    )


def _author(header: Header, message: Message, sender: str) -> tuple[str, list[Mailbox] | None]:
    """The MailFrom address, and where replies go for a From that it takes the place of; None where it takes none's."""
    authors = [one for text in header.texts(b"from") for one in mailboxes(text)]
    addresses = [address_of(one) for one in authors]
    if sender:
        same = [normal_address(address) for address in addresses] == [normal_address(sender)]
        return sender, None if same or not authors else [one for one in authors if "@" in one.address]
    if len(authors) > 1:
        text = "Azure Communication Services sends as one author only, and From names several"
        raise Refused(Failed(local(554, "5.6.2", text)))
    own = addresses[0] if addresses and "@" in addresses[0] else message.envelope.reverse_path
    if "@" in own:
        return own, None
    text = (
        "Azure Communication Services needs a sender address, and this message has none: "
        "set mailbox of the route to a MailFrom address, or give reports another route"
    )
    raise Refused(Deferred(local(451, "4.7.1", text), lane_fault=Fault.SENDER))


def _marks(header: Header, message: Message) -> dict[str, str]:
    """Importance in the fields that the service is told it by, and the Message-ID, so that a duplicate is recognised:
    "if the internet message ID validation fails, we remove the message ID and let the service create one"."""
    marks: dict[str, str] = {}
    if level := _PRIORITY.get(importance(header)):
        marks |= {"X-Priority": level[0], "X-MSMail-Priority": level[1]}
    identity = (header.value(b"message-id") or b"").decode("ascii", "replace") or message.header_id
    return marks | ({"Message-ID": identity} if identity else {})
