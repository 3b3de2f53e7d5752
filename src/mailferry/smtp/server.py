"""The server's end of an SMTP connection: bytes in, events out; replies in, bytes out.

Leaves to others: sockets and TLS (listener.protocol), every decision about mail (listener.policy), the octets of a
message (body), command syntax (parse), the order of commands (state).
Invariant: after an event that needs a reply nothing more is handed out until send(), so pipelined commands are safe;
any bytes are taken, none raise.
"""

from __future__ import annotations

from mailferry.smtp import refusals
from mailferry.smtp.body import ChunkReader, DataReader
from mailferry.smtp.commands import Bdat, BodyType, Command, Mail, Rcpt
from mailferry.smtp.errors import LocalProtocolError
from mailferry.smtp.events import AuthResponse, BodyChunk, EndOfChunk, EndOfMessage, Refused
from mailferry.smtp.grammar import decode_base64
from mailferry.smtp.inbound import Inbound
from mailferry.smtp.limits import BareNewlines, Extensions, ServerLimits
from mailferry.smtp.reading import read_command
from mailferry.smtp.replies import Reply, format_reply
from mailferry.smtp.state import MOVES, Act, State

Event = Command | AuthResponse | BodyChunk | EndOfChunk | EndOfMessage | Refused

_STARTTLS_TAIL = Refused(refusals.STARTTLS_TAIL, close=True, reason="bytes behind STARTTLS")
_TOO_MANY = Refused(refusals.TOO_MANY_ERRORS, close=True, reason="too many bad commands")
_TOO_MANY_IDLE = Refused(refusals.TOO_MANY_IDLE, close=True, reason="too many commands without mail")
_BAD_BASE64 = Refused(refusals.BAD_BASE64, reason="bad base64 in an authentication exchange")
_TOO_BIG = Refused(refusals.TOO_BIG, reason="declared size over the limit")
_UTF8_ADDRESS = Refused(refusals.UTF8_ADDRESS, reason="UTF-8 address without SMTPUTF8")
_UNOFFERED = Refused(refusals.UNOFFERED, reason="command of an extension that is not offered")

#: By act: what brings no mail nearer.
_IDLE = (Act.EHLO, Act.HELO, Act.RSET, Act.NOOP, Act.VRFY, Act.HELP, Act.UNKNOWN)
_LEADS_NOWHERE = tuple(act in _IDLE for act in Act)


class ServerConnection(Inbound):
    """One connection, seen from the server.

    Give it bytes by receive(), take events by next_event() until that is None, answer each event that needs it by
    send() and write what send() returns. The greeting comes first.
    """

    __slots__ = (
        "_bad",
        "_binary",
        "_chunks",
        "_extensions",
        "_idle",
        "_owed",
        "_reader",
        "_utf8",
    )

    def __init__(
        self,
        limits: ServerLimits,
        bare_newlines: BareNewlines = BareNewlines.REFUSE,
        *,
        extensions: Extensions,
        tls: bool = False,
    ) -> None:
        super().__init__(limits, repairs=bare_newlines is BareNewlines.REPAIR, tls=tls)
        self._extensions = extensions
        self._owed: Act | None = Act.GREETING
        self._bad = self._idle = 0
        self._reader: DataReader | ChunkReader | None = None  # a message is coming
        self._chunks: ChunkReader | None = None  # between the chunks of a message
        self._utf8 = self._binary = False  # what the last MAIL said

    @property
    def awaiting(self) -> bool:
        """A reply is owed: the greeting, or the answer to the last event."""
        return self._owed is not None

    def receive_eof(self) -> None:
        """The peer sends no more. Whole commands that are buffered still come out; a message cut short never ends."""

    def next_event(self) -> Event | None:
        """The next event; None when more bytes are needed or a reply is owed."""
        if self._owed is not None:
            return None
        if self._reader is not None:
            return self._read_body(self._reader)
        state = self.state
        if state is State.AUTH:
            return self._read_auth()
        if state is State.TLS or state is State.CLOSED:
            return None
        return self._read_command()

    def greeting(self, reply: Reply) -> bytes:
        """The first reply of the connection (RFC 5321 section 3.1)."""
        if self.state is not State.CONNECTED:
            raise LocalProtocolError("the greeting was sent before")
        return self.send(reply)

    def send(self, reply: Reply) -> bytes:
        """Answer what is owed; returns the octets to write."""
        owed = self._owed
        code = reply.code
        if code == 421:  # RFC 5321 section 3.8: may come at any time
            self._end()
        elif owed is None:
            raise LocalProtocolError(f"no reply is owed in state {self.state.name}")
        elif owed <= Act.AUTH_DATA:
            self._send_special(owed, code)
        else:
            self._owed = None
            row = MOVES[self.state][owed]
            if row is not None:
                self.state = row[code // 100]
                if self.state is State.CLOSED:
                    self._end()
        return format_reply(reply)

    def _send_special(self, owed: Act, code: int) -> None:
        self._owed = None
        self.move(owed, code)
        if self.state is State.BODY:
            self._reader = DataReader(self._limits.message_size, repairs=self._repair)
        elif self.state is State.TLS:
            # What came in clear after STARTTLS is forgotten (RFC 3207 section 6, CVE-2011-0411).
            self._buffer, self._start, self._pending = b"", 0, None

    def _end(self) -> None:
        self.state = State.CLOSED
        self._owed = self._pending = self._reader = self._chunks = self._skipping = None
        self._buffer, self._start = b"", 0

    def ehlo_reply(self, domain_text: str) -> Reply:
        """The positive answer to EHLO with the extensions on offer in the present state."""
        lines = self._extensions.lines(tls=self.tls, authenticated=self.identified, size=self._limits.message_size)
        return Reply(250, "", (domain_text, *lines))

    def tls_started(self) -> None:
        """The handshake is done: back to before EHLO. What was received since send(220) came through TLS."""
        self.restart_in_tls()
        self._chunks = None

    def _refuse(self, refused: Refused, act: Act = Act.REFUSED) -> Refused:
        """Hand out a refusal, or the last one when there were too many in a row."""
        self._bad += 1
        if 0 < self._limits.bad_commands < self._bad and not refused.close:
            refused = _TOO_MANY
        self._owed = Act.FATAL if refused.close else act
        return refused

    def _read_command(self) -> Event | None:
        line = self._read_line()
        if line is None:
            return None
        if isinstance(line, Refused):
            return self._refuse(line)
        act, command = read_command(line, self._extensions)
        if isinstance(command, Refused):
            return self._refuse(command)
        if isinstance(command, Bdat):
            return self._begin_chunk(act, command)
        refused = self._objection(act, command)
        if refused is not None:
            return self._refuse(refused)
        self._owed = act
        if not _LEADS_NOWHERE[act]:
            self._bad = 0
            return command
        enough = self._no_use(act)
        if enough is not None:
            self._owed = Act.FATAL
            return enough
        return command

    def _no_use(self, act: Act) -> Refused | None:
        """Count a command that brings no mail nearer; the refusal when there were too many."""
        limits = self._limits
        if act is Act.UNKNOWN:
            self._bad += 1
            return _TOO_MANY if 0 < limits.bad_commands < self._bad else None
        self._bad = 0
        self._idle += 1
        return _TOO_MANY_IDLE if 0 < limits.idle_commands < self._idle else None

    def _objection(self, act: Act, command: Command) -> Refused | None:
        """What the core has against a well-formed command in the present state."""
        if MOVES[self.state][act] is None or (act <= Act.AUTH_DATA and self.spent(act)):
            return self._out_of_sequence(act)
        if isinstance(command, Rcpt):
            return None if self._utf8 or command.path.isascii() else _UTF8_ADDRESS
        if isinstance(command, Mail):
            if 0 < self._limits.message_size < (command.size or 0):  # RFC 1870 section 6.1
                return _TOO_BIG
            self._idle = 0
            self._utf8 = command.smtputf8
            self._binary = command.body is BodyType.BINARY
        elif act is Act.STARTTLS:
            if not self._extensions.starttls:
                return _UNOFFERED
            if self._buffer or self._pending:
                return _STARTTLS_TAIL
        return None

    def _out_of_sequence(self, act: Act) -> Refused:
        if act is Act.AUTH and self.identified:
            text = refusals.AUTH_TWICE
        elif act is Act.STARTTLS and self.tls:
            text = refusals.TLS_TWICE
        elif self.state is State.START:
            text = refusals.HELLO_FIRST
        else:
            text = refusals.BY_ACT.get(act.name, refusals.SEQUENCE)
        return Refused(text, reason=f"{act.name} in state {self.state.name}")

    def _begin_chunk(self, act: Act, command: Bdat) -> Event | None:
        refused = None
        if not self._extensions.chunking:
            refused = _UNOFFERED
        elif MOVES[self.state][act] is None:
            refused = self._out_of_sequence(act)
        if refused is not None or self.state is not State.CHUNKS or self._chunks is None:
            self._chunks = ChunkReader(self._limits.message_size, repairs=self._repair, binary=self._binary)
        reader = self._reader = self._chunks
        reader.begin(command.size, last=command.last)
        if refused is None:
            self._bad = 0
            return command
        reader.swallow(refused)
        return self._read_body(reader)

    def _read_body(self, reader: DataReader | ChunkReader) -> Event | None:
        while True:
            event, stop = reader.read(self._buffer, self._start)
            self._consume(stop)
            if event is not None:
                break
            if not self._more():
                return None
        if isinstance(event, BodyChunk):
            return event
        self._reader = None
        if isinstance(event, Refused) and reader.act is Act.REFUSED:
            return self._refuse(event)
        self._owed = reader.act
        return event

    def _read_auth(self) -> Event | None:
        line = self._read_line()
        if line is None:
            return None
        if isinstance(line, Refused):
            return self._refuse(line, Act.AUTH_DATA)
        line = line.strip(b" ")
        self._owed = Act.AUTH_DATA
        if line == b"*":  # RFC 4954 section 4: the client cancels
            return AuthResponse(None)
        try:
            return AuthResponse(decode_base64(line))
        except ValueError:
            return self._refuse(_BAD_BASE64, Act.AUTH_DATA)
