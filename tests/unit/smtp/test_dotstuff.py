"""Dots and line ends of DATA in streams: both directions, at every border."""

from __future__ import annotations

import pytest

from mailferry.smtp.dotstuff import DotStuffer, DotUnstuffer, clean, repair


def stuff(*chunks: bytes) -> bytes:
    stuffer = DotStuffer()
    return b"".join(stuffer.feed(chunk) for chunk in chunks) + stuffer.finish()


@pytest.mark.parametrize(
    ("body", "wire"),
    [
        (b"", b".\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n.b\r\n", b"a\r\n..b\r\n.\r\n"),
        (b"\r\n.\r\n.\r\n", b"\r\n..\r\n..\r\n.\r\n"),
        (b"a.\r\n", b"a.\r\n.\r\n"),
        (b"a\n.\nb", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r", b"a\r\n.\r\n"),
        (b"a\r.\rb", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"\n", b"\r\n.\r\n"),
    ],
)
def test_stuffing(body: bytes, wire: bytes) -> None:
    assert stuff(body) == wire
    assert stuff(*(body[offset : offset + 1] for offset in range(len(body)))) == wire
    for middle in range(len(body) + 1):
        assert stuff(body[:middle], body[middle:]) == wire


def test_what_needs_no_change_is_not_copied() -> None:
    body = b"a line\r\n" * 100
    assert DotStuffer().feed(body) is body


def test_finish_may_stand_alone() -> None:
    stuffer = DotStuffer()
    stuffer.feed(b"a")
    assert stuffer.finish() == b"\r\n.\r\n"


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 100])
def test_unstuffing_in_pieces(size: int) -> None:
    wire = b"..a\r\n..\r\n\r\n...\r\nb\r.\r\n.c\r\n.\r\nMAIL"
    dots, left, out = DotUnstuffer(), b"", b""
    for offset in range(0, len(wire), size):
        left += wire[offset : offset + size]
        octets, used = dots.take(left, 0)
        out, left = out + octets, left[used:]
        if dots.done:
            left += wire[offset + size :]
            break
        assert len(left) <= 4
    assert out == b".a\r\n.\r\n\r\n..\r\nb\r.\r\nc\r\n"
    assert left == b"MAIL"


def test_unstuffing_from_an_offset() -> None:
    dots = DotUnstuffer()
    assert dots.take(b"DATA\r\n..x\r\n.\r\nQUIT", 6) == (b".x\r\n", 14)
    assert dots.done


@pytest.mark.parametrize(
    ("octets", "is_clean"),
    [
        (b"", True),
        (b"abc", True),
        (b"\r\n\r\n", True),
        (b"a\r\nb\x0b\x0c\x85\x1c", True),
        (b"\r", False),
        (b"\n", False),
        (b"\n\r", False),
        (b"a\r\n\r", False),
        (b"\r\r\n", False),
        (b"\r\n\n", False),
    ],
)
def test_clean(octets: bytes, is_clean: bool) -> None:
    assert clean(octets) is is_clean


def test_repair() -> None:
    assert repair(b"a\nb\rc\r\nd\n\re") == b"a\r\nb\r\nc\r\nd\r\n\r\ne"
