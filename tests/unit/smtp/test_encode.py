"""Commands on their way out: the line of each, and values that must not go on the wire."""

from __future__ import annotations

import pytest

from mailferry.smtp.commands import (
    Auth,
    Bdat,
    BodyType,
    Command,
    Data,
    Ehlo,
    Helo,
    Help,
    Mail,
    Noop,
    Notify,
    Quit,
    Rcpt,
    Rset,
    StartTls,
    UnknownCommand,
    Vrfy,
)
from mailferry.smtp.encode import encode_command
from mailferry.smtp.errors import LocalProtocolError


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (Ehlo("me.example"), "EHLO me.example"),
        (Helo("me"), "HELO me"),
        (Mail(""), "MAIL FROM:<>"),
        (
            Mail("a@b", 10, BodyType.EIGHT_BIT, True, "FULL", "a+b=c d", "<>", (("X", "1"), ("Y", None))),
            "MAIL FROM:<a@b> SIZE=10 BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=a+2Bb+3Dc+20d AUTH=<> X=1 Y",
        ),
        (Mail("a@b", auth="c@d"), "MAIL FROM:<a@b> AUTH=c@d"),
        (Rcpt("a@b"), "RCPT TO:<a@b>"),
        (
            Rcpt("a@b", Notify.SUCCESS | Notify.FAILURE, "rfc822;a b@c"),
            "RCPT TO:<a@b> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+20b@c",
        ),
        (Rcpt("a@b", Notify.NEVER), "RCPT TO:<a@b> NOTIFY=NEVER"),
        (Data(), "DATA"),
        (Bdat(10, last=False), "BDAT 10"),
        (Bdat(0, last=True), "BDAT 0 LAST"),
        (StartTls(), "STARTTLS"),
        (Auth("LOGIN"), "AUTH LOGIN"),
        (Auth("PLAIN", b""), "AUTH PLAIN ="),
        (Auth("PLAIN", b"\0a\0b"), "AUTH PLAIN AGEAYg=="),
        (Rset(), "RSET"),
        (Noop(), "NOOP"),
        (Vrfy("a"), "VRFY a"),
        (Help(""), "HELP"),
        (Quit(), "QUIT"),
        (UnknownCommand("XFOO"), "XFOO"),
    ],
)
def test_lines(command: Command, line: str) -> None:
    assert encode_command(command) == line.encode() + b"\r\n"


@pytest.mark.parametrize(
    "command",
    [
        Ehlo(""),
        Ehlo("a b"),
        Ehlo("a\r\nQUIT"),
        Mail("a@b>\r\nRCPT TO:<c@d"),
        Mail("a@b> SIZE=1"),
        Mail("a b@c"),
        Mail("é@b"),
        Mail("a\u0085@b", smtputf8=True),
        Mail("a@b", envid=""),
        Mail("a@b", envid="é"),
        Mail("a@b", ret="FULL X"),
        Mail("a@b", unknown=(("X Y", None),)),
        Mail("a@b", unknown=(("X", "1\r\nQUIT"),)),
        Rcpt(""),
        Rcpt("<a@b>"),
        Rcpt("a@b", orcpt="rfc822"),
        Rcpt("a@b\n"),
        Auth("PLAIN X"),
        Vrfy("a\r\nQUIT"),
        Help("\x00"),
        UnknownCommand("A B"),
        UnknownCommand(""),
    ],
)
def test_what_must_not_go_on_the_wire(command: Command) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        encode_command(command)
    assert "QUIT" not in str(caught.value)


def test_line_ends_in_an_xtext_are_encoded_not_sent() -> None:
    assert encode_command(Mail("a@b", envid="x\r\ny")) == b"MAIL FROM:<a@b> ENVID=x+0D+0Ay\r\n"
