"""The words of SMTP's grammar: paths, domains, xtext and base64, checked and taken apart.

Leaves to others: which command has which argument (parse, encode) and whether an address may be used (policy).
Invariant: what passes here holds no control character, so that it can be put into a command, a header or a log
without injecting anything. Otherwise the grammar is wider than RFC 5321: dots may stand anywhere in a local part
(Japanese carriers issued such addresses) and a mailbox may lack its domain (<postmaster>, and many devices).
"""

from __future__ import annotations

import binascii
import re

#: RFC 5321 section 4.5.3.1: 64 octets of local part, 256 of path with its brackets.
LOCAL_PART = 64
PATH = 254

# RFC 5322 atext with dots, RFC 6531 UTF8-non-ascii; the server's line check has removed control characters before.
_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-\u0080-\U0010ffff"
_QUOTED = r'"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*"'
_DOMAIN = r"[A-Za-z0-9_\u0080-\U0010ffff](?:[A-Za-z0-9_.\-\u0080-\U0010ffff]*)"
_LITERAL = r"\[[A-Za-z0-9:.\-]+\]"
_MAILBOX = re.compile(rf"([{_ATEXT}]+|{_QUOTED})(?:@(?:{_DOMAIN}|{_LITERAL}))?")
_SOURCE_ROUTE = re.compile(rf"@{_DOMAIN}(?:,@{_DOMAIN})*:")  # RFC 5321 appendix C
_XTEXT = re.compile(r"(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+[0-9A-F]{2})*")  # RFC 3461 section 4
_HEXCHAR = re.compile(r"\+([0-9A-F]{2})")
_NO_XTEXT = re.compile(r"[^\x21-\x2a\x2c-\x3c\x3e-\x7e]")


def printable(text: str) -> bool:
    """No control character, no line separator, no surrogate."""
    return text.isprintable()


def mailbox(text: str) -> bool:
    """Whether `text` is a mailbox as it may stand between angle brackets."""
    match = _MAILBOX.fullmatch(text)
    if match is None or not text.isprintable():
        return False
    if text.isascii():
        return len(text) <= PATH and len(match[1]) <= LOCAL_PART
    return len(text.encode()) <= PATH and len(match[1].encode()) <= LOCAL_PART


def without_route(text: str) -> str:
    """`@a,@b:user@c` without what RFC 5321 appendix C tells servers to ignore."""
    match = _SOURCE_ROUTE.match(text)
    return text[match.end() :] if match else text


def split_path(text: str) -> tuple[str, str]:
    """The path and the rest of "FROM:" or "TO:" arguments. Raises ValueError.

    Devices put blanks before and inside the brackets, or send no brackets at all; both are taken.
    """
    text = text.lstrip(" ")
    if not text.startswith("<"):
        path, _, rest = text.partition(" ")
        if not path or "<" in path or ">" in path:
            raise ValueError("no path")
        return path, rest
    close = text.find(">") if '"' not in text else _closing(text)
    if close < 0 or text[close + 1 : close + 2] not in ("", " "):
        raise ValueError("path is not closed")
    return text[1:close].strip(" "), text[close + 1 :]


def _closing(text: str) -> int:
    """The offset of the bracket that closes a path with a quoted local part."""
    quoted = escaped = False
    for offset, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\" and quoted:
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == ">" and not quoted:
            return offset
    return -1


def decode_xtext(text: str) -> str:
    """Raises ValueError on what is no xtext, or decodes to what is not printable ASCII."""
    if _XTEXT.fullmatch(text) is None:
        raise ValueError("no xtext")
    decoded = _HEXCHAR.sub(lambda match: chr(int(match[1], 16)), text) if "+" in text else text
    if not (decoded.isascii() and decoded.isprintable()):
        raise ValueError("xtext hides control characters")
    return decoded


def encode_xtext(text: str) -> str:
    return _NO_XTEXT.sub(lambda match: f"+{ord(match[0]):02X}", text)


def decode_base64(octets: bytes) -> bytes:
    """Strict base64 (RFC 4954 section 4: anything else is answered 501). Raises ValueError."""
    return binascii.a2b_base64(octets, strict_mode=True) if octets else b""


def encode_base64(octets: bytes) -> bytes:
    return binascii.b2a_base64(octets, newline=False)
