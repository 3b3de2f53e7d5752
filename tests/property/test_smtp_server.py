"""Properties 1, 3 and 4 of the server core: any cut, any bytes, one way to end a message."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailferry.smtp.limits import BareNewlines, ServerLimits
from support.smtp_properties import (
    SMALL,
    any_cut_gives_the_same_events,
    only_crlf_dot_crlf_ends_data,
    server_takes_anything,
)

_WORDS = [
    b"MAIL FROM:<a@example.com>",
    b"MAIL FROM:<a@example.com> BODY=BINARYMIME",
    b"RCPT TO:<b@example.com>",
    b"rcpt to: c@example.com ",
    b"DATA",
    b"BDAT 5",
    b"BDAT 3 LAST",
    b"BDAT 0 LAST",
    b"BDAT x",
    b"RSET",
    b"NOOP",
    b"AUTH LOGIN",
    b"AUTH PLAIN AGEAYg==",
    b"AUTH PLAIN =",
    b"YWJj",
    b"*",
    b"STARTTLS",
    b"EHLO me",
    b"QUIT",
    b"GET / HTTP/1.1",
    b"a",
    b".",
    b"..",
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n.\r\n",
    b"\r\n.\n",
    b"\n.\r\n",
    b"\r\n..",
    b"\x00",
    b"\xff",
    "é".encode(),
    b" " * 70,
    b"x" * 140,
]
_TRANSACTION = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n"
stream = st.lists(st.one_of(st.sampled_from(_WORDS), st.sampled_from(_WORDS), st.just(b"\r\n"), st.binary(max_size=6)))
streams = st.builds(
    lambda head, rest: head + b"".join(rest),
    st.sampled_from([b"", _TRANSACTION, _TRANSACTION + b"DATA\r\n", _TRANSACTION + b"BDAT 7\r\n", b"AUTH LOGIN\r\n"]),
    stream,
)
cuts = st.lists(st.integers(0, 4096), max_size=40)
bare = st.sampled_from(BareNewlines)
codes = st.lists(st.sampled_from([0, 0, 0, 250, 334, 354, 421, 450, 535, 550]), max_size=12)
limits = st.sampled_from([ServerLimits(), SMALL])


@given(streams, cuts, bare, limits, codes)
def test_any_cut_gives_the_same_events(
    data: bytes, offsets: list[int], mode: BareNewlines, bounds: ServerLimits, drawn: list[int]
) -> None:
    any_cut_gives_the_same_events(data, offsets, mode, bounds, drawn)


@given(streams, bare, limits)
def test_byte_by_byte_gives_the_same_events(data: bytes, mode: BareNewlines, bounds: ServerLimits) -> None:
    any_cut_gives_the_same_events(data, range(len(data)), mode, bounds)


@given(streams, cuts, bare)
def test_only_crlf_dot_crlf_ends_data(data: bytes, offsets: list[int], mode: BareNewlines) -> None:
    only_crlf_dot_crlf_ends_data(data, offsets, mode)


@given(st.one_of(streams, st.binary()), cuts, bare)
def test_server_takes_anything(data: bytes, offsets: list[int], mode: BareNewlines) -> None:
    server_takes_anything(data, offsets, mode)
