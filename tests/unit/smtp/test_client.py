"""The client core: replies matched to what was sent, what may be sent when, and replies that are none."""

from __future__ import annotations

import pytest

from mailferry.smtp.client import AuthData, Body, Capabilities, ClientConnection, Greeting, Sent, Unsolicited
from mailferry.smtp.commands import (
    Auth,
    Bdat,
    Command,
    Data,
    Ehlo,
    Helo,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Rset,
    StartTls,
    UnknownCommand,
)
from mailferry.smtp.errors import LocalProtocolError, RemoteProtocolError
from mailferry.smtp.replies import Reply, reply
from mailferry.smtp.state import State
from support.smtp_drive import bytewise

# Observed 2025-11-23 at smtp.office365.com.
EHLO_REPLY = (
    b"250-SY5P282CA0097.outlook.office365.com Hello [192.0.2.1]\r\n250-SIZE 157286400\r\n250-PIPELINING\r\n250-DSN\r\n"
    b"250-ENHANCEDSTATUSCODES\r\n250-AUTH LOGIN XOAUTH2\r\n250-8BITMIME\r\n250-BINARYMIME\r\n250-CHUNKING\r\n"
    b"250 SMTPUTF8\r\n"
)
GREETING = b"220 SY5P282CA0097.outlook.office365.com Microsoft ESMTP MAIL Service ready\r\n"


def answers(client: ClientConnection, data: bytes) -> list[tuple[Sent, Reply]]:
    client.receive(data)
    out = []
    while (answer := client.next_reply()) is not None:
        out.append(answer)
    return out


def said_hello(ehlo: bytes = EHLO_REPLY) -> ClientConnection:
    client = ClientConnection()
    answers(client, GREETING)
    client.send(Ehlo("me"))
    answers(client, ehlo)
    return client


@pytest.mark.parametrize("cut", [lambda data: [data], bytewise])
def test_greeting_and_ehlo(cut: object) -> None:
    assert callable(cut)
    client = ClientConnection()
    for piece in cut(GREETING):
        client.receive(piece)
    what, first = client.next_reply() or (None, None)
    assert what == Greeting()
    assert first == reply(220, "", "SY5P282CA0097.outlook.office365.com Microsoft ESMTP MAIL Service ready")
    assert client.send(Ehlo("me")) == b"EHLO me\r\n"
    for piece in cut(EHLO_REPLY):
        assert client.next_reply() is None
        client.receive(piece)
    assert client.next_reply() is not None
    assert client.esmtp
    assert client.capabilities.has("pipelining")
    assert client.capabilities.size == 157286400
    assert client.capabilities.auth == {"LOGIN", "XOAUTH2"}


def test_nothing_goes_out_before_the_greeting() -> None:
    with pytest.raises(LocalProtocolError):
        ClientConnection().send(Ehlo("me"))


@pytest.mark.parametrize("command", [Mail("a@b"), Rcpt("a@b"), Data(), Bdat(1, last=True), StartTls(), Auth("PLAIN")])
def test_hello_comes_first(command: Command) -> None:
    client = ClientConnection()
    answers(client, GREETING)
    with pytest.raises(LocalProtocolError):
        client.send(command)


def test_a_message_in_one_group() -> None:
    client = said_hello()
    commands: list[Command] = [Mail("a@b", size=5), Rcpt("c@d"), Rcpt("e@f"), Data()]
    wire = b"".join(client.send(command) for command in commands)
    assert wire == b"MAIL FROM:<a@b> SIZE=5\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n"
    assert client.outstanding == 4
    got = answers(client, b"250 2.1.0 Sender OK\r\n550 5.1.1 no\r\n250 2.1.5 ok\r\n354 go\r\n")
    assert [what for what, _ in got] == commands
    assert all(what is command for (what, _), command in zip(got, commands, strict=True))
    assert [answer.code for _, answer in got] == [250, 550, 250, 354]
    assert client.state is State.BODY
    assert client.outstanding == 1
    with pytest.raises(LocalProtocolError):
        client.send(Noop())
    assert answers(client, b"250 2.0.0 queued\r\n") == [(Body(), reply(250, "2.0.0", "queued"))]
    assert not client.in_transaction
    client.send(Mail("next@b"))


def test_354_although_nothing_was_accepted() -> None:
    client = said_hello()
    client.send(Mail("a@b"))
    client.send(Rcpt("c@d"))
    client.send(Data())
    got = answers(client, b"550 no\r\n503 no\r\n354 go\r\n")
    assert [answer.code for _, answer in got] == [550, 503, 354]
    assert client.state is State.BODY
    assert answers(client, b"554 no valid recipients\r\n")[0][0] == Body()
    client.send(Rset())


def test_without_pipelining_one_at_a_time() -> None:
    client = said_hello(b"250 old\r\n")
    client.send(Mail("a@b"))
    with pytest.raises(LocalProtocolError):
        client.send(Rcpt("c@d"))
    answers(client, b"250 ok\r\n")
    client.send(Rcpt("c@d"))


@pytest.mark.parametrize("last", [Ehlo("x"), Noop(), Quit(), Auth("LOGIN"), StartTls(), UnknownCommand("XYZ")])
def test_some_commands_end_a_group(last: Command) -> None:
    client = said_hello()
    client.send(last)
    with pytest.raises(LocalProtocolError):
        client.send(Mail("a@b"))


def test_a_failed_group_leaves_a_usable_connection() -> None:
    client = said_hello()
    for command in (Mail("a@b"), Rcpt("c@d"), Data()):
        client.send(command)
    answers(client, b"452 4.3.1 later\r\n503 5.5.1 no\r\n503 5.5.1 no\r\n")
    assert client.state is State.READY
    client.send(Mail("a@b"))


def test_bdat() -> None:
    client = said_hello()
    client.send(Mail("a@b"))
    client.send(Rcpt("c@d"))
    assert client.send(Bdat(5, last=False)) == b"BDAT 5\r\n"
    assert client.send(Bdat(0, last=True)) == b"BDAT 0 LAST\r\n"
    got = answers(client, b"250 ok\r\n250 ok\r\n250 2.0.0 5 octets\r\n250 2.0.0 queued\r\n")
    assert got[2:] == [
        (Bdat(5, last=False), reply(250, "2.0.0", "5 octets")),
        (Bdat(0, last=True), reply(250, "2.0.0", "queued")),
    ]
    assert client.state is State.READY


def test_a_refused_chunk_ends_the_transaction() -> None:
    client = said_hello()
    for command in (Mail("a@b"), Rcpt("c@d"), Bdat(5, last=False)):
        client.send(command)
    answers(client, b"250 ok\r\n250 ok\r\n452 4.3.1 full\r\n")
    with pytest.raises(LocalProtocolError):
        client.send(Bdat(5, last=True))
    client.send(Rset())


def test_auth_with_a_json_refusal() -> None:
    client = said_hello()
    assert client.send(Auth("XOAUTH2", b"user=a")) == b"AUTH XOAUTH2 dXNlcj1h\r\n"
    assert answers(client, b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n")[0][1].lines == ("eyJzdGF0dXMiOiI0MDEifQ==",)
    with pytest.raises(LocalProtocolError):
        client.send(Noop())
    assert client.send_auth_data(b"") == b"\r\n"
    assert answers(client, b"535 5.7.3 Authentication unsuccessful\r\n")[0][0] == AuthData()
    assert not client.identified
    assert client.state is State.READY
    client.send(Auth("LOGIN"))
    answers(client, b"334 VXNlcm5hbWU6\r\n")
    assert client.send_auth_data(b"user") == b"dXNlcg==\r\n"
    answers(client, b"334 UGFzc3dvcmQ6\r\n")
    assert client.cancel_auth() == b"*\r\n"
    answers(client, b"501 5.7.0 cancelled\r\n")
    client.send(Auth("PLAIN", b""))
    answers(client, b"235 2.7.0 yes\r\n")
    assert client.identified
    with pytest.raises(LocalProtocolError):
        client.send(Auth("PLAIN"))


def test_auth_data_only_after_334() -> None:
    client = said_hello()
    with pytest.raises(LocalProtocolError):
        client.send_auth_data(b"x")
    client.send(Auth("LOGIN"))
    with pytest.raises(LocalProtocolError):
        client.send_auth_data(b"x")


def test_starttls() -> None:
    client = said_hello(b"250-a\r\n250 STARTTLS\r\n")
    assert client.send(StartTls()) == b"STARTTLS\r\n"
    assert answers(client, b"220 2.0.0 SMTP server ready\r\n")[0][0] == StartTls()
    with pytest.raises(LocalProtocolError):
        client.send(Ehlo("me"))
    client.tls_started()
    assert (client.tls, client.esmtp, client.capabilities) == (True, False, Capabilities())
    client.send(Ehlo("me"))
    answers(client, b"250 a\r\n")
    with pytest.raises(LocalProtocolError):
        client.send(StartTls())


@pytest.mark.parametrize("injected", [b"250 evil\r\n", b"x"])
def test_octets_behind_the_answer_to_starttls(injected: bytes) -> None:
    client = said_hello()
    client.send(StartTls())
    with pytest.raises(RemoteProtocolError):
        client.receive(b"220 go\r\n" + injected)
    assert client.closed
    late = said_hello()
    late.send(StartTls())
    answers(late, b"220 go\r\n")
    with pytest.raises(RemoteProtocolError):
        late.receive(injected)
        late.tls_started()


def test_421_at_any_time() -> None:
    idle = said_hello()
    assert answers(idle, b"421 4.4.1 Connection timed out\r\n") == [
        (Unsolicited(), reply(421, "4.4.1", "Connection timed out"))
    ]
    assert idle.closed
    with pytest.raises(LocalProtocolError):
        idle.send(Noop())
    busy = said_hello()
    for command in (Mail("a@b"), Rcpt("c@d"), Data()):
        busy.send(command)
    assert [answer.code for _, answer in answers(busy, b"250 ok\r\n421 4.3.2 bye\r\n")] == [250, 421]
    assert busy.closed
    assert busy.outstanding == 0
    greeting = ClientConnection()
    assert answers(greeting, b"421 4.3.2 busy\r\n")[0][0] == Greeting()
    assert greeting.closed


def test_quit_closes() -> None:
    client = said_hello()
    client.send(Quit())
    answers(client, b"221 2.0.0 bye\r\n")
    assert client.closed
    with pytest.raises(LocalProtocolError):
        client.send(Noop())


@pytest.mark.parametrize(
    "octets",
    [
        b"hello\r\n",
        b"\r\n",
        b"22 hi\r\n",
        b"2200 hi\r\n",
        b"199 hi\r\n",
        b"600 hi\r\n",
        b"220/hi\r\n",
        b"220-a\r\n250 b\r\n",
        b"220 a\r\n250 to nothing\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x15\x03\x01\x00\x02\x02\x0a",
        b"220 " + b"x" * 9000,
        b"220 " + b"x" * 9000 + b"\r\n",
        b"220-x\r\n" * 600,
    ],
)
def test_what_is_no_smtp(octets: bytes) -> None:
    for pieces in ([octets], bytewise(octets)):
        client = ClientConnection()
        with pytest.raises(RemoteProtocolError):
            for piece in pieces:
                client.receive(piece)
        assert client.closed


def test_replies_before_a_broken_one_stay() -> None:
    client = ClientConnection()
    with pytest.raises(RemoteProtocolError):
        client.receive(b"220 hi\r\nrubbish\r\n")
    assert client.next_reply() == (Greeting(), reply(220, "", "hi"))


def test_replies_with_bare_lf_and_without_text_are_taken() -> None:
    client = ClientConnection()
    assert answers(client, b"220\n")[0][1] == reply(220)
    client.send(Helo("me"))
    assert answers(client, b"250-\n250\r\n")[0][1] == Reply(250, "", ("", ""))


@pytest.mark.parametrize(
    ("lines", "size", "auth"),
    [
        (("x", "size 1000", "Auth login Plain"), 1000, {"LOGIN", "PLAIN"}),
        (("x", "AUTH=LOGIN", "SIZE"), None, {"LOGIN"}),
        (("x", "AUTH LOGIN", "AUTH=LOGIN PLAIN", "SIZE 0"), None, {"LOGIN", "PLAIN"}),
        (("x", " SIZE  77 ", "AUTH"), 77, set()),
        (("x", "SIZE many", ""), None, set()),
        (("SIZE 5",), None, set()),
    ],
)
def test_capabilities(lines: tuple[str, ...], size: int | None, auth: set[str]) -> None:
    capabilities = Capabilities.from_reply(Reply(250, "", lines))
    assert capabilities.size == size
    assert capabilities.auth == auth
    assert not capabilities.has("X-NONE")


def test_a_utf8_recipient_needs_smtputf8_in_mail() -> None:
    client = said_hello()
    client.send(Mail("a@b"))
    with pytest.raises(LocalProtocolError):
        client.send(Rcpt("é@b"))
    answers(client, b"250 ok\r\n")
    client.send(Rset())
    client.send(Mail("a@b", smtputf8=True))
    assert client.send(Rcpt("é@b")) == "RCPT TO:<é@b>\r\n".encode()
