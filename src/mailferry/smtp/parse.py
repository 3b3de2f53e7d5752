"""A command line (without its line end) as a Command; Refused when it is none.

Leaves to others: lines and their length (server), legality in a state (state), policy (listener).
Invariant: total over printable text. A verb or parameter that is not known is a value, not an error.
"""

from __future__ import annotations

from collections.abc import Callable

from mailferry.smtp import refusals
from mailferry.smtp.commands import (
    Auth,
    Bdat,
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
    StartTls,
    UnknownCommand,
    Vrfy,
)
from mailferry.smtp.events import Refused
from mailferry.smtp.grammar import decode_base64, decode_xtext, mailbox, split_path, without_route
from mailferry.smtp.limits import Extensions
from mailferry.smtp.replies import Reply
from mailferry.smtp.state import Act

Parsed = Command | Refused
_Parser = Callable[[str, Extensions], Parsed]

_NOTIFY = {str(member.name): member for member in Notify}  # iteration leaves out DEFAULT, which is no keyword
_DATA, _RSET, _NOOP, _QUIT, _STARTTLS = Data(), Rset(), Noop(), Quit(), StartTls()
_BAD_ARGUMENT = Refused(refusals.BAD_ARGUMENT, reason="bad argument")


class _BadParameter(ValueError):
    """A parameter that is known, with a value that is not allowed."""


def parse_command(line: str, extensions: Extensions) -> tuple[Act, Parsed]:
    """What a line of printable text says, and which act it is. `line` has no trailing blanks."""
    verb, _, argument = line.partition(" ")
    entry = _VERBS.get(verb) or _VERBS.get(verb.upper())
    if entry is not None:
        return entry[0], entry[1](argument, extensions)
    if not verb:
        return Act.REFUSED, Refused(refusals.SYNTAX, reason="no command")
    return Act.UNKNOWN, UnknownCommand(verb[:64].upper())


def _ehlo(argument: str, _: Extensions) -> Parsed:
    domain = argument.split()
    return Ehlo(domain[0]) if domain else _BAD_ARGUMENT


def _helo(argument: str, _: Extensions) -> Parsed:
    domain = argument.split()
    return Helo(domain[0]) if domain else _BAD_ARGUMENT


def _after(keyword: str, argument: str) -> str | None:
    """What follows "FROM:" or "TO:", in any case and with blanks before or behind the colon."""
    argument = argument.lstrip(" ")
    size = len(keyword)
    if argument[:size].upper() != keyword:
        return None
    rest = argument[size:].lstrip(" ")
    return rest[1:] if rest.startswith(":") else None


def _path(text: str, bad: Reply) -> tuple[str, str] | Refused:
    """A checked path and the parameters behind it."""
    close = text.find(">")
    if text.startswith("<") and '"' not in text and text[close + 1 : close + 2] in ("", " ") and close > 0:
        path, rest = text[1:close].strip(" "), text[close + 2 :]
    else:
        try:
            path, rest = split_path(text)
        except ValueError as error:
            return Refused(bad, reason=str(error))
    if path.startswith("@"):
        path = without_route(path)
    if path and not mailbox(path):
        return Refused(bad, reason="bad address")
    return path, rest


def _mail(argument: str, extensions: Extensions) -> Parsed:
    text = argument[5:] if argument.startswith("FROM:") else _after("FROM", argument)
    if text is None:
        return _BAD_ARGUMENT
    found = _path(text, refusals.BAD_SENDER)
    if isinstance(found, Refused):
        return found
    path, rest = found
    if not rest:
        command = Mail(path)
    else:
        parameters = _parameters(rest)
        if parameters is None:
            return _BAD_ARGUMENT
        try:
            command = _mail_with(path, parameters, extensions)
        except ValueError:
            return _BAD_ARGUMENT
    if not path.isascii() and not command.smtputf8:
        return Refused(refusals.UTF8_ADDRESS, reason="UTF-8 address without SMTPUTF8")
    return command


def _mail_with(path: str, given: dict[str, str | None], extensions: Extensions) -> Mail:
    """Takes what it knows out of `given`; the rest is unknown."""
    size = _number(given.pop("SIZE")) if "SIZE" in given else None
    if not given:
        return Mail(path, size)
    body = _body(given.pop("BODY"), extensions) if "BODY" in given else None
    smtputf8 = extensions.smtputf8 and "SMTPUTF8" in given and _flag(given.pop("SMTPUTF8"))
    ret = envid = auth = None
    if extensions.dsn:
        ret = _ret(given.pop("RET")) if "RET" in given else None
        envid = _xtext(given.pop("ENVID"), 100) if "ENVID" in given else None  # RFC 3461 section 4.4
    if extensions.auth and "AUTH" in given:
        auth = _auth_parameter(given.pop("AUTH"))
    return Mail(path, size, body, smtputf8, ret, envid, auth, tuple(given.items()))


def _rcpt(argument: str, extensions: Extensions) -> Parsed:
    text = argument[3:] if argument.startswith("TO:") else _after("TO", argument)
    if text is None:
        return _BAD_ARGUMENT
    found = _path(text, refusals.BAD_RECIPIENT)
    if isinstance(found, Refused):
        return found
    path, rest = found
    if not path:
        return Refused(refusals.BAD_RECIPIENT, reason="empty recipient")
    given = _parameters(rest) if rest else {}
    if given is None:
        return _BAD_ARGUMENT
    if not given:
        return Rcpt(path)
    notify, orcpt = Notify.DEFAULT, None
    try:
        if extensions.dsn and "NOTIFY" in given:
            notify = _notify(given.pop("NOTIFY"))
        if extensions.dsn and "ORCPT" in given:
            orcpt = _orcpt(given.pop("ORCPT"))
    except ValueError:
        return _BAD_ARGUMENT
    return Rcpt(path, notify, orcpt, tuple(given.items()))


def _parameters(text: str) -> dict[str, str | None] | None:
    """The ESMTP parameters by upper-case keyword; None when one is given twice or is malformed."""
    found: dict[str, str | None] = {}
    for word in text.split():
        keyword, equals, value = word.partition("=")
        keyword = keyword.upper()
        if keyword in found or not keyword.replace("-", "").isalnum() or not keyword.isascii():
            return None
        found[keyword] = value if equals else None
    return found


def _number(text: str | None) -> int:
    """RFC 1870 section 3 and RFC 3030 section 2: one to twenty digits."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise _BadParameter("no number")
    return int(text)


def _flag(value: str | None) -> bool:
    if value is not None:
        raise _BadParameter("no value is allowed")
    return True


def _body(value: str | None, extensions: Extensions) -> BodyType:
    body = BodyType((value or "").upper())
    if body is BodyType.BINARY and not (extensions.binarymime and extensions.chunking):
        raise _BadParameter("BINARYMIME is not offered")
    return body


def _ret(value: str | None) -> str:
    ret = (value or "").upper()
    if ret not in ("FULL", "HDRS"):
        raise _BadParameter("RET")
    return ret


def _xtext(value: str | None, bound: int) -> str:
    if not value or len(value) > bound:
        raise _BadParameter("length")
    return decode_xtext(value)


def _auth_parameter(value: str | None) -> str:
    return "<>" if value == "<>" else _xtext(value, 500)


def _notify(value: str | None) -> Notify:
    notify = Notify.DEFAULT
    for word in (value or "").upper().split(","):
        if word not in _NOTIFY:
            raise _BadParameter("NOTIFY")
        notify |= _NOTIFY[word]
    if Notify.NEVER in notify and notify is not Notify.NEVER:  # RFC 3461 section 4.1
        raise _BadParameter("NEVER stands alone")
    return notify


def _orcpt(value: str | None) -> str:
    kind, semicolon, address = (value or "").partition(";")
    if not semicolon or not kind.isascii() or not kind.replace("-", "").isalnum():
        raise _BadParameter("ORCPT")
    return f"{kind};{_xtext(address, 500)}"


def _auth(argument: str, _: Extensions) -> Parsed:
    words = argument.split()
    if not 1 <= len(words) <= 2:
        return _BAD_ARGUMENT
    mechanism = words[0].upper()
    if len(words) == 1:
        return Auth(mechanism)
    try:
        # RFC 4954 section 4: "=" is an empty initial response
        return Auth(mechanism, b"" if words[1] == "=" else decode_base64(words[1].encode()))
    except ValueError:
        return Refused(refusals.BAD_BASE64, reason="bad base64 in AUTH")


def _bdat(argument: str, _: Extensions) -> Parsed:
    words = argument.split()
    try:
        size = _number(words[0] if words else None)
    except ValueError:
        words = []
        size = 0
    if not words or len(words) > 2 or (len(words) == 2 and words[1].upper() != "LAST"):
        # How many octets follow is not known: to go on would take the message for commands.
        return Refused(refusals.BAD_ARGUMENT, close=True, reason="bad BDAT")
    return Bdat(size, last=len(words) == 2)


def _bare(command: Command) -> _Parser:
    """A command without argument; RFC 5321 section 4.1.1 wants 501 when there is one."""
    return lambda argument, _: _BAD_ARGUMENT if argument.strip() else command


_VERBS: dict[str, tuple[Act, _Parser]] = {
    "EHLO": (Act.EHLO, _ehlo),
    "HELO": (Act.HELO, _helo),
    "MAIL": (Act.MAIL, _mail),
    "RCPT": (Act.RCPT, _rcpt),
    "DATA": (Act.DATA, _bare(_DATA)),
    "BDAT": (Act.BDAT, _bdat),
    "STARTTLS": (Act.STARTTLS, _bare(_STARTTLS)),
    "AUTH": (Act.AUTH, _auth),
    "RSET": (Act.RSET, _bare(_RSET)),
    "NOOP": (Act.NOOP, lambda _argument, _: _NOOP),
    "VRFY": (Act.VRFY, lambda argument, _: Vrfy(argument.strip())),
    "HELP": (Act.HELP, lambda argument, _: Help(argument.strip())),
    "QUIT": (Act.QUIT, _bare(_QUIT)),
}
