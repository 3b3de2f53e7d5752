"""Kinds of export and reasons of skips, in words.

Leaves to others: counting (rejects). Invariant: every reason that a reader or the parser gives has its text.
"""

from __future__ import annotations

from mailferry.inventory.recognise import BY_KIND
from mailferry.inventory.rejects import REASONS
from mailferry.m365.facts import Text


def label(kind: str) -> Text:
    """What the kind of a source is called."""
    return BY_KIND[kind].label


def reason(kind: str, code: str) -> Text:
    """Why rows of this kind were not taken."""
    return REASONS.get(code) or BY_KIND[kind].reasons[code]
