"""Patterns of the knowledge base: regular expressions that cannot be made to run away.

Leaves to others: what they are matched against (signs) and what a match means (recognise).
Invariant: matching takes time linear in the value. A pattern is tried at the start of the value only (`^`); every
repetition is possessive, but for the exact count of one letter, so nothing is ever given back; there is no looking
around and no reference back. What remains to be tried again are the few alternatives that are written out.
"""

from __future__ import annotations

import re

#: One piece: an escape, a set, a counted repetition, or a single letter.
_PIECE = re.compile(r"\\.|\[\^?+\]?+(?:[^\]\\]|\\.)*+\]|\{[0-9,]++\}|\(\?(?:[a-zA-Z-]*+\)|.)|.", re.DOTALL)
_REPETITION = re.compile(r"[*+?]|\{[0-9,]++\}")
_GROUPS = ("(?:", "(?i)")


class BadPattern(ValueError):
    """A pattern that is no pattern, or one that might run away."""


def compiled(text: str) -> re.Pattern[str]:
    """The pattern, checked; BadPattern says what is wrong with it."""
    _check(text)
    try:
        return re.compile(text)
    except re.error as error:
        raise BadPattern(f"it does not compile: {error}") from error


def local(text: str) -> str:
    """The pattern as a group that can stand beside others: a flag for all of it becomes a flag of the group."""
    return f"(?i:{text.removeprefix('(?i)')})" if text.startswith("(?i)") else f"(?:{text})"


def _check(text: str) -> None:
    if not text.removeprefix("(?i)").startswith("^"):
        raise BadPattern("it must begin with ^")
    pieces = _PIECE.findall(text)
    place = 0
    while place < len(pieces):
        before, piece, following = pieces[place - 1] if place else "", pieces[place], pieces[place + 1 : place + 2]
        if piece.startswith("(?") and piece not in _GROUPS:
            raise BadPattern(f"{piece} is not allowed: only (?: ) groups, and (?i) at the start")
        if piece == "(?i)" and place:
            raise BadPattern("(?i) may stand at the start only")
        if piece[0] == "\\" and piece[1:].isdigit():
            raise BadPattern(f"{piece} refers back")
        if _REPETITION.fullmatch(piece):
            varies = not piece.strip("{}").isdigit() or before == ")"
            if varies and following != ["+"]:
                raise BadPattern(f"the repetition {piece} must be possessive: {piece}+")
            place += following == ["+"]  # the mark of being possessive repeats nothing itself
        place += 1
