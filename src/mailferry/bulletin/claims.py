"""What a text claims that can be right or wrong: dates, numbers, servers, addresses, error texts.

Leaves to others: reading dates (periods). Invariant: what is said in another way is the same claim (2026年12月末, end
of December 2026, full-width digits); what cannot be compared is a claim of its own, and so never taken for known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mailferry.bulletin.fold import fold
from mailferry.bulletin.periods import dates

_LINK = re.compile(r"(?:https?://|mailto:|www\.)[^\s<>\"'「」（）()、。]+", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_HOST = re.compile(r"(?<![\w.-])(?:[a-z0-9_*](?:[a-z0-9_-]*[a-z0-9])?\.)+[a-z]{2,}(?![\w-])", re.IGNORECASE | re.ASCII)
_ADDRESS = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
_STATUS = re.compile(r"(?<!\d)[2-5]\d\d [245]\.\d{1,3}\.\d{1,3}(?!\d)|(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])")
_CODE = re.compile(r"AADSTS\d+|\bMC\d{5,}\b|\b0x[0-9a-f]+\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)*")
_KANJI = re.compile(
    r"[〇一二三四五六七八九十百千万億]+(?=(?:日|年|月|週|か月|カ月|ヶ月|件|個|台|社|人|名|時間|分|割|倍|パーセント|%|回))"
)
_WORD = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    r"eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?|dozens?|"
    r"twice|thrice|a (?:day|week|month|year))\b",
    re.IGNORECASE,
)
_RELATIVE = re.compile(
    r"\b(?:today|tomorrow|yesterday|tonight|(?:next|this|last|coming) (?:day|week|month|quarter|year|spring|summer|"
    r"autumn|fall|winter))\b|本日|今日|明日|昨日|翌日|来週|今週|先週|翌週|来月|今月|翌月|来年|今年|翌年|昨年|年内|年度",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Claims:
    """Each kind as a set; texts that have to stand exactly are in `exact`."""

    dates: frozenset[tuple[str, ...]]
    numbers: frozenset[str]
    places: frozenset[str]  # links, mail addresses, servers
    errors: frozenset[str]  # status codes and other codes
    vague: frozenset[str]  # dates that name no day, numbers in words
    exact: frozenset[str]  # what stands as code

    def unknown(self, known: Claims) -> list[str]:
        """What is claimed here and not in `known`."""
        mine, theirs = self._all(), known._all()
        return sorted(f"{kind} {value}" for kind, value in mine - theirs)

    def _all(self) -> set[tuple[str, str]]:
        found = {("the date", " to ".join(value)) for value in self.dates}
        found |= {("the number", value) for value in self.numbers}
        found |= {("the address", value) for value in self.places}
        found |= {("the error", value) for value in self.errors}
        found |= {("the words", value) for value in self.vague}
        return found | {("the text", value) for value in self.exact}


def claims(texts: Iterable[str]) -> Claims:
    """What these texts claim, all together."""
    found: dict[str, set[str]] = {"places": set(), "errors": set(), "vague": set(), "exact": set(), "numbers": set()}
    spans: set[tuple[str, ...]] = set()
    for text in texts:
        found["exact"] |= {" ".join(piece.split()) for piece in text.split("`")[1::2]}
        rest = fold(text.replace("`", " "))
        rest = _take(rest, found["places"], _LINK, _MAIL, _HOST, _ADDRESS)
        rest = _take(one_dash(rest), found["errors"], _STATUS, _CODE)
        rest = _take_dates(rest, spans, found["vague"])
        _take(rest, found["vague"], _KANJI, _WORD, _RELATIVE)
        found["numbers"] |= {number.replace(",", "") for number in _NUMBER.findall(rest)}
    sets = {kind: frozenset(values) for kind, values in found.items()}
    return Claims(dates=frozenset(spans), **sets)


def one_dash(text: str) -> str:
    """A reply of several lines has a hyphen behind its code (RFC 5321 section 4.2.1): the same code."""
    return re.sub(r"(?<!\d)([2-5]\d\d)-(?=[245]\.\d)", r"\1 ", text)


def _take(text: str, into: set[str], *patterns: re.Pattern[str]) -> str:
    """The text without what the patterns find."""
    for pattern in patterns:
        into |= {match[0].lower().rstrip(".,;:") for match in pattern.finditer(text)}
        text = pattern.sub(" ", text)
    return text


def _take_dates(text: str, spans: set[tuple[str, ...]], vague: set[str]) -> str:
    read = dates(text)
    vague |= {word.lower() for word in read.vague}
    for found in reversed(read.found):
        spans.add(tuple(dict.fromkeys((found.period.first.isoformat(), found.period.last.isoformat()))))
        text = f"{text[: found.start]} {text[found.end :]}"
    for word in read.vague:
        text = text.replace(word, " ")
    return text
