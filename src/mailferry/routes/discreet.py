"""What an upstream says in a login, without what we said: some servers repeat the command that they refuse.

Leaves to others: secrets in log lines in general (obs.redact). Invariant: no secret that was sent in an exchange, nor a
piece of its base64 form that is long enough to be of use, stands in what comes out; other words stay.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from mailferry.smtp.grammar import encode_base64
from mailferry.smtp.replies import Reply

HIDDEN = "[redacted]"
#: Runs that may be a piece of base64; a shorter one gives nothing away.
_RUN = re.compile(r"[A-Za-z0-9+/]{12,}=*")
#: What divides user name and secret in PLAIN, XOAUTH2 and OAUTHBEARER.
_PARTS = re.compile(r"[\0\x01]|auth=Bearer ")


def hide(text: str, said: Sequence[bytes]) -> str:
    """`text` without the octets `said` in an exchange; the last of them ends with the secret."""
    given = [octets for octets in said if octets]
    if not given:
        return text
    forms = [encode_base64(octets).decode() for octets in given]
    text = _RUN.sub(lambda run: HIDDEN if any(run[0].rstrip("=") in form for form in forms) else run[0], text)
    parts = [part for part in _PARTS.split(given[-1].decode("utf-8", "replace")) if part]
    return text.replace(parts[-1], HIDDEN) if parts else text


def discreet(reply: Reply, said: Sequence[bytes]) -> Reply:
    lines = tuple(hide(line, said) for line in reply.lines)
    return reply if lines == reply.lines else replace(reply, lines=lines)
