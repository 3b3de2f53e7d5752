"""Replies: one frozen value for what a server says, formatted and parsed here and nowhere else.

Leaves to others: what a reply means for a message (routes.classify) or for an administrator (m365.errors).
Invariant: parse(format(reply)) == reply for printable texts, and no reply carries CR or LF inside a line; one that was
read carries no control character at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

#: RFC 3463 section 2: class "." subject "." detail; the class is 2, 4 or 5.
_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?= |\Z)")
_LINE = re.compile(r"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of one or more lines.

    `code`: three digits. `enhanced`: RFC 3463 status such as "5.7.1", or "" where there is none (greetings, EHLO, 3xx).
    `lines`: the texts without code and status; at least one, which may be empty.
    """

    code: int
    enhanced: str
    lines: tuple[str, ...]
    _wire: bytes = field(default=b"", init=False, repr=False, compare=False)  # format_reply keeps its work here

    @property
    def text(self) -> str:
        """All lines joined by a blank, without code and status."""
        return " ".join(line for line in self.lines if line)

    @property
    def positive(self) -> bool:
        return 200 <= self.code < 400

    @property
    def permanent(self) -> bool:
        return 500 <= self.code < 600

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)


def reply(code: int, enhanced: str = "", *lines: str) -> Reply:
    """Build a Reply; with no line its text is empty."""
    return Reply(code, enhanced, lines or ("",))


def format_reply(value: Reply) -> bytes:
    """The octets of a reply, each line ended by CRLF (RFC 5321 section 4.2.1; RFC 2034: status on every line).

    Formatted once per Reply: most replies of a busy server are the same few values.
    """
    return value._wire or _format(value)


def _format(value: Reply) -> bytes:
    prefix = f"{value.enhanced} " if value.enhanced else ""
    last = len(value.lines) - 1
    out = []
    for number, line in enumerate(value.lines):
        clean = line.replace("\r", " ").replace("\n", " ")
        out.append(f"{value.code}{' ' if number == last else '-'}{prefix}{clean}\r\n")
    wire = "".join(out).encode("utf-8", "replace")
    object.__setattr__(value, "_wire", wire)
    return wire


class ReplyParser:
    """Collects reply lines (without CRLF) until a reply is whole."""

    __slots__ = ("_code", "_enhanced", "_lines")

    def __init__(self) -> None:
        self._code = 0
        self._enhanced = ""
        self._lines: list[str] = []

    def line(self, raw: bytes) -> Reply | None:
        """Take one line; return the whole reply when it was the last. Raises ValueError on what is no reply line."""
        match = _LINE.fullmatch(raw.decode("utf-8", "replace"))
        if match is None:
            raise ValueError(f"not a reply line: {raw[:80]!r}")
        code, text = int(match[1]), match[3] or ""
        if not text.isprintable():  # it goes to logs, terminals and reports, where a bare CR or an escape would act
            text = "".join(char if char.isprintable() else " " for char in text)
        if self._lines and code != self._code:
            raise ValueError(f"reply changes its code from {self._code} to {code}")
        status = _ENHANCED.match(text)
        if status:
            text = text[status.end() :].removeprefix(" ")
            self._enhanced = self._enhanced or status[0]
        self._code = code
        self._lines.append(text)
        if match[2] == "-":
            return None
        whole = Reply(code, self._enhanced, tuple(self._lines))
        self._enhanced, self._lines = "", []
        return whole
