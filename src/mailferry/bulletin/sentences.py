"""A page's main text as blocks, and blocks as sentences that know the heading or lead they stand under.

Leaves to others: finding the main text (page, plain) and what sentences mean (extract).
Invariant: no letter of a block is lost or made up; joined sentences are the block, blanks aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto


class Form(Enum):
    HEADING = auto()
    TEXT = auto()
    ITEM = auto()
    CODE = auto()
    RULE = auto()  # a line across the page; no text


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading, list item or code sample. `context` is what a table's heading says of it; `codes` are
    stretches that the page set as code."""

    form: Form
    text: str
    context: str = ""
    codes: tuple[str, ...] = ()
    level: int = 0  # of a heading, 1 to 6


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence. `context` is the heading and the lead ("Instead, use one of:") it stands under."""

    text: str
    context: str = ""
    codes: tuple[str, ...] = ()
    heading: bool = False


#: A full stop after these ends no sentence.
_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|no|nos|approx|incl|dept|inc|ltd|corp|mr|ms|dr|st|jan|feb|mar|apr|jun|jul|aug|sept?|oct"
    r"|nov|dec|u\.s|a\.m|p\.m|fig|cf|v)|\b[A-Z])\.$",
    re.IGNORECASE,
)
_END = re.compile(r"[.!?]+[\"'”’)\]]*\s+(?=[\"'“‘(\[]?[A-Z0-9\u3040-\u9fff])|[。！？]+[」』）)]?\s*|\n{2,}")
_OPEN, _CLOSE = "「『（(【", "」』）)】"


def split(text: str) -> Iterator[str]:
    """The sentences of one block. A Japanese full stop inside brackets ends none."""
    start = 0
    for match in _END.finditer(text):
        piece = text[start : match.end()]
        stripped = piece.rstrip()
        if match[0].startswith("\n"):
            pass
        elif match[0][0] in "。！？":
            if _depth(piece) > 0:
                continue
        elif _ABBREVIATED.search(stripped) or _quoting(piece, text[match.end() : match.end() + _QUOTED]):
            continue
        if stripped.strip():
            yield stripped.strip()
        start = match.end()
    if text[start:].strip():
        yield text[start:].strip()


def _depth(text: str) -> int:
    return sum(text.count(letter) for letter in _OPEN) - sum(text.count(letter) for letter in _CLOSE)


#: No quotation that a full stop stands in goes on for longer.
_QUOTED = 400


def _quoting(piece: str, rest: str) -> bool:
    """Whether the full stop stands inside quotation marks that close soon."""
    if piece.count("“") > piece.count("”"):
        return "”" in rest
    return piece.count('"') % 2 == 1 and '"' in rest


_LEAD = re.compile(r"[:：]\s*$")
_LEAD_JA = re.compile(r"(?:以下|次)の[^。]{0,20}[。：:]\s*$")


def sentences(blocks: Iterable[Block]) -> Iterator[Sentence]:
    """Every sentence with its context; a list's lead holds for its items."""
    heading = lead = ""
    for block in blocks:
        if block.form is Form.RULE:
            continue
        if block.form is Form.HEADING:
            heading, lead = block.text, ""
            yield Sentence(block.text, codes=block.codes, heading=True)
            continue
        if block.form is not Form.ITEM:
            lead = ""
        context = " \n".join(part for part in (block.context, lead, heading) if part)
        parts = [block.text] if block.form is Form.CODE else list(split(block.text))
        for part in parts:
            yield Sentence(part, context, block.codes)
        if block.form is Form.TEXT and parts and (_LEAD.search(parts[-1]) or _LEAD_JA.search(parts[-1])):
            lead = parts[-1]
