"""What a server connection reports besides commands.

A Command, an AuthResponse, a Refused, an EndOfChunk and an EndOfMessage each wait for exactly one reply
(ServerConnection.send); until it is given the core hands out nothing more. BodyChunk waits for none.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mailferry.smtp.replies import Reply


@dataclass(frozen=True, slots=True)
class AuthResponse:
    """One decoded line of a SASL exchange; None when the client cancelled it with "*"."""

    data: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class BodyChunk:
    """Octets of the message, dots removed, line ends as they go to the spool (CRLF only, unless BINARYMIME)."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class EndOfChunk:
    """All octets of a BDAT that was not the last have been handed out."""

    size: int


@dataclass(frozen=True, slots=True)
class EndOfMessage:
    """The message is whole: CRLF.CRLF was read, or the last BDAT chunk is complete."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The core itself refuses what it read (syntax, sequence, length, bare line end). The session logs it and sends
    `reply`; with `close` it then ends the connection."""

    reply: Reply
    close: bool = False
    reason: str = ""  # for the log: what was wrong, never the client's secret
