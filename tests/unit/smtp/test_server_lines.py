"""Lines at the server: too long, bare line ends, binary; and that the session stays in step."""

from __future__ import annotations

import pytest

from mailferry.smtp.commands import Auth, Noop
from mailferry.smtp.events import AuthResponse, Refused
from mailferry.smtp.limits import BareNewlines, ServerLimits
from support.smtp_drive import Cut, bytewise, connection, drive


def test_a_command_line_of_the_limit_passes_and_one_more_does_not(cut: Cut) -> None:
    conn = connection(hello=True)
    assert drive(conn, cut(b"NOOP " + b"x" * (2048 - 7) + b"\r\n")).events[0] == Noop()
    conn = connection(hello=True)
    log = drive(conn, cut(b"NOOP " + b"x" * (2048 - 6) + b"\r\n" + b"NOOP\r\n"))
    assert isinstance(log.events[0], Refused)
    assert (log.events[0].reply.code, log.events[0].reply.enhanced) == (500, "5.5.2")
    assert log.events[1] == Noop()


def test_a_flood_without_line_end_is_not_kept() -> None:
    conn = connection(hello=True)
    for _ in range(100):
        log = drive(conn, [b"x" * 10000])
        assert not log.events
        assert conn.buffered <= 2048
    log = drive(conn, [b"\r", b"\nNOOP\r\n"])
    assert [type(event) for event in log.events] == [Refused, Noop]


def test_auth_lines_may_be_long(cut: Cut) -> None:
    token = b"YWJj" * ((12288 - 15) // 4)
    conn = connection(hello=True)
    log = drive(conn, cut(b"AUTH XOAUTH2 " + token + b"\r\n"))
    assert log.events[0] == Auth("XOAUTH2", b"abc" * (len(token) // 4))


def test_auth_lines_have_a_limit_too(cut: Cut) -> None:
    conn = connection(hello=True)
    log = drive(conn, cut(b"auth XOAUTH2 " + b"YWJj" * 3072 + b"\r\nNOOP\r\n"))
    assert isinstance(log.events[0], Refused)
    assert (log.events[0].reply.code, log.events[0].reply.enhanced) == (500, "5.5.6")
    assert log.events[1] == Noop()


def test_a_response_over_the_limit_ends_the_exchange(cut: Cut) -> None:
    conn = connection(hello=True)
    drive(conn, [b"AUTH XOAUTH2\r\n"])
    log = drive(conn, cut(b"YWJj" * 3072 + b"\r\nNOOP\r\n"))
    assert isinstance(log.events[0], Refused)
    assert log.events[0].reply.enhanced == "5.5.6"
    assert log.events[1] == Noop()


def test_a_response_of_the_limit_passes(cut: Cut) -> None:
    conn = connection(hello=True)
    drive(conn, [b"AUTH XOAUTH2\r\n"])
    log = drive(conn, cut(b"YWJj" * 3071 + b"\r\n"))
    assert log.events[0] == AuthResponse(b"abc" * 3071)


@pytest.mark.parametrize("line", [b"NOOP\n", b"\n", b"x" * 3000 + b"\n", b"MAIL FROM:<a@b>\nRCPT TO:<x@y>\r\n"])
def test_a_bare_lf_ends_the_connection(line: bytes, cut: Cut) -> None:
    conn = connection(hello=True)
    log = drive(conn, cut(line + b"NOOP\r\n"))
    assert len(log.events) == 1
    assert isinstance(log.last, Refused)
    assert log.last.reply.code == 521
    assert conn.closed


def test_repair_takes_a_bare_lf(cut: Cut) -> None:
    conn = connection(hello=True, bare=BareNewlines.REPAIR)
    log = drive(conn, cut(b"NOOP\nNOOP\r\n"))
    assert log.events[:2] == [Noop(), Noop()]


@pytest.mark.parametrize("line", [b"NOOP \x00", b"NOOP\x1b", b"\x80\x81\x82", b"\x16\x03\x01\x02\x00\x01", b"NO\rOP"])
def test_binary_in_a_command(line: bytes, cut: Cut) -> None:
    for mode in BareNewlines:
        conn = connection(hello=True, bare=mode)
        log = drive(conn, cut(line + b"\r\nNOOP\r\n"))
        assert isinstance(log.events[0], Refused)
        assert log.events[0].reply.code == 500
        assert log.events[1] == Noop()


def test_small_limits_are_kept() -> None:
    conn = connection(limits=ServerLimits(command_line=10, auth_line=20))
    log = drive(conn, bytewise(b"EHLO abc\r\n" + b"EHLO abcd\r\n" + b"AUTH 0123456789abcde\r\n"))
    assert log.written.endswith(b"500 5.5.2 Line too long\r\n500 5.5.6 Authentication exchange line is too long\r\n")
