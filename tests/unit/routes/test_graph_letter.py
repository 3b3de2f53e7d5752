"""Who is named in the header gets the message: the recipients of the delivery, all of them, nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.mail.address import normal_address
from mailferry.mail.envelope import Envelope, Recipient
from mailferry.mail.headers import Header, mailboxes
from mailferry.mail.message import Message, MessageId
from mailferry.mail.outcome import Deferred, Failed
from mailferry.routes.graph_letter import Letter, Refused, Rules, header_of, write
from mailferry.routes.graph_settings import HeaderOnly, OtherFrom
from support.transport_contract import ORIGIN

SCAN = "scan@contoso.example"
HEAD = b"From: <scan@contoso.example>\r\nMessage-ID: <1@x>\r\n"
TWO = ("ann@x.example", "bob@x.example")
REFUSE, RENAME = Rules(HeaderOnly.REFUSE, OtherFrom.HOLD), Rules(HeaderOnly.RENAME, OtherFrom.HOLD)


def letter(head: bytes, *to: str, rules: Rules = REFUSE, sender: str = SCAN, envelope: tuple[str, ...] = ()) -> Letter:
    recipients = tuple(Recipient(address) for address in to)
    every = tuple(Recipient(address) for address in envelope) or recipients
    message = Message(MessageId(1), Envelope(sender, every), ORIGIN, 1, 1.0, SCAN, "<made@x>")
    return write(head, message, recipients, SCAN, rules)


def refused(*given: Any, **more: Any) -> Failed | Deferred:
    with pytest.raises(Refused) as caught:
        letter(*given, **more)
    outcome = caught.value.outcome
    assert isinstance(outcome, Failed | Deferred)
    return outcome


def test_what_need_not_change_does_not() -> None:
    head = HEAD + b"To: ann@x.example\r\nCc: Bob <BOB@X.example>\r\n"
    assert letter(head, "ann@x.example", "bob@x.example").header == head


def test_an_at_sign_in_a_display_name_is_quoted_and_no_address() -> None:
    head = b"From: scan@floor3 <scan@contoso.example>\r\nMessage-ID: <1@x>\r\n"
    got = letter(head + b'To: ann@x.example <ann@x.example>,\r\n "b@d" <bob@x.example>\r\n', *TWO)
    expected = b'From: "scan@floor3" <scan@contoso.example>\r\nMessage-ID: <1@x>\r\n'
    assert got.header == expected + b'To: "ann@x.example" <ann@x.example>,\r\n "b@d" <bob@x.example>\r\n'


def test_bcc_is_what_is_named_nowhere_else() -> None:
    head = HEAD + b"To: ann@x.example\r\nBcc: ann@x.example, eve@y.example\r\nBcc: z@z.example\r\n"
    got = letter(head, "ann@x.example", "bob@x.example")
    assert got.header == HEAD + b"To: ann@x.example\r\nBcc: bob@x.example\r\n"
    assert [one.address for one in got.bcc] == ["bob@x.example"]


def test_strangers_are_told_from_those_who_get_it_another_way() -> None:
    head = HEAD + b"To: ann@x.example, bob@x.example\r\n"
    assert "who is no recipient" in refused(head, "ann@x.example").reply.text
    text = refused(head, "ann@x.example", envelope=("ann@x.example", "bob@x.example")).reply.text
    assert "by another way or delivery" in text


def test_many_strangers_are_counted() -> None:
    head = HEAD + b"To: " + b", ".join(b"u%d@x.example" % number for number in range(9)) + b"\r\n"
    assert "and 6 more" in refused(head, "ann@x.example").reply.text


@pytest.mark.parametrize(
    "field",
    [
        b"To: eve",
        b"To: =?utf-8?q?eve=40x=2Eexample?=",
        b"To: ann@x.example eve@x.example",
        b"Cc: Group: eve@x.example;",
        b"cc : eve@x.example",
        b"To: <@relay:eve@x.example>",
        b"Resent-To: eve@x.example",
        b"To: ann@x.example,\r\n\teve@x.example",
    ],
)
def test_what_is_not_surely_a_recipient_is_a_stranger(field: bytes) -> None:
    assert refused(HEAD + field + b"\r\n", "ann@x.example").reply.enhanced == "5.6.2"


def test_rename_keeps_the_field_and_mails_nobody_more() -> None:
    head = (
        HEAD
        + b'To: "Ann, A." <ann@x.example>,\r\n Eve <eve@y.example>\r\nCc: c@c.example\r\nResent-Cc: r@r.example\r\n'
    )
    got = letter(head, "ann@x.example", "bob@x.example", rules=RENAME)
    assert b'X-Original-To: "Ann, A." <ann@x.example>,\r\n Eve <eve@y.example>\r\n' in got.header
    assert b"X-Original-Cc: c@c.example\r\n" in got.header
    assert b"X-Original-Resent-Cc: r@r.example\r\n" in got.header
    assert b'\r\nTo: "Ann, A." <ann@x.example>\r\n' in got.header
    assert got.header.endswith(b"\r\nBcc: bob@x.example\r\n")
    assert named(got.header) == {"ann@x.example", "bob@x.example"}


def test_a_display_name_is_quoted_when_it_is_written_anew() -> None:
    head = HEAD + b"To: Ann @ Home <ann@x.example>, e@e.example\r\n"
    assert b'\r\nTo: "Ann @ Home" <ann@x.example>\r\n' in letter(head, "ann@x.example", rules=RENAME).header


def named(head: bytes) -> set[str]:
    header = Header(head)
    return {
        normal_address(one.address)
        for name in (b"to", b"cc", b"bcc", b"resent-to", b"resent-cc", b"resent-bcc")
        for start, end in header.spans(name)
        for one in mailboxes(header.raw[start:end].partition(b":")[2])
    }


ADDRESSES = [f"{local}@{domain}" for local in ("ann", "bob", "Eve") for domain in ("x.example", "Y.example")]
FIELDS = st.sampled_from(["To", "Cc", "Bcc", "TO", "Resent-To", "Resent-Bcc", "X-Other"])


@given(
    st.lists(st.tuples(FIELDS, st.lists(st.sampled_from(ADDRESSES), max_size=3)), max_size=5),
    st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=4, unique=True),
    st.sampled_from([REFUSE, RENAME]),
)
def test_exactly_the_recipients_or_nothing(fields: list[tuple[str, list[str]]], to: list[str], rules: Rules) -> None:
    head = HEAD + "".join(f"{name}: {', '.join(who)}\r\n" for name, who in fields).encode()
    try:
        got = letter(head, *to, rules=rules)
    except Refused:
        assert rules is REFUSE
        return
    expected = {normal_address(address) for address in to}
    assert named(got.header) == expected
    assert {normal_address(one.address) for one in (*got.to, *got.cc, *got.bcc)} == expected
    assert len(got.to) + len(got.cc) + len(got.bcc) == len(expected)


# -- From -------------------------------------------------------------------------------------------------------------


def test_another_from_is_held() -> None:
    outcome = refused(b"From: a@contoso.example\r\nTo: ann@x.example\r\n", "ann@x.example")
    assert isinstance(outcome, Deferred)
    assert outcome.lane_fault == "sender"


def test_a_report_goes_out_as_the_mailbox() -> None:
    head = b"From: Mail Delivery System <mailer-daemon@gateway>\r\nTo: ann@x.example\r\n"
    got = letter(head, "ann@x.example", sender="")
    assert b"From: Mail Delivery System <scan@contoso.example>" in got.header
    keep = Rules(HeaderOnly.REFUSE, OtherFrom.HOLD, report_as_mailbox=False)
    assert isinstance(refused(head, "ann@x.example", sender="", rules=keep), Deferred)


def test_send_as() -> None:
    rules = Rules(HeaderOnly.REFUSE, OtherFrom.SEND_AS)
    got = letter(b"From: B <b@contoso.example>\r\nTo: ann@x.example\r\n", "ann@x.example", rules=rules)
    assert got.author is not None
    assert got.author.address == "b@contoso.example"
    assert isinstance(refused(b"From: a@x.example, b@x.example\r\n", "ann@x.example", rules=rules), Deferred)


def test_missing_fields_are_added() -> None:
    got = letter(b"From: \r\nTo: ann@x.example\r\nSender: s@x.example\r\n", "ann@x.example")
    assert got.header == b"To: ann@x.example\r\nFrom: <scan@contoso.example>\r\nMessage-ID: <made@x>\r\n"


@pytest.mark.parametrize(
    ("start", "header", "rest"),
    [
        (b"A: b\r\n\r\ntext", b"A: b\r\n", b"\r\ntext"),
        (b"A: b\r\nno field\r\nTo: c\r\n\r\n", b"A: b\r\n", b"\r\nno field\r\nTo: c\r\n\r\n"),
        (b"A: b\r\n", b"A: b\r\n", b""),
        (b"text", b"", b"\r\ntext"),
        (b"\r\ntext", b"", b"\r\ntext"),
    ],
)
def test_the_header_ends_where_it_was_checked(start: bytes, header: bytes, rest: bytes) -> None:
    assert header_of(start) == (header, rest)
