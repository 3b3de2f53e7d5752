"""The properties of the SMTP core as plain functions: hypothesis calls them briefly, atheris for hours."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailferry.smtp.client import ClientConnection
from mailferry.smtp.commands import Bdat, Data, Ehlo, Mail, Rcpt, StartTls
from mailferry.smtp.dotstuff import DotStuffer
from mailferry.smtp.errors import RemoteProtocolError
from mailferry.smtp.events import EndOfMessage, Refused
from mailferry.smtp.limits import BareNewlines, ServerLimits
from mailferry.smtp.replies import Reply, ReplyParser, format_reply, reply
from mailferry.smtp.server import Event, ServerConnection
from support.pair import ConnectionPair
from support.smtp_drive import Answer, Log, connection, drive, kindly, split_at

SMALL = ServerLimits(command_line=64, auth_line=128, message_size=100, bad_commands=4)
_Command = Ehlo | Mail | Rcpt | Data
#: In REPAIR a DATA line may end in a bare LF, which then is the line end before a first lone dot.
_ENDS = {
    BareNewlines.REFUSE: re.compile(rb"(?=\r\n\.\r\n)"),
    BareNewlines.REPAIR: re.compile(rb"(?=\r\n\.\r\n)|(?i:(?<=DATA)[ \t]*\n\.\r\n)"),
}


def answering(codes: Sequence[int]) -> Answer:
    """An answer that now and then is another than the kind one: `codes` in turn, 0 meaning kind."""
    left = list(codes)

    def answer(conn: ServerConnection, event: Event) -> Reply:
        code = left.pop(0) if left else 0
        if not code or isinstance(event, Refused):
            return kindly(conn, event)
        return reply(code, "", "as drawn")

    return answer


def serve(data: bytes, cuts: Sequence[int], bare: BareNewlines, limits: ServerLimits, codes: Sequence[int] = ()) -> Log:
    # STARTTLS is not offered: whether bytes stand behind it depends on the cut by its nature.
    conn = connection(limits=limits, bare=bare, hello=True)
    log = drive(conn, split_at(data, cuts), answering(codes))
    assert conn.buffered <= len(data)
    return log


def any_cut_gives_the_same_events(
    data: bytes, cuts: Sequence[int], bare: BareNewlines, limits: ServerLimits, codes: Sequence[int] = ()
) -> None:
    partial = not limits.message_size
    whole = serve(data, (), bare, limits, codes)
    cut = serve(data, cuts, bare, limits, codes)
    assert whole.shape(partial=partial) == cut.shape(partial=partial)
    assert whole.written == cut.written


def only_crlf_dot_crlf_ends_data(data: bytes, cuts: Sequence[int], bare: BareNewlines) -> None:
    log = serve(data, cuts, bare, ServerLimits())
    chunked = sum(isinstance(event, Bdat) and event.last for event in log.events)
    ended = sum(isinstance(event, EndOfMessage) for event in log.events)
    assert ended - chunked <= len(_ENDS[bare].findall(data))
    bodies = log.body().replace(b"\r\n", b"")
    binary = any(isinstance(event, Mail) and event.body == "BINARYMIME" for event in log.events)
    assert binary or (b"\n" not in bodies and b"\r" not in bodies)


def data_arrives_as_sent(body: bytes, chunk: int, cut: int) -> None:
    """A body of whole lines, through DotStuffer, DATA and the server's unstuffing."""
    pair = ConnectionPair(cut=cut)
    pair.send(Ehlo("client.example.com"))
    pair.send(Mail("a@example.com"), Rcpt("b@example.com"), Data())
    stuffer = DotStuffer()
    wire = b"".join(stuffer.feed(piece) for piece in _slices(body, chunk)) + stuffer.finish()
    replies = pair.write(wire)
    assert [answer.code for _, answer in replies] == [250]
    assert isinstance(pair.log.last, EndOfMessage)
    assert pair.log.body() == body + (b"" if body.endswith(b"\r\n") or not body else b"\r\n")


def chunks_arrive_as_sent(body: bytes, chunk: int, cut: int, *, binary: bool) -> None:
    """The same by BDAT; binary bodies may hold anything."""
    pair = ConnectionPair(cut=cut)
    pair.send(Ehlo("client.example.com"))
    replies = pair.send(Mail("a@example.com", body=None), Rcpt("b@example.com")) if not binary else None
    if replies is None:
        wire = pair.client.send(Mail("a@example.com")).replace(b">\r\n", b"> BODY=BINARYMIME\r\n")
        pair.write(wire + pair.client.send(Rcpt("b@example.com")))
    pieces = _slices(body, chunk) or [b""]
    wire = b"".join(
        pair.client.send(Bdat(len(piece), last=number == len(pieces) - 1)) + piece
        for number, piece in enumerate(pieces)
    )
    answers = pair.write(wire)
    assert [answer.code for _, answer in answers] == [250] * len(pieces)
    assert pair.log.body() == body


def _slices(data: bytes, step: int) -> list[bytes]:
    return [data[offset : offset + step] for offset in range(0, len(data), step)]


def server_takes_anything(data: bytes, cuts: Sequence[int], bare: BareNewlines) -> None:
    """With STARTTLS on offer and small limits: nothing is raised, and the end is quiet."""
    for limits in (SMALL, ServerLimits()):
        conn = connection(limits=limits, bare=bare)

        def answer(conn: ServerConnection, event: Event) -> Reply:
            return kindly(conn, event)

        for piece in split_at(data, cuts):
            log = drive(conn, [piece], answer)
            if log.events and isinstance(log.last, StartTls):
                conn.tls_started()
        conn.receive_eof()
        assert conn.closed or conn.next_event() is None


def client_raises_only_remote_protocol_error(data: bytes, cuts: Sequence[int], sends: Sequence[int]) -> None:
    """A client that has sent what it may, and then reads anything."""
    client = ClientConnection()
    script: list[_Command] = [Ehlo("c.example.com"), Mail("a@example.com"), Rcpt("b@example.com"), Data()]
    try:
        for number, piece in enumerate(split_at(data, cuts)):
            client.receive(piece)
            while (answer := client.next_reply()) is not None:
                assert 200 <= answer[1].code <= 599
            if not client.outstanding and not client.closed and script and number in sends:
                command = script.pop(0)
                if _may(client, command):
                    client.send(command)
    except RemoteProtocolError:
        assert client.closed
        assert client.outstanding == 0


def _may(client: ClientConnection, command: _Command) -> bool:
    wanted: dict[type, str] = {Ehlo: "START READY", Mail: "READY", Rcpt: "MAIL RCPT", Data: "RCPT"}
    return client.state.name in wanted[type(command)].split()


def reply_survives_the_wire(value: Reply) -> None:
    parser = ReplyParser()
    lines = format_reply(value).split(b"\r\n")
    assert lines.pop() == b""
    assert [parser.line(line) for line in lines[:-1]] == [None] * (len(lines) - 1)
    assert parser.line(lines[-1]) == value
