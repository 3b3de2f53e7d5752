"""The commands of SMTP as frozen values: what the server core reports and what the client core sends.

Leaves to others: parsing (grammar), legality in a state (state), and whether a path is allowed (listener.policy).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Flag, StrEnum, auto


class BodyType(StrEnum):
    """The BODY parameter (RFC 6152, RFC 3030)."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT = "8BITMIME"
    BINARY = "BINARYMIME"


class Notify(Flag):
    """The NOTIFY parameter (RFC 3461 section 4.1). NEVER stands alone; DEFAULT is "not given"."""

    DEFAULT = 0
    NEVER = auto()
    SUCCESS = auto()
    FAILURE = auto()
    DELAY = auto()


#: Parameters that the core does not know, as (KEYWORD, value or None); the session answers 555 to them.
Unknown = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Ehlo:
    domain: str


@dataclass(frozen=True, slots=True)
class Helo:
    domain: str


@dataclass(frozen=True, slots=True)
class Mail:
    """MAIL FROM. `path` is the mailbox without angle brackets, "" for the null reverse path."""

    path: str
    size: int | None = None
    body: BodyType | None = None
    smtputf8: bool = False
    ret: str | None = None  # "FULL" or "HDRS" (RFC 3461)
    envid: str | None = None  # decoded xtext
    auth: str | None = None  # decoded xtext (RFC 4954 section 5); "<>" stays as it is
    unknown: Unknown = ()


@dataclass(frozen=True, slots=True)
class Rcpt:
    """RCPT TO. `path` is the mailbox without angle brackets and without a source route."""

    path: str
    notify: Notify = Notify.DEFAULT
    orcpt: str | None = None  # "rfc822;user@example.com", xtext decoded
    unknown: Unknown = ()


@dataclass(frozen=True, slots=True)
class Data:
    pass


@dataclass(frozen=True, slots=True)
class Bdat:
    size: int
    last: bool


@dataclass(frozen=True, slots=True)
class StartTls:
    pass


@dataclass(frozen=True, slots=True)
class Auth:
    """AUTH. `mechanism` in upper case; `initial` is the decoded initial response, b"" for "=", None when absent."""

    mechanism: str
    initial: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Rset:
    pass


@dataclass(frozen=True, slots=True)
class Noop:
    pass


@dataclass(frozen=True, slots=True)
class Vrfy:
    argument: str


@dataclass(frozen=True, slots=True)
class Help:
    argument: str


@dataclass(frozen=True, slots=True)
class Quit:
    pass


@dataclass(frozen=True, slots=True)
class UnknownCommand:
    """A verb that SMTP does not define; the session answers 500 or 502 and may end it (HTTP on an SMTP port)."""

    verb: str


Command = Ehlo | Helo | Mail | Rcpt | Data | Bdat | StartTls | Auth | Rset | Noop | Vrfy | Help | Quit | UnknownCommand
