"""The knowledge base of clients as the planner reads it: products, and families of which nobody knows the product.

Leaves to others: the facts and their sources (clients). Invariant: of a family nothing is said that is not true of all
its products: where they differ the answer is in part, or not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType

from mailferry.clients import product as known
from mailferry.clients.base import knowledge
from mailferry.clients.product import Answer, Confidence, Family
from mailferry.clients.verdict import verdict_of
from mailferry.planner.product import Product


@cache
def products() -> Mapping[str, Product]:
    """Everything by id; a product comes before a family of the same id."""
    base = knowledge()
    families = {
        id: family(base.families[id], members) for id, members in base.members.items() if id not in base.products
    }
    return MappingProxyType(families | {id: product(one) for id, one in base.products.items()})


def product(one: known.Product) -> Product:
    """One product."""
    return Product(
        id=one.id,
        name=one.name,
        category=one.category,
        oauth=one.oauth.smtp,
        graph=one.oauth.graph,
        since=one.oauth.since,
        setup=one.setup,
        settle=verdict_of(one).settle,
        verified=one.oauth.confidence is not Confidence.LOW,
        source=str(one.sources[0]),
    )


def family(found: Family, members: Sequence[known.Product]) -> Product:
    """Products of which nobody knows which one it is."""
    return Product(
        id=found.id,
        name=found.name,
        category=members[0].category,
        oauth=_joint([one.oauth.smtp for one in members]),
        graph=_joint([one.oauth.graph for one in members]),
        settle=found.settle,
        verified=all(one.oauth.confidence is not Confidence.LOW for one in members),
        source=str(members[0].sources[0]),
    )


def _joint(answers: Sequence[Answer]) -> Answer:
    if len(set(answers)) == 1:
        return answers[0]
    return Answer.PARTIAL if {Answer.YES, Answer.PARTIAL} & set(answers) else Answer.UNKNOWN
