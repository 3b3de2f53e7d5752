"""The client's end of an SMTP connection: commands in, bytes out; bytes in, replies out, each with what it answers.

Leaves to others: sockets, TLS and timeouts (routes), dot stuffing (dotstuff), what a reply means (routes.classify).
Invariant: replies are matched to commands in the order of sending; no command goes out where neither the state nor
PIPELINING allows it, so that a reply can never be taken for another's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from mailferry.smtp.commands import Command, Mail, Rcpt
from mailferry.smtp.encode import act_of, encode_command
from mailferry.smtp.errors import LocalProtocolError, RemoteProtocolError
from mailferry.smtp.grammar import encode_base64
from mailferry.smtp.replies import Reply, ReplyParser
from mailferry.smtp.state import MOVES, Act, Machine, State


@dataclass(frozen=True, slots=True)
class Greeting:
    """Answered by the first reply of the connection."""


@dataclass(frozen=True, slots=True)
class Body:
    """Answered by the reply to the end of a message that DATA began."""


@dataclass(frozen=True, slots=True)
class AuthData:
    """Answered by the reply to a line of a SASL exchange."""


@dataclass(frozen=True, slots=True)
class Unsolicited:
    """A 421 while nothing was outstanding (RFC 5321 section 3.8)."""


Sent = Command | Greeting | Body | AuthData | Unsolicited

#: RFC 2920 section 3.1 (and RFC 3207, RFC 4954): what must be the last of a pipelined group.
_LAST_OF_GROUP = frozenset(
    {
        Act.GREETING,
        Act.EHLO,
        Act.HELO,
        Act.DATA,
        Act.BODY,
        Act.STARTTLS,
        Act.AUTH,
        Act.AUTH_DATA,
        Act.NOOP,
        Act.VRFY,
        Act.HELP,
        Act.QUIT,
        Act.UNKNOWN,
    }
)
_REPLY_LINE = 8192  # RFC 5321 section 4.5.3.1.5 says 512; services write more
_REPLY_LINES = 512
_GREETING, _BODY, _AUTH_DATA, _UNSOLICITED = Greeting(), Body(), AuthData(), Unsolicited()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What EHLO announced: keyword in upper case -> parameters as they stood."""

    keywords: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_reply(cls, reply: Reply) -> Capabilities:
        """Any case, and "AUTH=LOGIN" as old servers write it; a keyword given twice is joined."""
        found: dict[str, str] = {}
        for line in reply.lines[1:]:
            keyword, _, value = line.strip().replace("=", " ", 1).partition(" ")
            if keyword:
                keyword = keyword.upper()
                found[keyword] = f"{found.get(keyword, '')} {value.strip()}".strip()
        return cls(found)

    def has(self, keyword: str) -> bool:
        return keyword.upper() in self.keywords

    @property
    def size(self) -> int | None:
        """The largest message in octets; None when there is no fixed limit (RFC 1870 section 4: 0 says so too)."""
        value = self.keywords.get("SIZE", "").split(" ")[0]
        return int(value) or None if value.isascii() and value.isdigit() and len(value) <= 20 else None

    @property
    def auth(self) -> frozenset[str]:
        return frozenset(self.keywords.get("AUTH", "").upper().replace("=", " ").split())


class ClientConnection(Machine):
    """One connection, seen from the client.

    Write what send() returns; give what the server says to receive() and take (what it answers, reply) by
    next_reply(). After 354 write the message through a DotStuffer; its reply answers Body().
    """

    __slots__ = ("_buffer", "_expected", "_lines", "_outstanding", "_parser", "_replies", "_utf8", "capabilities")

    def __init__(self, *, tls: bool = False) -> None:
        super().__init__(tls=tls)
        self.capabilities = Capabilities()
        self._buffer = b""
        self._parser = ReplyParser()
        self._lines = 0
        self._outstanding: deque[tuple[Act, Sent]] = deque([(Act.GREETING, _GREETING)])
        self._replies: deque[tuple[Sent, Reply]] = deque()
        self._expected = State.CONNECTED  # where the connection stands when all that is outstanding succeeds
        self._utf8 = False

    @property
    def outstanding(self) -> int:
        """How many replies are still to come."""
        return len(self._outstanding)

    def send(self, command: Command) -> bytes:
        """The octets of a command. After Bdat exactly `size` octets of the message must follow."""
        act = act_of(command)
        self._check(act)
        if isinstance(command, Mail):
            self._utf8 = command.smtputf8
        elif isinstance(command, Rcpt) and not self._utf8 and not command.path.isascii():
            raise LocalProtocolError("a UTF-8 address needs SMTPUTF8 in MAIL")
        octets = encode_command(command)
        self._sent(act, command)
        return octets

    def send_auth_data(self, data: bytes) -> bytes:
        """The answer to a 334."""
        self._check(Act.AUTH_DATA)
        self._sent(Act.AUTH_DATA, _AUTH_DATA)
        return encode_base64(data) + b"\r\n"

    def cancel_auth(self) -> bytes:
        """The answer to a 334 that cannot be answered (RFC 4954 section 4)."""
        self._check(Act.AUTH_DATA)
        self._sent(Act.AUTH_DATA, _AUTH_DATA)
        return b"*\r\n"

    def _check(self, act: Act) -> None:
        if self._outstanding:
            last = self._outstanding[-1][0]
            if last in _LAST_OF_GROUP or not self.capabilities.has("PIPELINING"):
                raise LocalProtocolError(f"{act.name} before the reply to {last.name}")
        if self.state is State.CLOSED or MOVES[self._expected][act] is None:
            raise LocalProtocolError(f"{act.name} in state {self._expected.name}")
        if self.spent(act):
            raise LocalProtocolError(f"{act.name} a second time")

    def _sent(self, act: Act, what: Sent) -> None:
        row = MOVES[self._expected][act]
        self._outstanding.append((act, what))
        if row is not None:
            self._expected = row[3 if act is Act.DATA or act is Act.AUTH else 2]

    def receive(self, data: bytes) -> None:
        """Take what the server sent. Raises RemoteProtocolError; replies that were whole before stay available."""
        buffer = self._buffer + data if self._buffer else data
        start = 0
        while True:
            end = buffer.find(b"\n", start)
            if (end if end >= 0 else len(buffer)) - start > _REPLY_LINE:
                raise self._broken("reply line is too long")
            if end < 0:
                break
            line = buffer[start:end]
            start = end + 1
            self._line(line[:-1] if line.endswith(b"\r") else line, last=start == len(buffer))
        self._buffer = buffer[start:]

    def _line(self, line: bytes, *, last: bool) -> None:
        self._lines += 1
        if self._lines > _REPLY_LINES:
            raise self._broken("reply has too many lines")
        try:
            reply = self._parser.line(line)
        except ValueError as error:
            raise self._broken(str(error)) from None
        if reply is None:
            return
        self._lines = 0
        act = self._match(reply)
        if act is Act.STARTTLS and self.state is State.TLS and not last:
            # Octets in clear behind the 220 would be read as if they came through TLS (CVE-2011-0411).
            raise self._broken("octets behind the reply to STARTTLS")

    def _match(self, reply: Reply) -> Act | None:
        if not self._outstanding:
            if reply.code != 421 or self.state is State.CLOSED:
                raise self._broken(f"reply {reply.code} to nothing")
            self._replies.append((_UNSOLICITED, reply))
            self.state = self._expected = State.CLOSED
            return None
        act, what = self._outstanding.popleft()
        self._replies.append((what, reply))
        self._advance(act, reply)
        return act

    def _advance(self, act: Act, reply: Reply) -> None:
        self.move(act, reply.code)
        if act is Act.DATA and reply.code // 100 == 3:
            # Whatever became of the recipients: the server wants a message now (RFC 2920 section 3.1).
            self.state = State.BODY
            self._outstanding.append((Act.BODY, _BODY))
        elif act is Act.EHLO and reply.code // 100 == 2:
            self.capabilities = Capabilities.from_reply(reply)
        elif act is Act.HELO and reply.code // 100 == 2:
            self.capabilities = Capabilities()
        if self.state is State.CLOSED:
            self._outstanding.clear()
        if not self._outstanding:
            self._expected = self.state

    def next_reply(self) -> tuple[Sent, Reply] | None:
        """The next whole reply and which of the outstanding sends it answers."""
        return self._replies.popleft() if self._replies else None

    def tls_started(self) -> None:
        """The handshake is done: back to before EHLO, and nothing learnt before counts (RFC 3207 section 4.2)."""
        if self._buffer or self._replies:
            raise self._broken("octets in clear before the handshake")
        self.restart_in_tls()
        self._expected = State.START
        self.capabilities = Capabilities()

    def _broken(self, why: str) -> RemoteProtocolError:
        self.state = self._expected = State.CLOSED
        self._outstanding.clear()
        self._buffer = b""
        return RemoteProtocolError(why)
