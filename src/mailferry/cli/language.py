"""The languages commands speak, and lines of Japanese that break where Japanese may break.

Leaves to others: the texts. Invariant: no line is wider than asked for, and none begins with closing or ends with
opening punctuation (JIS X 4051, the rules of line breaking).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from enum import StrEnum

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text


class Language(StrEnum):
    """What --lang takes."""

    EN = "en"
    JA = "ja"


def chosen(choice: Language | None) -> str:
    """The language asked for, or else the one of the environment (LC_ALL, LC_MESSAGES, LANG), or English."""
    if choice is not None:
        return choice.value
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value:
            return "ja" if value.lower().startswith("ja") else "en"
    return "en"


_NO_BEGIN = ">、。，．・：；？！）」』】〉》］｝〕ーぁぃぅぇぉっゃゅょァィゥェォッャュョ～"
_NO_END = "<（「『【〈《［｛〔"
#: A piece that stays whole: a run without blanks of narrow letters, one wide letter, or blanks.
_PIECE = re.compile(r"\s+|[!-\u2e7f]+|.", re.DOTALL)


def wrap(text: str, width: int) -> Iterator[str]:
    """`text` in lines of at most `width` cells."""
    line = ""
    for unit in _units(text):
        if not line:
            unit = unit.lstrip()
        if cell_len(line + unit.rstrip()) <= width:
            line += unit
            continue
        if line.strip():
            yield line.rstrip()
        line = unit.lstrip()
        while cell_len(line) > width:  # a word longer than a line: an address, a command
            head = _head(line, width)
            yield head
            line = line[len(head) :]
    if line.strip():
        yield line.rstrip()


def _units(text: str) -> Iterator[str]:
    """Pieces between which a line may break: punctuation stays with what it belongs to."""
    unit = ""
    for piece in _PIECE.findall(text):
        glued = piece[0] in _NO_BEGIN or (unit != "" and unit[-1] in _NO_END)
        if unit and not glued:
            yield unit
            unit = ""
        unit += piece
    if unit:
        yield unit


def _head(line: str, width: int) -> str:
    head = ""
    for letter in line:
        if head and cell_len(head + letter) > width:
            break
        head += letter
    return head


class Prose:
    """A paragraph for rich that breaks by the rules above, in tables too."""

    def __init__(self, text: str, style: str = "") -> None:
        self._text = text
        self._style = style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in wrap(self._text, options.max_width):
            yield Text(line, self._style, no_wrap=True, end="\n")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        longest = max((cell_len(word) for word in self._text.split()), default=1)
        return Measurement(min(longest, 12), cell_len(self._text)).with_maximum(options.max_width)
