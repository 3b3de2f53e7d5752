"""How one message fits what the upstream offers: the parameters to give, the way its octets go, or why it cannot go.

Leaves to others: sending (transaction). Invariants: a message is refused rather than damaged; what the upstream did
not offer is never asked of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailferry.mail.body import Body
from mailferry.mail.envelope import Envelope, Recipient
from mailferry.routes.classify import local
from mailferry.routes.offer import Offer
from mailferry.smtp.commands import BodyType, Mail, Notify, Rcpt
from mailferry.smtp.replies import Reply

#: From this size on BDAT spares the search for dots and lets the upstream refuse a short message. Below it a DATA
#: that rides with the envelope needs no more round trips, and is what every server has met before.
BDAT_FROM = 64 * 1024


@dataclass(frozen=True, slots=True)
class Content:
    """What had to be read of a message to know whether it can go: only where the upstream lacks an extension."""

    ascii: bool
    ascii_header: bool


@dataclass(frozen=True, slots=True)
class Fit:
    """The commands for the recipients that can be reached; `refused[i]` the reply in our own words for those that
    cannot, by index. When `mail` is None none can."""

    mail: Mail | None
    rcpts: tuple[Rcpt, ...]
    indexes: tuple[int, ...]
    refused: dict[int, Reply]
    bdat: bool = False


def must_read(envelope: Envelope, offer: Offer) -> bool:
    """Whether the octets decide, so that `read` has to look at them first."""
    return (envelope.smtputf8 and not offer.smtputf8) or (
        envelope.body is BodyType.EIGHT_BIT and not offer.eightbitmime
    )


async def read(body: Body) -> Content:
    """Look at the whole message."""
    ascii_, ascii_header, in_header, tail = True, True, True, b""
    async for chunk in body.chunks():
        ascii_ = ascii_ and chunk.isascii()
        if in_header:
            joined = tail + chunk
            end = joined.find(b"\r\n\r\n")
            ascii_header = ascii_header and (joined if end < 0 else joined[:end]).isascii()
            in_header = end < 0
            tail = joined[-3:]
        if not ascii_ and not in_header:
            break
    return Content(ascii_, ascii_header)


def fit(
    envelope: Envelope,
    reverse_path: str,
    recipients: Sequence[Recipient],
    body: Body,
    offer: Offer,
    content: Content | None = None,
) -> Fit:
    """Match message and offer. `content` is needed where must_read says so."""
    refusal = _refusal(envelope, reverse_path, body, offer, content)
    if refusal is not None:
        return Fit(None, (), (), dict.fromkeys(range(len(recipients)), refusal))
    refused: dict[int, Reply] = {}
    rcpts: list[Rcpt] = []
    indexes: list[int] = []
    utf8 = (envelope.smtputf8 and offer.smtputf8) or not reverse_path.isascii()
    for index, recipient in enumerate(recipients):
        if not recipient.address.isascii():
            if not offer.smtputf8:
                refused[index] = _no_utf8("the recipient's address")
                continue
            utf8 = True
        rcpts.append(_rcpt(recipient, offer))
        indexes.append(index)
    mail = _mail(envelope, reverse_path, body, offer, utf8) if rcpts else None
    return Fit(mail, tuple(rcpts), tuple(indexes), refused, _by_bdat(envelope, body, offer))


def _refusal(envelope: Envelope, reverse_path: str, body: Body, offer: Offer, content: Content | None) -> Reply | None:
    """Why no recipient of this message can be reached over this upstream."""
    if offer.largest and body.size > offer.largest:  # RFC 1870 section 6.1 spares the transfer
        return local(552, "5.3.4", f"The message has {body.size} octets, the upstream takes {offer.largest}")
    if envelope.body is BodyType.BINARY and not offer.binarymime:
        return local(554, "5.6.3", "The message is binary and the upstream does not offer BINARYMIME with CHUNKING")
    if not offer.smtputf8 and not reverse_path.isascii():
        return _no_utf8("the sender's address")
    if content is None:
        return None
    if envelope.smtputf8 and not offer.smtputf8 and not content.ascii_header:
        return _no_utf8("the header")
    if envelope.body is BodyType.EIGHT_BIT and not offer.eightbitmime and not content.ascii:
        # RFC 6152 section 3 leaves conversion or refusal; converting would break signatures.
        return local(554, "5.6.3", "The message has 8-bit content and the upstream does not offer 8BITMIME")
    return None


def _no_utf8(what: str) -> Reply:
    # RFC 6531 section 3.2: X.6.7, non-ASCII addresses not permitted for that sender/recipient.
    return local(553, "5.6.7", f"There is UTF-8 in {what} and the upstream does not offer SMTPUTF8")


def _mail(envelope: Envelope, reverse_path: str, body: Body, offer: Offer, utf8: bool) -> Mail:
    return Mail(
        reverse_path,
        size=body.size if offer.size else None,
        body=_body_type(envelope, body, offer),
        smtputf8=utf8,
        ret=envelope.ret if offer.dsn else None,
        envid=envelope.envid if offer.dsn else None,
    )


def _body_type(envelope: Envelope, body: Body, offer: Offer) -> BodyType | None:
    """Devices send 8-bit text without declaring it; where the upstream offers 8BITMIME it is declared for them, and
    where it does not, such a message goes as it came: nobody promised anything about it."""
    if envelope.body is BodyType.BINARY:
        return BodyType.BINARY
    if not offer.eightbitmime:
        return None
    octets = body.inline
    if envelope.body is not BodyType.EIGHT_BIT and octets is not None and octets.isascii():
        return envelope.body
    return BodyType.EIGHT_BIT


def _rcpt(recipient: Recipient, offer: Offer) -> Rcpt:
    if not offer.dsn or (recipient.notify is Notify.DEFAULT and recipient.orcpt is None):
        return Rcpt(recipient.address)
    orcpt = recipient.orcpt if recipient.orcpt is not None and recipient.orcpt.isascii() else None
    return Rcpt(recipient.address, recipient.notify, orcpt)


def _by_bdat(envelope: Envelope, body: Body, offer: Offer) -> bool:
    """Without PIPELINING, BDAT saves the round trip of DATA as well."""
    if not offer.chunking:
        return False
    return envelope.body is BodyType.BINARY or body.size >= BDAT_FROM or not offer.pipelining
