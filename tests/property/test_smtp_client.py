"""Properties 3 and 5: the client core on any bytes; replies through format and parse; commands through both cores."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from mailferry.smtp.commands import BodyType, Command, Mail, Notify, Rcpt
from mailferry.smtp.encode import encode_command
from mailferry.smtp.replies import Reply
from support.smtp_drive import connection, drive
from support.smtp_properties import client_raises_only_remote_protocol_error, reply_survives_the_wire

_LINES = [b"220 hi", b"250-a", b"250 b", b"250-PIPELINING", b"354 go", b"421 4.3.2 no", b"550 5.7.1 no", b"x", b"25"]
answers = st.lists(st.one_of(st.sampled_from(_LINES), st.just(b"\r\n"), st.just(b"\n"), st.binary(max_size=5)))
lines = st.lists(st.one_of(st.sampled_from(_LINES))).map(lambda words: b"".join(word + b"\r\n" for word in words))
text = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), max_size=30)
plain_text = text.filter(lambda value: re.match(r"[245]\.\d{1,3}\.\d{1,3}( |$)", value) is None)
status = st.builds("{}.{}.{}".format, st.sampled_from("245"), st.integers(0, 999), st.integers(0, 999))
replies = st.one_of(
    st.builds(Reply, st.integers(200, 599), status, st.lists(text, min_size=1, max_size=5).map(tuple)),
    st.builds(Reply, st.integers(200, 599), st.just(""), st.lists(plain_text, min_size=1, max_size=5).map(tuple)),
)
local = st.from_regex(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,20}", fullmatch=True)
quoted = st.from_regex(r'"([ !#-\[\]-~]|\\[ -~]){1,20}"', fullmatch=True)
address = st.builds("{}@{}".format, st.one_of(local, quoted), st.sampled_from(["example.com", "[192.0.2.1]", "x_y.z"]))
printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=20)
mails = st.builds(
    Mail,
    st.one_of(st.just(""), address),
    size=st.one_of(st.none(), st.integers(0, 10**12)),
    body=st.one_of(st.none(), st.sampled_from(BodyType)),
    smtputf8=st.booleans(),
    ret=st.sampled_from([None, "FULL", "HDRS"]),
    envid=st.one_of(st.none(), printable),
    auth=st.one_of(st.none(), st.just("<>"), printable),
    unknown=st.sampled_from([(), (("X-A", None),), (("HOLDFOR", "60"), ("X-B", "c"))]),
)
notifies = st.sampled_from([Notify.DEFAULT, Notify.NEVER, Notify.SUCCESS | Notify.DELAY, Notify.FAILURE])
rcpts = st.builds(
    Rcpt, address, notifies, st.one_of(st.none(), printable.map("rfc822;{}".format)), st.just((("X-A", "b"),))
)


@given(st.one_of(answers.map(b"".join), lines, st.binary()), st.lists(st.integers(0, 400)), st.sets(st.integers(0, 30)))
def test_any_bytes_raise_only_remote_protocol_error(data: bytes, cuts: list[int], sends: set[int]) -> None:
    client_raises_only_remote_protocol_error(data, cuts, sorted(sends))


@given(replies)
def test_reply_survives_the_wire(value: Reply) -> None:
    reply_survives_the_wire(value)


@given(st.one_of(mails, rcpts))
def test_command_survives_the_wire(command: Command) -> None:
    conn = connection(hello=True)
    prefix = b"" if isinstance(command, Mail) else b"MAIL FROM:<a@example.com>\r\n"
    log = drive(conn, [prefix + encode_command(command)])
    assert log.last == command
