"""Command lines: what is understood, what real devices may do, what is refused. Each three ways."""

from __future__ import annotations

import pytest

from mailferry.smtp.commands import (
    Auth,
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
    UnknownCommand,
    Vrfy,
)
from mailferry.smtp.events import Refused
from mailferry.smtp.limits import Extensions
from support.smtp_drive import EXTENSIONS, Cut, connection, drive

MAIL = b"MAIL FROM:<s@example.com>\r\n"


def one(line: bytes, cut: Cut, *, first: bytes = b"", extensions: Extensions = EXTENSIONS) -> object:
    conn = connection(hello=True, extensions=extensions)
    drive(conn, [first])
    return drive(conn, cut(line + b"\r\n")).events[0]


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"EHLO client.example.com", Ehlo("client.example.com")),
        (b"ehlo [192.0.2.1]", Ehlo("[192.0.2.1]")),
        (b"HELO 192.0.2.1", Helo("192.0.2.1")),
        (b"HELO my printer", Helo("my")),
        (b"EHLO PRINTER_01  ", Ehlo("PRINTER_01")),
        (b"  NOOP", Noop()),
        (b"NOOP anything", Noop()),
        (b"rset", Rset()),
        (b"Quit ", Quit()),
        (b"VRFY postmaster", Vrfy("postmaster")),
        (b"HELP", Help("")),
        (b"EXPN staff", UnknownCommand("EXPN")),
        (b"GET / HTTP/1.1", UnknownCommand("GET")),
        (b"x" * 100, UnknownCommand("X" * 64)),
        (b"AUTH LOGIN", Auth("LOGIN")),
        (b"auth login dXNlcg==", Auth("LOGIN", b"user")),
        (b"AUTH  PLAIN =", Auth("PLAIN", b"")),
        (b"AUTH\tXOAUTH2\tYQ==", Auth("XOAUTH2", b"a")),
        (b"AUTH NTLM", Auth("NTLM")),
    ],
)
def test_commands(line: bytes, command: Command, cut: Cut) -> None:
    assert one(line, cut) == command


@pytest.mark.parametrize(
    ("argument", "path"),
    [
        (b"<a@example.com>", "a@example.com"),
        (b" <a@example.com>", "a@example.com"),
        (b"  < a@example.com > ", "a@example.com"),
        (b"a@example.com", "a@example.com"),
        (b" a@example.com ", "a@example.com"),
        (b"<>", ""),
        (b" <>", ""),
        (b"<root>", "root"),
        (b"<a@[192.0.2.1]>", "a@[192.0.2.1]"),
        (b"<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"),
        (b'<"a b"@example.com>', '"a b"@example.com'),
        (b'<"a>b\\"c"@example.com>', '"a>b\\"c"@example.com'),
        (b"<@one.example,@two.example:a@example.com>", "a@example.com"),
        (b"<a..b.@docomo.ne.jp>", "a..b.@docomo.ne.jp"),
        (b"<SRS0=x=y=example.org=a@example.com>", "SRS0=x=y=example.org=a@example.com"),
        (b"<a@pc_1.example.com>", "a@pc_1.example.com"),
        (b"<" + b"l" * 64 + b"@example.com>", "l" * 64 + "@example.com"),
    ],
)
def test_paths(argument: bytes, path: str, cut: Cut) -> None:
    assert one(b"MAIL FROM:" + argument, cut) == Mail(path)
    if path:
        assert one(b"rcpt to:" + argument, cut, first=MAIL) == Rcpt(path)


@pytest.mark.parametrize(
    "argument",
    [
        b"",
        b"<a@example.com",
        b"a@example.com>",
        b"<a@example.com>SIZE=1",
        b"<a b@example.com>",
        b"<a@@example.com>",
        b"<a@>",
        b"<@example.com>",
        b"<a@example.com, b@example.com>",
        b"<a,b>",
        b'<"a@example.com>',
        b'<"a\\">',
        b"<a@[192.0.2.1>",
        b"<a@-example.com>",
        b"<a@.example.com>",
        b"Scanner <a@example.com>",
        b"<" + b"l" * 65 + b"@example.com>",
        b"<a@" + b"d" * 253 + b">",
        b"<<a@example.com>>",
        b"<a@example.com>>",
        b"<a@exa(comment)mple.com>",
    ],
)
def test_bad_paths(argument: bytes, cut: Cut) -> None:
    sender = one(b"MAIL FROM:" + argument, cut)
    assert isinstance(sender, Refused)
    assert sender.reply.code == 501
    recipient = one(b"RCPT TO:" + argument, cut, first=MAIL)
    assert isinstance(recipient, Refused)
    assert recipient.reply.code == 501


@pytest.mark.parametrize("line", [b"MAIL", b"MAIL a@b", b"MAIL FROM <a@b>", b"MAIL TO:<a@b>", b"RCPT TO:<>", b"RCPT"])
def test_bad_mail_and_rcpt(line: bytes, cut: Cut) -> None:
    refused = one(line, cut)
    assert isinstance(refused, Refused)
    assert refused.reply.code == 501


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b"<a\x00b@example.com>", 500),
        (b"<a\rRCPT TO:<x@y>@example.com>", 500),
        (b"<a\x7f@example.com>", 500),
        (b"<\xe4@example.com>", 500),  # Latin-1
        ("<a\u0085b@example.com>".encode(), 500),
        ("<a\u2028b@example.com>".encode(), 500),
        ("<a@example.com\u202e>".encode(), 500),
    ],
)
def test_control_characters_never_pass(octets: bytes, code: int, cut: Cut) -> None:
    refused = one(b"MAIL FROM:" + octets, cut)
    assert isinstance(refused, Refused)
    assert refused.reply.code == code


def test_utf8_addresses_need_the_parameter(cut: Cut) -> None:
    path = "用户@例え.jp"
    plain = one(f"MAIL FROM:<{path}>".encode(), cut)
    assert isinstance(plain, Refused)
    assert (plain.reply.code, plain.reply.enhanced) == (553, "5.6.7")
    assert one(f"MAIL FROM:<{path}> SMTPUTF8".encode(), cut) == Mail(path, smtputf8=True)
    assert one(f"RCPT TO:<{path}>".encode(), cut, first=MAIL[:-2] + b" SMTPUTF8\r\n") == Rcpt(path)
    recipient = one(f"RCPT TO:<{path}>".encode(), cut, first=MAIL)
    assert isinstance(recipient, Refused)
    assert (recipient.reply.code, recipient.reply.enhanced) == (553, "5.6.7")


def test_utf8_paths_are_measured_in_octets(cut: Cut) -> None:
    assert isinstance(one(f"MAIL FROM:<{'é' * 33}@example.com> SMTPUTF8".encode(), cut), Refused)
    assert isinstance(one(f"MAIL FROM:<{'é' * 32}@example.com> SMTPUTF8".encode(), cut), Mail)


@pytest.mark.parametrize(
    ("parameters", "command"),
    [
        ("SIZE=1000", Mail("a@b", 1000)),
        ("size=0  body=8bitmime", Mail("a@b", 0, BodyType.EIGHT_BIT)),
        ("BODY=7BIT", Mail("a@b", body=BodyType.SEVEN_BIT)),
        ("BODY=BINARYMIME", Mail("a@b", body=BodyType.BINARY)),
        ("RET=hdrs ENVID=QQ+2B314159", Mail("a@b", ret="HDRS", envid="QQ+314159")),
        ("AUTH=<>", Mail("a@b", auth="<>")),
        ("AUTH=e+3Dmc2@example.com", Mail("a@b", auth="e=mc2@example.com")),
        ("XVERP HOLDFOR=60", Mail("a@b", unknown=(("XVERP", None), ("HOLDFOR", "60")))),
        ("X-A=b=c SIZE=1", Mail("a@b", 1, unknown=(("X-A", "b=c"),))),
    ],
)
def test_mail_parameters(parameters: str, command: Mail, cut: Cut) -> None:
    assert one(f"MAIL FROM:<a@b> {parameters}".encode(), cut) == command
    assert one(f"MAIL FROM: a@b {parameters} ".encode(), cut) == command


@pytest.mark.parametrize(
    "parameters",
    [
        "SIZE",
        "SIZE=",
        "SIZE=-1",
        "SIZE=1e3",
        "SIZE=٣",
        "SIZE=" + "9" * 21,
        "SIZE=1 SIZE=2",
        "BODY=9BIT",
        "BODY",
        "RET=ALL",
        "ENVID=",
        "ENVID=a+0D+0AX",
        "ENVID=a+zz",
        "ENVID=" + "x" * 101,
        "SMTPUTF8=yes",
        "=x",
        "<b@c>",
        "AUTH=",
        "AUTH=a=b",
    ],
)
def test_bad_mail_parameters(parameters: str, cut: Cut) -> None:
    refused = one(f"MAIL FROM:<a@b> {parameters}".encode(), cut)
    assert isinstance(refused, Refused)
    assert refused.reply.code == 501


@pytest.mark.parametrize(
    ("parameters", "command"),
    [
        ("NOTIFY=never", Rcpt("a@b", Notify.NEVER)),
        ("NOTIFY=SUCCESS,failure,DELAY", Rcpt("a@b", Notify.SUCCESS | Notify.FAILURE | Notify.DELAY)),
        ("ORCPT=rfc822;a+2Bb@c", Rcpt("a@b", orcpt="rfc822;a+b@c")),
        ("X=1", Rcpt("a@b", unknown=(("X", "1"),))),
    ],
)
def test_rcpt_parameters(parameters: str, command: Rcpt, cut: Cut) -> None:
    assert one(f"RCPT TO:<a@b> {parameters}".encode(), cut, first=MAIL) == command


@pytest.mark.parametrize(
    "parameters",
    [
        "NOTIFY=",
        "NOTIFY=NEVER,DELAY",
        "NOTIFY=DEFAULT",
        "NOTIFY=SOMETIMES",
        "ORCPT=a@b",
        "ORCPT=rfc822;",
        "ORCPT=;a",
        "ORCPT=rfcé;a@c",
        "ORCPT=rfc822;a+0Ab",
        "X X",
    ],
)
def test_bad_rcpt_parameters(parameters: str, cut: Cut) -> None:
    refused = one(f"RCPT TO:<a@b> {parameters}".encode(), cut, first=MAIL)
    assert isinstance(refused, Refused)
    assert refused.reply.code == 501


def test_parameters_of_extensions_not_offered_are_unknown(cut: Cut) -> None:
    bare = Extensions(dsn=False, smtputf8=False)
    command = one(b"MAIL FROM:<a@b> RET=FULL SMTPUTF8 AUTH=<>", cut, extensions=bare)
    assert command == Mail("a@b", unknown=(("RET", "FULL"), ("SMTPUTF8", None), ("AUTH", "<>")))
    command = one(b"RCPT TO:<a@b> NOTIFY=NEVER", cut, first=MAIL, extensions=bare)
    assert command == Rcpt("a@b", unknown=(("NOTIFY", "NEVER"),))


def test_binarymime_not_offered_is_refused(cut: Cut) -> None:
    refused = one(b"MAIL FROM:<a@b> BODY=BINARYMIME", cut, extensions=Extensions())
    assert isinstance(refused, Refused)
    assert refused.reply.code == 501


@pytest.mark.parametrize("line", [b"", b"   ", b"\t"])
def test_empty_line(line: bytes, cut: Cut) -> None:
    refused = one(line, cut)
    assert isinstance(refused, Refused)
    assert refused.reply.code == 500


@pytest.mark.parametrize(
    "line", [b"HELO", b"EHLO  ", b"DATA now", b"RSET x", b"QUIT x", b"STARTTLS x", b"AUTH", b"AUTH a b c"]
)
def test_bad_arguments(line: bytes, cut: Cut) -> None:
    refused = one(line, cut)
    assert isinstance(refused, Refused)
    assert refused.reply.code == 501
    assert not refused.close


@pytest.mark.parametrize("secret", [b"dXNlcg", b"dXNl*cg=", b"====", b"YQ==YQ=="])
def test_bad_base64_in_auth(secret: bytes, cut: Cut) -> None:
    refused = one(b"AUTH PLAIN " + secret, cut)
    assert isinstance(refused, Refused)
    assert (refused.reply.code, refused.reply.enhanced) == (501, "5.5.2")
    assert secret.decode() not in repr(refused)


def test_data_with_recipient(cut: Cut) -> None:
    assert one(b"DATA ", cut, first=MAIL + b"RCPT TO:<a@b>\r\n") == Data()
