"""Random numbers that come again: one generator for each named purpose of a seed.

Leaves to others: what is drawn. Invariant: the same words give the same numbers on every machine and Python (a text
seeds by its SHA-512, never by its hash()).
"""

from __future__ import annotations

from random import Random


def seeded(*words: object) -> Random:
    return Random(":".join(str(word) for word in words))  # noqa: S311 - it must come again, so it cannot be secret
