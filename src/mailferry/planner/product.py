"""What the planner needs to know of a product: can it sign in by OAuth, since when, and who says so.

Leaves to others: the facts themselves (clients, the knowledge base) and recognising a product (inventory).
Invariant: plain frozen values; what is not known is UNKNOWN, never NO.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mailferry.m365.facts import Text
from mailferry.planner.values import NO_TEXT

#: Things that stand somewhere: a change of theirs is a visit or a firmware update.
_APPLIANCES = frozenset({"printer", "scanner", "ups", "nas", "camera", "network"})


class Verdict(StrEnum):
    """Whether a product can do it."""

    YES = "yes"
    PARTIAL = "partial"  # some models or versions, or with gaps
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Product:
    """One product, as the knowledge base describes it."""

    id: str
    name: str
    category: str  # printer, erp, library, …
    oauth: Verdict  # OAuth (XOAUTH2) over SMTP to Exchange Online
    graph: Verdict  # a Microsoft Graph sender of its own
    since: str = ""  # the version that brought OAuth, in words
    setup: Text = NO_TEXT  # how it is set up
    source: str = ""

    @property
    def appliance(self) -> bool:
        return self.category in _APPLIANCES

    @property
    def code(self) -> bool:
        """Whether a change means to write code."""
        return self.category == "library"
