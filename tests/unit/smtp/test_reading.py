"""Lines that were read before: the same answer, in bounded memory, and never a secret in it."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from mailferry.smtp.commands import Auth, Mail
from mailferry.smtp.events import Refused
from mailferry.smtp.limits import Extensions
from mailferry.smtp.parse import parse_command
from mailferry.smtp.reading import read_command
from mailferry.smtp.state import Act


def test_the_same_line_is_the_same_value() -> None:
    extensions = Extensions()
    line = b"MAIL FROM:<floor@example.test> SIZE=4711"
    first = read_command(line, extensions)
    assert read_command(line, extensions)[1] is first[1]
    assert first[1] == Mail("floor@example.test", size=4711)


def test_what_is_read_depends_on_the_extensions() -> None:
    line = b"MAIL FROM:<floor@example.test> RET=HDRS"
    with_dsn, without = Extensions(dsn=True), Extensions(dsn=False)
    assert read_command(line, with_dsn) != read_command(line, without)


def test_logins_are_never_kept() -> None:
    extensions = Extensions(auth=("PLAIN",))
    secret = base64.b64encode(b"\0floor\0hunter2")
    for line in (b"AUTH PLAIN " + secret, b"auth plain " + secret, b"\tAUTH PLAIN " + secret):
        read_command(line, extensions)
    assert isinstance(read_command(b"AUTH PLAIN " + secret, extensions)[1], Auth)
    assert not extensions.remembered


def test_what_is_no_command_is_not_kept() -> None:
    """It may be the name or password of a device that goes on with a login that was refused."""
    extensions = Extensions()
    assert read_command(base64.b64encode(b"hunter2hunter2!!"), extensions)[0] is Act.UNKNOWN
    assert not extensions.remembered


def test_refusals_and_long_lines_are_not_kept() -> None:
    extensions = Extensions()
    assert isinstance(read_command(b"MAIL TO:<x>", extensions)[1], Refused)
    assert read_command(b"\xff\xfe", extensions)[0] is Act.REFUSED
    assert read_command(b"NOOP \0", extensions)[0] is Act.REFUSED
    read_command(b"NOOP " + b"x" * 500, extensions)
    assert not extensions.remembered


def test_memory_is_bounded() -> None:
    extensions = Extensions()
    for number in range(10_000):
        read_command(b"RCPT TO:<user%d@example.test>" % number, extensions)
    assert len(extensions.remembered) <= 2048


@given(st.lists(st.text(st.characters(max_codepoint=0x7F), max_size=30), max_size=8))
def test_memory_changes_nothing(lines: list[str]) -> None:
    extensions = Extensions()
    for line in [*lines, *lines]:
        act, command = read_command(line.encode(), extensions)
        if line.isprintable():
            assert (act, command) == parse_command(line.strip(" "), extensions)
