"""What is asked of an upstream, and when a message cannot go over it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailferry.mail.body import BytesBody
from mailferry.mail.envelope import Envelope, Recipient
from mailferry.routes.fit import BDAT_FROM, Content, fit, must_read, read
from mailferry.routes.offer import Offer
from mailferry.smtp.client import Capabilities
from mailferry.smtp.commands import BodyType, Notify, Rcpt
from support.transport_contract import FileBody

ALL = Offer(True, True, True, True, True, True, True, 0)
BARE = Offer()
TO = (Recipient("ann@x.example", Notify.FAILURE, "rfc822;ann@x.example"),)
PLAIN = BytesBody(b"Subject: x\r\n\r\nplain\r\n")
ENVELOPE = Envelope("me@x.example", TO, ret="FULL", envid="7")


def test_an_upstream_without_extensions_is_asked_for_none():
    found = fit(ENVELOPE, "me@x.example", TO, PLAIN, BARE)
    assert found.mail is not None
    assert (found.mail.size, found.mail.body, found.mail.ret, found.mail.envid) == (None, None, None, None)
    assert found.rcpts == (Rcpt("ann@x.example"),)
    assert not found.bdat


def test_what_is_offered_is_used():
    found = fit(ENVELOPE, "me@x.example", TO, PLAIN, ALL)
    assert found.mail is not None
    assert (found.mail.size, found.mail.ret, found.mail.envid) == (PLAIN.size, "FULL", "7")
    assert found.rcpts == (Rcpt("ann@x.example", Notify.FAILURE, "rfc822;ann@x.example"),)


def test_an_original_recipient_in_utf8_is_left_out():
    """ORCPT holds ASCII (RFC 3461 section 4.2); NOTIFY still counts."""
    to = (Recipient("ann@x.example", Notify.NEVER, "utf-8;ünal@x.example"),)
    assert fit(ENVELOPE, "me@x.example", to, PLAIN, ALL).rcpts == (Rcpt("ann@x.example", Notify.NEVER),)


@pytest.mark.parametrize(
    ("declared", "data", "expected"),
    [
        (None, b"ascii", None),
        (BodyType.SEVEN_BIT, b"ascii", BodyType.SEVEN_BIT),
        (BodyType.SEVEN_BIT, b"\xff", BodyType.EIGHT_BIT),
        (None, b"\xff", BodyType.EIGHT_BIT),
        (BodyType.EIGHT_BIT, b"ascii", BodyType.EIGHT_BIT),
        (BodyType.BINARY, b"\x00", BodyType.BINARY),
    ],
)
def test_the_body_type_is_what_the_octets_are(declared: BodyType | None, data: bytes, expected: BodyType | None):
    found = fit(replace(ENVELOPE, body=declared), "", TO, BytesBody(data), ALL)
    assert found.mail is not None
    assert found.mail.body is expected


def test_undeclared_eight_bit_goes_as_it_came_where_8bitmime_is_missing():
    found = fit(ENVELOPE, "", TO, BytesBody(b"\xff"), BARE)
    assert found.mail is not None
    assert found.mail.body is None


@pytest.mark.parametrize(
    ("offer", "size", "declared", "bdat"),
    [
        (ALL, BDAT_FROM - 1, None, False),
        (ALL, BDAT_FROM, None, True),
        (replace(ALL, pipelining=False), 1, None, True),
        (replace(ALL, chunking=False), BDAT_FROM, None, False),
        (ALL, 1, BodyType.BINARY, True),
    ],
)
def test_when_bdat_is_used(offer: Offer, size: int, declared: BodyType | None, bdat: bool):
    assert fit(replace(ENVELOPE, body=declared), "", TO, BytesBody(b"x" * size), offer).bdat is bdat


def test_reading_is_needed_only_where_the_upstream_lacks_something():
    assert not must_read(replace(ENVELOPE, smtputf8=True, body=BodyType.EIGHT_BIT), ALL)
    assert not must_read(ENVELOPE, BARE)
    assert must_read(replace(ENVELOPE, smtputf8=True), BARE)
    assert must_read(replace(ENVELOPE, body=BodyType.EIGHT_BIT), BARE)


@pytest.mark.parametrize("carry", [BytesBody, FileBody])
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", Content(ascii=True, ascii_header=True)),
        (b"a: b\r\n\r\nplain", Content(ascii=True, ascii_header=True)),
        ("a: b\r\n\r\nü".encode(), Content(ascii=False, ascii_header=True)),
        ("a: ü\r\n\r\nb".encode(), Content(ascii=False, ascii_header=False)),
        ("a: ü".encode(), Content(ascii=False, ascii_header=False)),
    ],
)
async def test_reading(carry: type, data: bytes, expected: Content):
    assert await read(carry(data)) == expected


async def test_reading_a_header_longer_than_a_chunk():
    class Drops(BytesBody):
        async def chunks(self):
            for start in range(self.size):
                yield (self.inline or b"")[start : start + 1]

    assert await read(Drops("a: b\r\n\r\nü".encode())) == Content(ascii=False, ascii_header=True)
    assert await read(Drops("a: ü\r\n\r\nb".encode())) == Content(ascii=False, ascii_header=False)


def test_an_offer_counts_only_with_what_it_rests_on():
    found = Capabilities({"BINARYMIME": "", "SIZE": "100", "PIPELINING": ""})
    offer = Offer.of(found, pipelining=True, chunking=True)
    assert (offer.binarymime, offer.chunking, offer.largest, offer.pipelining) == (False, False, 100, True)
    full = Capabilities({"BINARYMIME": "", "CHUNKING": "", "PIPELINING": "", "SIZE": "0"})
    assert Offer.of(full, pipelining=True, chunking=True).binarymime
    assert Offer.of(full, pipelining=False, chunking=False) == Offer(size=True)
