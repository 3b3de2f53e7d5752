"""The one table of SMTP's states: which act is legal where, and where a reply to it leads. For both roles.

Leaves to others: what an act looks like on the wire (parse, encode) and who waits for whom (server, client).
Invariant: an act that the table does not name for a state is a sequence error (RFC 5321 section 4.1.4), and a state
changes by a reply only. 421 closes from anywhere (RFC 5321 section 3.8).
"""

from __future__ import annotations

from enum import IntEnum


class State(IntEnum):
    CONNECTED = 0  # no greeting yet
    TURNED_AWAY = 1  # the greeting was 554: only QUIT is answered (RFC 5321 section 3.1)
    START = 2  # greeted, no EHLO yet (or TLS has just begun)
    READY = 3  # no transaction
    MAIL = 4  # the sender was accepted
    RCPT = 5  # at least one recipient was accepted
    CHUNKS = 6  # at least one BDAT that was not the last was accepted
    BODY = 7  # 354 was given, the message follows
    AUTH = 8  # 334 was given, a response follows
    TLS = 9  # 220 was given to STARTTLS, the handshake follows
    CLOSED = 10


class Act(IntEnum):
    """What one side does and the other answers. Those up to AUTH_DATA have effects besides a change of state."""

    GREETING = 0
    EHLO = 1
    HELO = 2
    DATA = 3
    STARTTLS = 4
    AUTH = 5
    AUTH_DATA = 6
    MAIL = 7
    RCPT = 8
    BODY = 9  # the end of what DATA began
    BDAT = 10  # a chunk that is not the last
    BDAT_LAST = 11
    RSET = 12
    NOOP = 13
    VRFY = 14
    HELP = 15
    QUIT = 16
    UNKNOWN = 17
    REFUSED = 18  # what the core could not read as a command
    FATAL = 19  # a refusal after which the connection ends


_Moves = dict[int, State]  # first digit of the reply -> next state; a digit not named stays


def _always(state: State) -> _Moves:
    return {2: state, 3: state, 4: state, 5: state}


_STAY: _Moves = {}
_BESIDES: dict[Act, _Moves] = {  # RFC 5321 section 4.1.4: allowed at any time between commands
    Act.NOOP: _STAY,
    Act.VRFY: _STAY,
    Act.HELP: _STAY,
    Act.UNKNOWN: _STAY,
    Act.QUIT: _always(State.CLOSED),
}
_HELLO: dict[Act, _Moves] = {Act.EHLO: {2: State.READY}, Act.HELO: {2: State.READY}}
_CHUNK: dict[Act, _Moves] = {  # RFC 3030 section 2: a refused chunk ends the transaction
    Act.BDAT: {2: State.CHUNKS, 3: State.READY, 4: State.READY, 5: State.READY},
    Act.BDAT_LAST: _always(State.READY),
}
_OPEN = {**_BESIDES, **_HELLO, Act.RSET: {2: State.READY}}

TABLE: dict[State, dict[Act, _Moves]] = {
    State.CONNECTED: {Act.GREETING: {2: State.START, 4: State.CLOSED, 5: State.TURNED_AWAY}},
    State.TURNED_AWAY: {Act.QUIT: _always(State.CLOSED)},
    State.START: {**_BESIDES, **_HELLO, Act.RSET: _STAY},
    State.READY: {
        **_OPEN,
        Act.MAIL: {2: State.MAIL},
        Act.STARTTLS: {2: State.TLS},
        Act.AUTH: {3: State.AUTH},
    },
    State.MAIL: {**_OPEN, Act.RCPT: {2: State.RCPT}},
    State.RCPT: {**_OPEN, **_CHUNK, Act.RCPT: _STAY, Act.DATA: {3: State.BODY}},
    State.CHUNKS: {**_OPEN, **_CHUNK},
    State.BODY: {Act.BODY: _always(State.READY)},
    State.AUTH: {Act.AUTH_DATA: {2: State.READY, 4: State.READY, 5: State.READY}},
    State.TLS: {},
    State.CLOSED: {},
}


def _rows(moves: dict[Act, _Moves], state: State) -> tuple[tuple[State, ...] | None, ...]:
    rows: list[tuple[State, ...] | None] = []
    for act in Act:
        if act is Act.REFUSED:
            rows.append((state,) * 6)
        elif act is Act.FATAL:
            rows.append((State.CLOSED,) * 6)
        elif act in moves:
            rows.append(tuple(moves[act].get(digit, state) for digit in range(6)))
        else:
            rows.append(None)
    return tuple(rows)


#: TABLE for the hot path: MOVES[state][act] is None where the act is illegal, else a tuple by first digit.
MOVES: tuple[tuple[tuple[State, ...] | None, ...], ...] = tuple(_rows(TABLE[state], state) for state in State)


class Machine:
    """Where a connection stands. Both roles inherit it."""

    __slots__ = ("esmtp", "identified", "state", "tls")

    def __init__(self, *, tls: bool = False) -> None:
        self.state = State.CONNECTED
        self.tls = tls
        self.esmtp = False
        self.identified = False

    @property
    def in_transaction(self) -> bool:
        """A sender was accepted and the message is not yet answered."""
        return State.MAIL <= self.state <= State.BODY

    @property
    def closed(self) -> bool:
        """Nothing more will be exchanged: QUIT, 421 or a refusal that closes."""
        return self.state is State.CLOSED

    def authenticated(self) -> None:
        """The peer has proved who it is; a second AUTH is a sequence error (RFC 4954 section 4)."""
        self.identified = True

    def spent(self, act: Act) -> bool:
        """Whether the act is one that succeeds once in a connection, and has (RFC 4954 section 4, RFC 3207 4.2)."""
        return (act is Act.AUTH and self.identified) or (act is Act.STARTTLS and self.tls)

    def move(self, act: Act, code: int) -> None:
        """Take the reply `code` to `act`."""
        if code == 421:
            self.state = State.CLOSED
            return
        digit = code // 100
        row = MOVES[self.state][act]
        if row is not None:
            self.state = row[digit]
        if act <= Act.AUTH_DATA and digit == 2:
            self._effect(act)

    def _effect(self, act: Act) -> None:
        if act is Act.EHLO or act is Act.HELO:
            self.esmtp = act is Act.EHLO
        elif act is Act.AUTH or act is Act.AUTH_DATA:
            self.authenticated()

    def restart_in_tls(self) -> None:
        """After the handshake all is forgotten but the greeting (RFC 3207 section 4.2)."""
        self.tls = True
        self.state = State.START
        self.esmtp = False
        self.identified = False
