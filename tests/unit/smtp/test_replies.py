"""Replies: format and parse, the status code's place, the cache of the wire form."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailferry.smtp.replies import Reply, ReplyParser, format_reply, reply


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (reply(220, "", "hello"), b"220 hello\r\n"),
        (reply(250), b"250 \r\n"),
        (reply(250, "2.0.0", "OK"), b"250 2.0.0 OK\r\n"),
        (reply(250, "", "a", "B", "C 1"), b"250-a\r\n250-B\r\n250 C 1\r\n"),
        (reply(550, "5.7.1", "one", "two"), b"550-5.7.1 one\r\n550 5.7.1 two\r\n"),
        (reply(550, "5.7.1"), b"550 5.7.1 \r\n"),
        (reply(250, "", "日本"), "250 日本\r\n".encode()),
    ],
)
def test_format_and_parse(value: Reply, wire: bytes) -> None:
    assert format_reply(value) == wire
    assert format_reply(value) is format_reply(value)
    parser = ReplyParser()
    assert [parser.line(line) for line in wire.split(b"\r\n")[:-1]][-1] == value


def test_no_line_end_leaves_a_line() -> None:
    assert format_reply(reply(250, "", "a\r\n250 evil")) == b"250 a  250 evil\r\n"


def test_the_kept_wire_form_is_no_part_of_the_value() -> None:
    sent, fresh = reply(250, "2.0.0", "OK"), reply(250, "2.0.0", "OK")
    format_reply(sent)
    assert sent == fresh
    assert hash(sent) == hash(fresh)
    assert repr(sent) == repr(fresh)
    assert replace(sent) == fresh
    assert format_reply(replace(sent, code=251)) == b"251 2.0.0 OK\r\n"
    with pytest.raises(TypeError):
        Reply(250, "", ("x",), b"250 y\r\n")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"250", reply(250)),
        (b"250 ", reply(250)),
        (
            b"432 4.3.2 Concurrent connections limit exceeded.",
            reply(432, "4.3.2", "Concurrent connections limit exceeded."),
        ),
        (
            b"550 5.7.30 Basic authentication is not supported",
            reply(550, "5.7.30", "Basic authentication is not supported"),
        ),
        (b"550 5.7.1", reply(550, "5.7.1")),
        (b"550 5.7.1234 x", reply(550, "", "5.7.1234 x")),
        (b"550 1.7.1 x", reply(550, "", "1.7.1 x")),
        (b"250 \xe4", reply(250, "", "\ufffd")),
    ],
)
def test_lines(line: bytes, value: Reply) -> None:
    assert ReplyParser().line(line) == value


def test_status_on_some_lines_only() -> None:
    parser = ReplyParser()
    assert parser.line(b"550-first") is None
    assert parser.line(b"550 5.1.1 second") == Reply(550, "5.1.1", ("first", "second"))


@pytest.mark.parametrize("line", [b"", b"2", b"abc def", b"100 x", b"600 x", "２５０ x".encode(), b"250_x"])
def test_no_reply_lines(line: bytes) -> None:
    with pytest.raises(ValueError, match="not a reply line"):
        ReplyParser().line(line)


def test_a_parser_serves_many_replies() -> None:
    parser = ReplyParser()
    assert [parser.line(line) for line in (b"250-2.0.0 a", b"250 2.0.0 b", b"354 go")] == [
        None,
        Reply(250, "2.0.0", ("a", "b")),
        reply(354, "", "go"),
    ]


def test_words() -> None:
    value = reply(550, "5.7.1", "no", "", "way")
    assert value.text == "no way"
    assert str(value) == "550 5.7.1 no way"
    assert value.permanent
    assert not value.positive
    assert reply(354).positive


def test_a_reply_that_was_read_holds_no_control_character() -> None:
    """It goes into logs, onto terminals and into reports, where ESC, a bare CR or a C1 control would act."""
    found = ReplyParser().line("550 5.1.1 no\x1b[2J\rBcc: x@y\x9b1m\u2028\x00user".encode())
    assert found == reply(550, "5.1.1", "no [2J Bcc: x@y 1m  user")
