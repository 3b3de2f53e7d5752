"""A Command as the line a client sends.

Leaves to others: when it may be sent (client, state) and what the server can do (capabilities).
Invariant: one command is one line. A value that would end the line, or change what it says, raises LocalProtocolError.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mailferry.smtp.commands import (
    Auth,
    Bdat,
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
from mailferry.smtp.errors import LocalProtocolError
from mailferry.smtp.grammar import encode_base64, encode_xtext, mailbox
from mailferry.smtp.state import Act


def act_of(command: Command) -> Act:
    if isinstance(command, Bdat):
        return Act.BDAT_LAST if command.last else Act.BDAT
    return _ENCODERS[type(command)][0]


def encode_command(command: Command) -> bytes:
    """The octets of a command with CRLF."""
    line = _ENCODERS[type(command)][1](command).rstrip(" ")
    if not line.isprintable():
        raise LocalProtocolError(f"{type(command).__name__} with characters that must not go on the wire")
    return line.encode() + b"\r\n"


def _path(path: str) -> str:
    if path and not mailbox(path):
        raise LocalProtocolError("an address that must not go on the wire")
    return f"<{path}>"


def _word(text: str) -> str:
    if not text or " " in text:
        raise LocalProtocolError("one word is wanted")
    return text


def _unknown(parameters: tuple[tuple[str, str | None], ...]) -> list[str]:
    return [_word(keyword if value is None else f"{keyword}={value}") for keyword, value in parameters]


def _mail(command: Mail) -> str:
    words = ["MAIL FROM:" + _path(command.path)]
    if command.size is not None:
        words.append(f"SIZE={command.size}")
    if command.body is not None:
        words.append(f"BODY={command.body}")
    if command.smtputf8:
        words.append("SMTPUTF8")
    elif not command.path.isascii():
        raise LocalProtocolError("a UTF-8 address needs SMTPUTF8")  # RFC 6531 section 3.2
    if command.ret is not None:
        words.append(f"RET={_word(command.ret)}")
    if command.envid is not None:
        words.append(f"ENVID={_xtext(command.envid)}")
    if command.auth is not None:
        words.append(f"AUTH={command.auth if command.auth == '<>' else _xtext(command.auth)}")
    return " ".join(words + _unknown(command.unknown))


def _xtext(text: str) -> str:
    if not text or not text.isascii():
        raise LocalProtocolError("xtext is made of ASCII")
    return encode_xtext(text)


def _rcpt(command: Rcpt) -> str:
    if not command.path:
        raise LocalProtocolError("a recipient must not be empty")
    words = ["RCPT TO:" + _path(command.path)]
    if command.notify is not Notify.DEFAULT:
        words.append("NOTIFY=" + ",".join(str(member.name) for member in Notify if member & command.notify))
    if command.orcpt is not None:
        kind, _, address = command.orcpt.partition(";")
        words.append(f"ORCPT={_word(kind)};{_xtext(address)}")
    return " ".join(words + _unknown(command.unknown))


def _auth(command: Auth) -> str:
    if command.initial is None:
        return f"AUTH {_word(command.mechanism)}"
    # RFC 4954 section 4: an empty initial response is "="
    return f"AUTH {_word(command.mechanism)} {encode_base64(command.initial).decode() or '='}"


def _bdat(command: Bdat) -> str:
    return f"BDAT {command.size} LAST" if command.last else f"BDAT {command.size}"


_ENCODERS: dict[type, tuple[Act, Callable[[Any], str]]] = {
    Ehlo: (Act.EHLO, lambda command: f"EHLO {_word(command.domain)}"),
    Helo: (Act.HELO, lambda command: f"HELO {_word(command.domain)}"),
    Mail: (Act.MAIL, _mail),
    Rcpt: (Act.RCPT, _rcpt),
    Data: (Act.DATA, lambda _: "DATA"),
    Bdat: (Act.BDAT, _bdat),
    StartTls: (Act.STARTTLS, lambda _: "STARTTLS"),
    Auth: (Act.AUTH, _auth),
    Rset: (Act.RSET, lambda _: "RSET"),
    Noop: (Act.NOOP, lambda _: "NOOP"),
    Vrfy: (Act.VRFY, lambda command: f"VRFY {command.argument}"),
    Help: (Act.HELP, lambda command: f"HELP {command.argument}"),
    Quit: (Act.QUIT, lambda _: "QUIT"),
    UnknownCommand: (Act.UNKNOWN, lambda command: _word(command.verb)),
}
