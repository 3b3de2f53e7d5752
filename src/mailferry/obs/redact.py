"""What must never reach a log: values under secret-looking keys, and tokens or passwords inside texts.

Leaves to others: not logging secrets in the first place; this is the net below. Invariant: redaction only ever takes
text away, and a text that holds nothing like a secret passes unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"

#: The last word of a key whose value is secret: client_secret, access_token, proxy-authorization.
_SECRET_WORDS = frozenset(
    {"password", "passwd", "pwd", "passphrase", "secret", "token", "authorization", "assertion", "cookie"}
)
_SECRET_KEYS = frozenset({"api_key", "apikey", "access_key", "private_key", "signing_key"})

_PATTERNS = (
    # OAuth bearer tokens and HTTP Basic (RFC 6750, RFC 7617); "Basic authentication" is a word, not a credential
    (re.compile(r"\b(bearer)\s+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE), r"\1 " + REDACTED),
    (re.compile(r"\b(basic)\s+[A-Za-z0-9+/]{15,}={0,2}", re.IGNORECASE), r"\1 " + REDACTED),
    # SASL initial responses: AUTH PLAIN/LOGIN/XOAUTH2 <base64>, not the list of mechanisms in an EHLO reply
    (
        re.compile(
            r"\b(AUTH\s+[A-Z0-9-]{4,})\s+(?!(?:PLAIN|LOGIN|XOAUTH2|OAUTHBEARER|CRAM-MD5|NTLM)\b)[A-Za-z0-9+/]{6,}={0,2}",
            re.IGNORECASE,
        ),
        r"\1 " + REDACTED,
    ),
    # base64 of "user=" (XOAUTH2) and of "n,a=" (OAUTHBEARER, RFC 7628)
    (re.compile(r"(?:dXNlcj|bixhPX)[A-Za-z0-9+/=]{8,}"), REDACTED),
    # JSON Web Tokens
    (re.compile(r"eyJ[A-Za-z0-9_=-]{6,}(?:\.[A-Za-z0-9_=-]*)*"), REDACTED),
    (re.compile(r"\$argon2\w*\$[^\s\"']+"), REDACTED),
    # name=value and "name": "value"
    (
        re.compile(
            r"((?:password|passwd|pwd|passphrase|secret|token|authorization|assertion|api[_-]?key|access[_-]?key)"
            r"[\"']?\s*[=:]\s*[\"']?)(?!\[redacted\]|(?:bearer|basic)\s)[^\s\"',;&}\]]+",
            re.IGNORECASE,
        ),
        r"\1" + REDACTED,
    ),
)


def secret_key(key: str) -> bool:
    """True when the value under `key` must not be shown."""
    name = key.lower().replace("-", "_")
    return name.rpartition("_")[2] in _SECRET_WORDS or name in _SECRET_KEYS


def suspicious(text: str) -> bool:
    """Cheap first look at a text or a whole line: False means that no pattern and no secret key is in it.

    Written out, because every line of the mail log passes here; a regular expression costs ten times as much.
    """
    lower = text.lower()
    return (
        "token" in lower
        or "pass" in lower
        or "secret" in lower
        or "auth" in lower
        or "bearer" in lower
        or "basic" in lower
        or "key" in lower
        or "eyj" in lower  # a JSON Web Token
        or "dxnlcj" in lower  # "user=" in base64
        or "bixhpx" in lower  # "n,a=" in base64
        or "$argon2" in lower
        or "assertion" in lower
        or "cookie" in lower
        or "pwd" in lower
    )


def clean(text: str) -> str:
    """`text` without what looks like a secret."""
    if suspicious(text):
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
    return text


def clean_value(value: Any) -> Any:
    """`value` with secrets taken out at any depth; what is no plain value becomes its cleaned text."""
    if isinstance(value, str):
        return clean(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return clean_fields(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [clean_value(item) for item in value]
    return clean(str(value))


def clean_fields(fields: Mapping[Any, Any]) -> dict[str, Any]:
    """The fields with secret-looking keys blanked and every text cleaned."""
    return {
        str(key): REDACTED if value not in ("", None) and secret_key(str(key)) else clean_value(value)
        for key, value in fields.items()
    }
