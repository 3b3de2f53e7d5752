"""What a client shows of itself: the signs by which it may be recognised.

Leaves to others: reading them out of a message (message) and what they mean (recognise).
Invariant: a value is one line of printable text of at most LONGEST letters, whatever was handed in, and "" is "not
seen"; equal signs are equal values, so that whoever has a million records asks once for each distinct one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from mailferry.mail.headers import printable

#: Longer values are cut: no sign needs more, and matching stays cheap whatever a message says.
LONGEST = 998  # RFC 5322 section 2.1.1


class Kind(StrEnum):
    """The kinds of sign."""

    EHLO = "ehlo"  # the argument of EHLO or HELO
    HOSTNAME = "hostname"  # the name of the machine; its first label counts
    AUTH_MECHANISM = "auth_mechanism"  # LOGIN, PLAIN, XOAUTH2
    AUTH_SPELLING = "auth_spelling"  # the AUTH command as it was typed, without what follows the mechanism
    TLS = "tls"  # "1.0" to "1.3", or "none"
    X_MAILER = "x_mailer"
    USER_AGENT = "user_agent"  # of the header, or of a sign-in record
    MESSAGE_ID = "message_id"
    BOUNDARY = "boundary"  # of the outermost multipart
    SUBJECT = "subject"  # decoded
    HEADER = "header"  # any other field, by its name

    def label(self, language: str) -> str:
        """The kind as people read it."""
        return _LABELS[self][1 if language == "ja" else 0]


_LABELS = {
    Kind.EHLO: ("EHLO name", "EHLO 名"),
    Kind.HOSTNAME: ("host name", "ホスト名"),
    Kind.AUTH_MECHANISM: ("AUTH mechanism", "認証方式"),
    Kind.AUTH_SPELLING: ("AUTH spelling", "AUTH の綴り"),
    Kind.TLS: ("TLS version", "TLS バージョン"),
    Kind.X_MAILER: ("X-Mailer", "X-Mailer"),
    Kind.USER_AGENT: ("User-Agent", "User-Agent"),
    Kind.MESSAGE_ID: ("Message-ID", "Message-ID"),
    Kind.BOUNDARY: ("MIME boundary", "MIME 境界文字列"),
    Kind.SUBJECT: ("Subject", "件名"),
    Kind.HEADER: ("header", "ヘッダー"),
}


def clean(value: str) -> str:
    """`value` as a sign: one printable line, cut."""
    return printable(value[: 2 * LONGEST]).strip()[:LONGEST]


@dataclass(frozen=True, slots=True)
class Signs:
    """What was seen of one client. `headers` holds further fields as (name, value); their order means nothing."""

    ehlo: str = ""
    hostname: str = ""
    auth_mechanism: str = ""
    auth_spelling: str = ""
    tls: str = ""
    x_mailer: str = ""
    user_agent: str = ""
    message_id: str = ""
    boundary: str = ""
    subject: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for name in _SINGLE:
            value = getattr(self, name)
            if value:
                object.__setattr__(self, name, clean(value))
        if self.headers:
            pairs = {(clean(name), clean(value)) for name, value in self.headers}
            object.__setattr__(self, "headers", tuple(sorted(pairs)))

    def __iter__(self) -> Iterator[tuple[Kind, str, str]]:
        """(kind, name of the field, value) of everything seen; the name is "" but for other headers."""
        for kind, attribute in _KINDS:
            value = getattr(self, attribute)
            if value:
                yield kind, "", value
        for name, value in self.headers:
            yield Kind.HEADER, name, value

    def __bool__(self) -> bool:
        return bool(self.headers) or any(getattr(self, name) for name in _SINGLE)

    @classmethod
    def of(cls, values: Mapping[str, str], headers: tuple[tuple[str, str], ...] = ()) -> Signs:
        """From a row of a table: columns that are no sign are left alone."""
        single = {Kind(name): values.get(name) or "" for name in _SINGLE}
        return cls(
            ehlo=single[Kind.EHLO],
            hostname=single[Kind.HOSTNAME],
            auth_mechanism=single[Kind.AUTH_MECHANISM],
            auth_spelling=single[Kind.AUTH_SPELLING],
            tls=single[Kind.TLS],
            x_mailer=single[Kind.X_MAILER],
            user_agent=single[Kind.USER_AGENT],
            message_id=single[Kind.MESSAGE_ID],
            boundary=single[Kind.BOUNDARY],
            subject=single[Kind.SUBJECT],
            headers=headers,
        )


_SINGLE = tuple(field.name for field in fields(Signs) if field.name != "headers")
_KINDS = tuple((Kind(name), name) for name in _SINGLE)
