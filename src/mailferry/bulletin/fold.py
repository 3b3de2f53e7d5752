"""Spellings made one, letter for letter, so that a rule written once finds full-width text as well.

Leaves to others: what is looked for. Invariant: `fold` keeps every position, so what was found in folded text can be
cut out of the text itself.
"""

from __future__ import annotations

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_DASHES = dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212), "-")
_WAVES = dict.fromkeys((0x301C, 0xFF5E, 0x223C), "~")
_BLANKS = dict.fromkeys((0x00A0, 0x2002, 0x2003, 0x2007, 0x2009, 0x202F, 0x3000), " ")
_QUOTES = {0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"'}
_TABLE: dict[int, int | str] = {**_WIDE, **_DASHES, **_WAVES, **_BLANKS, **_QUOTES}


def fold(text: str) -> str:
    """`text` with full-width letters, dashes, waves, blanks and curly quotes as their plain forms."""
    return text.translate(_TABLE)
