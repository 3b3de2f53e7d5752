"""Who an address field names: its mailboxes, read from what devices write and from what is meant to deceive.

Leaves to others: which field it is (headers) and whether its authors may be used (listener.policy).
Invariant: an address that a lenient reader could take for an author is among those found; time is linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FOLD = re.compile(rb"\r\n(?=[ \t])")
#: RFC 5322 section 3.2: separators, quoted string, angle address, and runs of anything else. Comments nest, so they are
#: not found by an expression.
_TOKEN = re.compile(rb'[,;:(]|"(?:[^"\\]|\\.)*+"|<[^<>]*+>|[^"<,;:(]++|.', re.DOTALL)
_COMMENT = re.compile(rb"\\.|[()]", re.DOTALL)
_BRACKET = re.compile(rb"(\\.)|[()]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox of an address field. `display` is the raw phrase before the angle address, folding kept."""

    display: bytes
    address: str


def mailboxes(raw: bytes) -> list[Mailbox]:
    """The mailboxes of an address field's text, tolerant of what devices write. Groups are opened (RFC 6854).

    Whoever asks who claims to write must miss nobody: two angle addresses in a row are two mailboxes, an address
    behind one counts, and a comment that is never closed is none.
    """
    found: list[Mailbox] = []
    text: list[bytes] = []
    angles: list[bytes] = []
    comments: list[bytes] = []

    def finish() -> None:
        phrase = b"".join(text)
        found.extend(_mailbox(phrase, angle) for angle in angles)
        if not angles and phrase.strip():
            found.append(_mailbox(b"".join(comments), phrase))
        for part in (text, angles, comments):
            part.clear()

    for token in _tokens(raw):
        if token[:1] == b"(" and len(token) > 1:
            comments.append(_BRACKET.sub(rb"\1", token))
        elif token in (b",", b";"):
            finish()
        elif token == b":":
            text.clear()  # the name of a group
        elif token[:1] == b"<":
            if token[1:-1].strip():
                angles.append(token[1:-1])
        elif not angles:
            text.append(token)
        elif b"@" in token and token[:1] != b'"':
            angles.append(token)
    finish()
    return found


def _mailbox(display: bytes, address: bytes) -> Mailbox:
    return Mailbox(display.strip(), _FOLD.sub(b"", address).strip().decode("utf-8", "surrogateescape"))


def _tokens(raw: bytes) -> Iterator[bytes]:
    """Separators, quoted strings, angle addresses, whole comments and what is between. Linear: after the first bracket
    or quote that nothing closes, brackets or quotes are text, so that what follows is seen rather than hidden."""
    position, comments, quotes = 0, True, True
    while position < len(raw):
        char = raw[position : position + 1]
        end = 0
        if char == b"(" and comments:
            end = _comment_end(raw, position + 1)
            comments = end > 0
        elif char != b'"' or quotes:
            match = _TOKEN.match(raw, position)
            end = match.end() if match and char != b"(" else 0
            quotes = quotes and not (char == b'"' and end == position + 1)
        end = end or position + 1
        if char != b"(" or end > position + 1:
            yield raw[position:end]
        position = end


def _comment_end(raw: bytes, start: int) -> int:
    """Where the comment ends whose bracket stands before `start`; 0 when it never does."""
    depth = 1
    for match in _COMMENT.finditer(raw, start):
        if match[0] == b"(":
            depth += 1
        elif match[0] == b")":
            depth -= 1
            if not depth:
                return match.end()
    return 0
