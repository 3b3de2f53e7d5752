"""The header section: where it ends, what its fields say, and the edits."""

from __future__ import annotations

from email import message_from_bytes
from email.header import Header as StandardHeader

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.mail.authors import mailboxes
from mailferry.mail.headers import (
    Header,
    decode_text,
    fields_end,
    format_date,
    rewrite_from,
    subject,
    unfold,
)

SECTION = (
    b"Received: from a\r\n\tby b; Tue, 24 Nov 2026 11:00:00 +0000\r\n"
    b"From: Ann <ann@example.com>\r\n"
    b"SUBJECT : hello\r\n world\r\n"
    b"X-Empty:\r\n"
    b"received: from c\r\n"
)


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (SECTION + b"\r\ntext\r\n", len(SECTION)),
        (SECTION, len(SECTION)),
        (b"\r\ntext", 0),
        (b"no field here\r\n", 0),
        (b"A: b\r\nnot a field\r\n\r\n", 6),
        (b"A: b\r\nC: half", 6),
        (b"A: b\nC: d\r\n\r\n", 0),
        (b" folded first\r\n", 0),
        (b": nameless\r\n", 0),
        (b"", 0),
    ],
)
def test_where_the_fields_end(data: bytes, end: int) -> None:
    """Only whole fields that end in CRLF count."""
    assert fields_end(data) == end


def test_fields_end_goes_on_inside_a_folded_field() -> None:
    """A section that arrives in pieces is read once."""
    first = b"A: b\r\n"
    assert fields_end(first + b" more\r\nC: d\r\n\r\n", len(first)) == len(first) + 7 + 6


@given(st.integers(0, len(SECTION)))
def test_fields_end_in_pieces_is_fields_end_at_once(cut: int) -> None:
    """Wherever the cut."""
    data = SECTION + b"\r\ntext"
    assert fields_end(data, fields_end(data[:cut])) == len(SECTION)


def test_fields() -> None:
    """Found by name in any case, with blanks before the colon too."""
    header = Header(SECTION)
    assert [field.name for field in header] == [b"Received", b"From", b"SUBJECT", b"X-Empty", b"received"]
    assert header.value(b"subject") == b"hello world"
    assert header.value(b"x-empty") == b""
    assert header.value(b"x-missing") is None
    assert header.value(b"rom") is None
    assert header.count(b"received") == 2
    assert header.has(b"subject")
    assert header.has(b"from")
    assert not header.has(b"sub")
    assert header.more_than(1, b"received")
    assert not header.more_than(2, b"received")
    assert header.text(b"received") == b" from a\r\n\tby b; Tue, 24 Nov 2026 11:00:00 +0000\r\n"
    assert header.text(b"subject") == b" hello\r\n world\r\n"
    assert header.text(b"x-missing") is None
    assert next(iter(header)).value == b"from a\tby b; Tue, 24 Nov 2026 11:00:00 +0000"


def test_more_than_counts_fields_and_not_their_look_alikes() -> None:
    """Received-SPF is no hop."""
    header = Header(b"Received-SPF: pass\r\n" * 60)
    assert not header.more_than(50, b"received")


def test_replaced_and_without() -> None:
    """All else stays octet for octet."""
    header = Header(SECTION)
    assert header.without(b"received") == (b"From: Ann <ann@example.com>\r\nSUBJECT : hello\r\n world\r\nX-Empty:\r\n")
    replaced = header.replaced(b"received", b"X: y\r\n")
    assert replaced.startswith(b"X: y\r\nFrom")
    assert replaced.endswith(b"X-Empty:\r\n")
    assert header.replaced(b"to", b"To: b\r\n") == SECTION + b"To: b\r\n"


def test_unfold() -> None:
    assert unfold(b" a\r\n b\r\n\tc\r\n") == b"a b\tc"


def test_format_date() -> None:
    """As the standard library reads it back."""
    assert format_date(1_795_518_000.7) == "Tue, 24 Nov 2026 11:00:00 +0000"


def test_blanks_before_the_colon_hide_no_field() -> None:
    """RFC 5322 section 4.5: any number of them."""
    header = Header(b"From" + b" " * 200 + b": a@b\r\nFROM: c@d\r\n")
    assert [text.strip() for text in header.texts(b"from")] == [b"a@b", b"c@d"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            b"From: Scanner <scan@old.example>\r\nTo: b@c\r\n",
            b"From: Scanner <box@new.example>\r\nTo: b@c\r\nReply-To: Scanner <scan@old.example>\r\n",
        ),
        (
            b"From: scan@old.example\r\nReply-To: help@old.example\r\n",
            b"From: <box@new.example>\r\nReply-To: help@old.example\r\n",
        ),
        (b"From: X <box@New.example>\r\n", b"From: X <box@New.example>\r\n"),
        (b"From: box@new.example\r\nSender: y@z\r\nTo: a@b\r\n", b"From: box@new.example\r\nTo: a@b\r\n"),
        (b"To: b@c\r\n", b"To: b@c\r\nFrom: <box@new.example>\r\n"),
        (b"From: printer\r\n", b"From: <box@new.example>\r\n"),
        (
            b"From: me@x.com <scan@old.example>\r\n",
            b'From: "me@x.com" <box@new.example>\r\nReply-To: me@x.com <scan@old.example>\r\n',
        ),
        (
            b"From: a@old.example\r\nFrom: evil@old.example\r\nSender: evil@old.example\r\n",
            b"From: <box@new.example>\r\nReply-To: a@old.example\r\n",
        ),
        (
            b"From: =?utf-8?q?J=C3=B6rg?=\r\n <j@old.example>\r\n",
            b"From: =?utf-8?q?J=C3=B6rg?= <box@new.example>\r\nReply-To: =?utf-8?q?J=C3=B6rg?=\r\n <j@old.example>\r\n",
        ),
    ],
)
def test_rewrite_from(before: bytes, after: bytes) -> None:
    """The mailbox sends, the display name stays, answers find the old address."""
    assert rewrite_from(before, "box@new.example") == after


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?b?44K544Kt44Oj44Oz?=", "スキャン"),
        (b"=?UTF-8?Q?Caf=C3=A9_au_lait?= and more", "Café au lait and more"),
        (b"=?utf-8?q?a=C3?= =?utf-8?q?=A9b?=", "aéb"),
        (b"=?iso-2022-jp?b?GyRCJTklLSVjJXMbKEI=?=", "スキャン"),
        ("スキャン".encode("iso2022_jp"), "スキャン"),
        ("スキャン".encode(), "スキャン"),
        (b"Caf\xe9", "Café"),
        (b"=?x-unknown?q?abc=E9?=", "abcé"),
        (b"=?utf-8*en?q?tagged?=", "tagged"),
        (b"=?utf-8?b?!!!?=", ""),
        (b"=?base64?b?YWJj?=", "abc"),
        (b"a\x00b\x1b[31m", "a b [31m"),
        (b"", ""),
    ],
)
def test_decode_text(raw: bytes, text: str) -> None:
    """Encoded words, raw text of several ages, and nonsense."""
    assert decode_text(raw) == text


@given(st.binary())
def test_decode_text_never_raises(raw: bytes) -> None:
    assert decode_text(raw).isprintable()


@given(st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=80))
def test_decode_text_reads_what_the_standard_library_writes(text: str) -> None:
    """Encoded words over several lines."""
    written = StandardHeader(text, "utf-8", header_name="Subject").encode(linesep="\r\n").encode()
    header = Header(b"Subject: " + written + b"\r\n")
    assert subject(header) == text


def test_subject_is_cut_and_optional() -> None:
    assert subject(Header(b"Subject: " + b"x" * 500 + b"\r\n")) == "x" * 200
    assert subject(Header(b"To: a\r\n")) == ""


@given(st.binary(max_size=200))
def test_rewrite_from_leaves_a_section(value: bytes) -> None:
    """Whatever the From field holds, one From with our mailbox comes out, and it parses."""
    text = value.replace(b"\r", b"").replace(b"\n", b"")
    out = rewrite_from(b"From: " + text + b"\r\nTo: a@b\r\n", "box@new.example")
    assert fields_end(out) == len(out)
    assert Header(out).count(b"from") == 1
    assert b"To: a@b\r\n" in out
    authors = mailboxes(Header(out).text(b"from") or b"")
    assert [one.address.lower() for one in authors] == ["box@new.example"]
    assert len(message_from_bytes(out + b"\r\n").get_all("From") or []) == 1
