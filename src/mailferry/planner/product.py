"""What the planner needs to know of a product: can it sign in by OAuth, since when, and who says so.

Leaves to others: the facts themselves (clients, by way of knowledge) and recognising a product (inventory).
Invariant: plain frozen values; what is not known is UNKNOWN, never NO.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailferry.clients.product import Answer, Category
from mailferry.m365.facts import Text
from mailferry.planner.values import NO_TEXT

#: Things that stand somewhere: a change of theirs is a visit or a firmware update.
APPLIANCES = frozenset(
    {Category.PRINTER, Category.SCANNER, Category.UPS, Category.NAS, Category.CAMERA, Category.NETWORK}
)


@dataclass(frozen=True, slots=True)
class Product:
    """One product, or a family of products that show the same signs."""

    id: str
    name: Text
    category: Category
    oauth: Answer  # OAuth (XOAUTH2) over SMTP to Exchange Online
    graph: Answer  # a Microsoft Graph sender of its own
    since: Text = NO_TEXT  # the version that brought OAuth, in words
    setup: Text = NO_TEXT  # what its owner does
    settle: Text = NO_TEXT  # what to look at where something is open
    verified: bool = True  # whether more than an assumption says that it can
    source: str = ""

    @property
    def code(self) -> bool:
        """Whether a change means to write code."""
        return self.category is Category.LIBRARY
