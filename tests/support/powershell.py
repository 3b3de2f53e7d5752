"""Reads PowerShell as far as quotes, comments and brackets go: enough to see that a script is whole."""

from __future__ import annotations

import re
from collections.abc import Iterator

_QUOTES = "'\u2018\u2019\u201a\u201b"
_DOUBLE = '"\u201c\u201d\u201e'
_PAIRS = {")": "(", "}": "{", "]": "["}


def literals(text: str) -> list[str]:
    """The values of every single-quoted string. Raises ValueError where the script is not whole."""
    return [value for kind, value in tokens(text) if kind == "literal"]


def tokens(text: str) -> Iterator[tuple[str, str]]:
    """Literals, expandable strings, comments, and code between. Checks that brackets match."""
    place, stack = 0, []
    while place < len(text):
        char = text[place]
        if char in _QUOTES:
            value, place = _quoted(text, place)
            yield "literal", value
        elif char in _DOUBLE:
            end = _expandable(text, place)
            yield "string", text[place:end]
            place = end
        elif char == "#" and (place == 0 or text[place - 1] in " \t\n;{("):
            end = text.find("\n", place)
            yield "comment", text[place : end if end >= 0 else len(text)]
            place = end if end >= 0 else len(text)
        else:
            if char in "({[":
                stack.append(char)
            elif char in _PAIRS and (not stack or stack.pop() != _PAIRS[char]):
                raise ValueError(f"{char} without its other at {place}")
            yield "code", char
            place += 1
    if stack:
        raise ValueError(f"{stack} left open")


def _quoted(text: str, place: int) -> tuple[str, int]:
    value, place = "", place + 1
    while place < len(text):
        if text[place] in _QUOTES:
            if place + 1 < len(text) and text[place + 1] in _QUOTES:
                value += text[place]
                place += 2
                continue
            return value, place + 1
        value += text[place]
        place += 1
    raise ValueError("a string is left open")


def _expandable(text: str, place: int) -> int:
    """Behind the closing quote. What stands in $( ) is code of its own and must be whole too."""
    place += 1
    while place < len(text):
        if text[place] == "`":
            place += 2
        elif text.startswith("$(", place):
            depth, end = 1, place + 2
            while depth and end < len(text):
                depth += {"(": 1, ")": -1}.get(text[end], 0)
                end += 1
            list(tokens(text[place + 2 : end - 1]))
            place = end
        elif text[place] in _DOUBLE:
            return place + 1
        else:
            place += 1
    raise ValueError("a string is left open")


def cmdlets(text: str) -> set[str]:
    """The Verb-Noun names that are called."""
    code = "".join(value if kind == "code" else " " for kind, value in tokens(text))
    return set(re.findall(r"\b[A-Z][a-z]+-[A-Z]\w+", code))
