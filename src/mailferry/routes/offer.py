"""What an upstream offered in EHLO, as the questions that a message asks of it.

Leaves to others: reading EHLO (smtp.client) and what follows from the answers (fit).
Invariant: an extension counts only when those it rests on are there too.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailferry.smtp.client import Capabilities


@dataclass(frozen=True, slots=True)
class Offer:
    """`largest` is the largest message in octets, 0 when no limit was named."""

    pipelining: bool = False
    chunking: bool = False
    binarymime: bool = False
    eightbitmime: bool = False
    smtputf8: bool = False
    dsn: bool = False
    size: bool = False
    largest: int = 0

    @classmethod
    def of(cls, found: Capabilities, *, pipelining: bool, chunking: bool) -> Offer:
        """`pipelining` and `chunking` False: do not use them, whatever the upstream says."""
        chunks = chunking and found.has("CHUNKING")
        return cls(
            pipelining=pipelining and found.has("PIPELINING"),
            chunking=chunks,
            binarymime=chunks and found.has("BINARYMIME"),  # RFC 3030 section 3: binary needs BDAT
            eightbitmime=found.has("8BITMIME"),
            smtputf8=found.has("SMTPUTF8"),
            dsn=found.has("DSN"),
            size=found.has("SIZE"),
            largest=found.size or 0,
        )
