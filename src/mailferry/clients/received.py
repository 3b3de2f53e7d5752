"""Received fields: what the first server wrote down of the client it took the message from.

Leaves to others: the rest of the header (message). Only the text before the date is read; forms differ by server
(Postfix, Exchange, Exim, Sendmail, Mailferry), so each part is looked for by itself.
Invariant: never raises, takes time linear in the text; what is not said is "", never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

_FROM = re.compile(r"(?i)^from\s++([^\s;]++)([^;]*+)")
_HELO = re.compile(r"(?i)\bhelo=([^\s)]++)")
_BRACKETS = re.compile(r"\[(?:IPv6:)?+([0-9A-Fa-f:.]++)(?:%[^\]]*+)?+\]")
_PARENTHESES = re.compile(r"\(([0-9A-Fa-f:.]++)\)")
_NAME = re.compile(r"\(([A-Za-z0-9_.-]++)\.?+ \[")
_TLS = re.compile(r"(?i)\bTLS ?+v?+1(?:[._]([0-3]))?+(?![0-9])")
_BY = re.compile(r"(?i)\sby\s")
#: RFC 3848: S is TLS. Exchange says "Microsoft SMTP Server" and gives the version where there was TLS.
_CLEAR = re.compile(r"(?i)\bwith\s++(?:E?+SMTPA?+|UTF8SMTPA?+|Microsoft SMTP Server)\b")
_LOCAL = re.compile(r"(?i)(?:localhost(?:\.localdomain)?|127\.[0-9.]+|\[127\.[0-9.]+\]|::1|\[IPv6:::1\])")


@dataclass(frozen=True, slots=True)
class Hop:
    """The client at one server: the name it gave, the name and address it was found to have, and TLS."""

    ehlo: str = ""
    hostname: str = ""
    address: str = ""
    tls: str = ""


def first_hop(values: Sequence[str]) -> Hop:
    """Of the Received values of a message, newest first as they stand, the oldest in which a client came by network."""
    hops = [hop for hop in map(_hop, reversed(values)) if hop is not None]
    return next((hop for hop in hops if not _local(hop)), hops[0] if hops else Hop())


def _local(hop: Hop) -> bool:
    return _LOCAL.fullmatch(hop.address or hop.ehlo) is not None


def _hop(value: str) -> Hop | None:
    match = _FROM.match(value)
    if not match:
        return None
    name, rest = match[1], match[2]
    who, by, server = _cut(rest)
    helo = _HELO.search(who)
    found = _NAME.search(who)
    return Hop(
        ehlo=helo[1] if helo else name,
        hostname=found[1] if found and found[1].lower() != "unknown" else "",
        address=_address(who) or _address(name),
        tls=_tls(who + by + server),
    )


def _cut(rest: str) -> tuple[str, str, str]:
    """What is said of the client, "by", and what is said of the server."""
    by = _BY.search(rest)
    return (rest[: by.start()], by[0], rest[by.end() :]) if by else (rest, "", "")


def _address(text: str) -> str:
    for candidate in (*_BRACKETS.findall(text), *_PARENTHESES.findall(text)):
        try:
            return str(ip_address(candidate))
        except ValueError:
            continue
    return ""


def _tls(text: str) -> str:
    version = _TLS.search(text)
    if version:
        return f"1.{version[1] or 0}"
    return "none" if _CLEAR.search(text) else ""
