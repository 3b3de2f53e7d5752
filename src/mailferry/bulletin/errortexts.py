"""Exact error texts in a sentence: a reply with its code, cut where the quotation ends.

Leaves to others: what an error means (m365.errors). Invariant: every letter of a found text stands so on the page,
blanks and a closing full stop aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from mailferry.bulletin.fold import fold
from mailferry.m365.errors import smtp_errors

#: "550 5.7.30 Basic …", "550-5.7.30", "550; 5.7.30" and codes of Microsoft Entra.
_START = re.compile(r"(?<![\d.])(?:[245]\d\d[\s;-]{1,2}#?[245]\.\d{1,3}\.\d{1,3}(?![\d.]*\d)|AADSTS\d{5,8})")
_BARE = re.compile(
    r"(?<![\d.#v])[45]\.\d\.\d{1,3}(?![\d.]*\d)|(?<![\d.])(?:error|code|エラー(?:コード)?)\s*[45]\d\d\b", re.I
)
_QUOTES = {'"': '"', "'": "'", "`": "`", "「": "」", "『": "』", "<": ">", "(": ")", "[": "]"}
_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff、。「」『』]")
_PREFIX = re.compile(r"(?<=[\"'`「『(\[])\s*(?:smtp\s+)?(?:error|エラー)(?:\s*(?:code|コード))?\s*:?$", re.IGNORECASE)
_STOP = re.compile(
    r"[.!?](?=\s|$)|\n|\s(?:when|if|as\s+soon\s+as|once|after|and\s+(?:the|their|your|will|then)|for\s+every|from|until"
    r"|because|which|while|instead|or\s+\d{3})\b|\s-\s|,\s|;\s(?=[a-z])"
)


@cache
def _known() -> tuple[str, ...]:
    """The sentences of known errors after their codes, longest first."""
    texts = {re.sub(r"^\d{3}\s+[\d.]+\s+", "", fact.example).rstrip(".") for fact in smtp_errors()}
    return tuple(sorted((text for text in texts if len(text) > 12), key=len, reverse=True))


def errors(text: str, codes: tuple[str, ...] = ()) -> Iterator[str]:
    """Every error text of a sentence, in its order. `codes` are the stretches the page set as code."""
    plain = fold(text)
    position = 0
    while match := _START.search(plain, position):
        end = _end(plain, match, codes)
        yield _tidy(text[match.start() : end])
        position = max(end, match.end())


def leftover(text: str) -> bool:
    """Whether a code stands there that is no reply with its text: "error 5.7.30", "code 550"."""
    plain = fold(text)
    return _BARE.search(_START.sub(" ", plain)) is not None


def _tidy(text: str) -> str:
    text = " ".join(text.split())
    return text.rstrip(" .,;:") if not text.endswith("...") else text


def _end(plain: str, match: re.Match[str], codes: tuple[str, ...]) -> int:
    start = match.start()
    for code in codes:  # set as code: all of it
        folded = fold(code).strip()
        at = folded.find(match[0])
        if at >= 0 and plain.startswith(folded[at:], start):
            return start + len(folded) - at
    before = _PREFIX.sub("", plain[:start].rstrip())  # "Error 535 5.7.139 …": the quotation begins before its name
    closing = _QUOTES.get(before[-1:]) if before else None
    if closing and (end := plain.find(closing, match.end())) > 0 and (closing != ">" or "\n" not in plain[start:end]):
        return end
    rest = plain[match.end() :]
    lowered = rest.lstrip(" :-").lower()
    for known in _known():
        if lowered.startswith(known.lower()):
            return match.end() + len(rest) - len(rest.lstrip(" :-")) + len(known)
    return match.end() + _prose_end(rest)


def _prose_end(rest: str) -> int:
    """Where the text ends that nothing encloses: at Japanese, or where the sentence around it goes on. A code with
    nothing of its own behind it ("550 5.7.30 when …", "550 5.7.30 errors") is the whole text."""
    japanese = _JAPANESE.search(rest)
    rest = rest[: japanese.start()] if japanese else rest
    if not re.match(r"[\s:-]+[\"']?[A-Z]", rest) or re.match(
        r"\s+(?:errors?|replies|responses?)\b", rest, re.IGNORECASE
    ):
        return 0
    stop = _STOP.search(rest)
    return stop.start() if stop else len(rest)
