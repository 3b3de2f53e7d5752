"""From the octets of a command line to a Command, by memory where the same line was read before.

Leaves to others: what a line says (parse). Invariant: memory changes nothing but the time it takes, is bounded, and
never holds a line that may carry a secret.
"""

from __future__ import annotations

from mailferry.smtp import refusals
from mailferry.smtp.events import Refused
from mailferry.smtp.limits import Extensions
from mailferry.smtp.parse import Parsed, parse_command
from mailferry.smtp.state import Act

#: At most so many lines of at most so many octets are remembered: about 1 MB for each kind of listener.
_REMEMBERED_LINES, _REMEMBERED_OCTETS = 2048, 256
_BINARY = Refused(refusals.BINARY, reason="control or undecodable characters in a command")


def read_command(line: bytes, extensions: Extensions) -> tuple[Act, Parsed]:
    """What the octets of a command line say. The answer is a pure function of both arguments, so it is remembered;
    never that of AUTH, whose line may hold a password, nor of an unknown command, which may be one (a device that goes
    on with a login that was refused), nor of long lines."""
    remembered = extensions.remembered
    known: tuple[Act, Parsed] | None = remembered.get(line)
    if known is not None:
        return known
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return Act.REFUSED, _BINARY
    if not text.isprintable():
        text = text.replace("\t", " ")
        if not text.isprintable():
            return Act.REFUSED, _BINARY
    found = parse_command(text.strip(" "), extensions)
    forgotten = found[0] in (Act.AUTH, Act.UNKNOWN) or isinstance(found[1], Refused)
    if not forgotten and len(line) <= _REMEMBERED_OCTETS:
        if len(remembered) >= _REMEMBERED_LINES:
            remembered.clear()
        remembered[line] = found
    return found
