"""Authors: as devices write them, and as those write them who want to be taken for somebody else."""

from __future__ import annotations

import pytest

from mailferry.mail.authors import mailboxes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"a@b", [(b"", "a@b")]),
        (b"Ann <a@b>", [(b"Ann", "a@b")]),
        (b'"Printer, 3rd" <a@b>, c@d', [(b'"Printer, 3rd"', "a@b"), (b"", "c@d")]),
        (b"a@b (Cron (old) Daemon)", [(b"Cron old Daemon", "a@b")]),
        (b"Group: a@b, c@d;", [(b"", "a@b"), (b"", "c@d")]),
        (b"x@y.com <a@b>", [(b"x@y.com", "a@b")]),
        (b"=?utf-8?q?J=C3=B6rg?=\r\n <a@b>", [(b"=?utf-8?q?J=C3=B6rg?=", "a@b")]),
        (b'"quote \\" >" <a@b>', [(b'"quote \\" >"', "a@b")]),
        (b"J\xf6rg <a@b>", [(b"J\xf6rg", "a@b")]),
        (b"", []),
        (b", ,", []),
        (b"<>", []),
    ],
)
def test_mailboxes(text: bytes, expected: list[tuple[bytes, str]]) -> None:
    """What devices write, taken apart."""
    assert [(one.display, one.address) for one in mailboxes(b" " + text + b"\r\n")] == expected


@pytest.mark.parametrize(
    "text",
    [
        b"<boss@b> <a@b>",
        b"<a@b> boss@b",
        b"( <boss@b>",
        b"a@b ( , boss@b",
        b'a@b (" ) , <boss@b> (")',
        b"a@b (\\) \\() , boss@b",
        b'"a@b, boss@b',
        b"Team: a@b, boss@b;",
        b"<a@b>,\r\n boss@b",
        b"<boss@b",
        b"boss(a@b)@b",
    ],
)
def test_mailboxes_miss_nobody(text: bytes) -> None:
    """Whatever is written around it: who claims to write is found, so that a policy can refuse it."""
    assert "boss@b" in [one.address for one in mailboxes(b" " + text + b"\r\n")]


@pytest.mark.parametrize("text", [b"(" * 200_000, b'"\\' * 100_000, b'"a"a' * 60_000, b"<" * 200_000, b"a," * 100_000])
def test_mailboxes_are_read_in_linear_time(text: bytes) -> None:
    """A hostile From field of the longest header section costs less than a second (the test's own timeout is 20)."""
    mailboxes(text)
