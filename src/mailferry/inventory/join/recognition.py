"""Which product a client is, by the signs that the exports hold of it.

Leaves to others: the knowledge and its judgement (clients). Invariant: it is asked once for each distinct set of signs,
however many records show it; where the signs of one client name different families, none is named; weak signs name
nothing, they are evidence with a question mark.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailferry.clients.base import knowledge
from mailferry.clients.recognise import Decision, Recogniser, Recognition
from mailferry.clients.signs import Signs
from mailferry.inventory.database import statements

if TYPE_CHECKING:
    import duckdb

_MOST_EVIDENCE = 10


@dataclass(frozen=True, slots=True)
class Recognised:
    """A product by its id in the knowledge base, or the family where its products show the same signs; "" where
    nothing names one, and then `evidence` is what weak signs hint at."""

    id: str = ""
    confidence: float = 0.0
    evidence: tuple[str, ...] = ()


def recognise(connection: duckdb.DuckDBPyConnection) -> Mapping[str, Recognised]:
    """By the key of the client. The temporary tables of facts.gather must be there."""
    recogniser = Recogniser(knowledge())
    known: dict[tuple[str, ...], Recognition] = {}
    found: dict[str, list[Recognition]] = {}
    for client, *values in connection.execute(statements("join/facts.sql")["signs"]).fetchall():
        shown = tuple(values)
        if shown not in known:
            known[shown] = recogniser.recognise(_signs(*shown))
        found.setdefault(client, []).append(known[shown])
    return {client: agreed(each) for client, each in found.items()}


def _signs(ehlo: str, host: str, mechanism: str, tls: str, agent: str, message_id: str, subject: str) -> Signs:
    return Signs(
        ehlo=ehlo,
        hostname=host,
        auth_mechanism=mechanism,
        tls=tls,
        user_agent=agent,
        message_id=_bracketed(message_id),
        subject=subject,
    )


def _bracketed(message_id: str) -> str:
    """As the header has it; some logs leave the brackets out."""
    return f"<{message_id.strip('<>')}>" if message_id else ""


def agreed(found: Sequence[Recognition]) -> Recognised:
    """What all that was seen of a client comes to. Two programs behind one mailbox and address have no one name; where
    one record names a product and another only its family, it is the product."""
    decided = [each for each in found if each.decision in (Decision.PRODUCT, Decision.FAMILY)]
    families = {each.family.id for each in decided if each.family is not None}
    if not decided:
        return Recognised(evidence=tuple(dict.fromkeys(_hints(found)))[:_MOST_EVIDENCE])
    if len(families) > 1:
        return Recognised()
    products = {each.product.id for each in decided if each.product is not None}
    told = [each for each in decided if each.product is not None] if len(products) == 1 else decided
    evidence = dict.fromkeys(
        one.text("en") for each in decided for candidate in each.candidates for one in candidate.evidence
    )
    return Recognised(
        (products if len(products) == 1 else families).pop(),
        max(map(_sure, told)),
        tuple(evidence)[:_MOST_EVIDENCE],
    )


def _sure(found: Recognition) -> float:
    """Of the product where one is named, else of the family."""
    return found.candidates[0].confidence if found.decision is Decision.PRODUCT else found.confidence


def _hints(found: Iterable[Recognition]) -> Iterator[str]:
    hints = {(hint.confidence, hint.product.id): hint for each in found for hint in each.hints}
    for _, hint in sorted(hints.items(), key=lambda pair: (-pair[0][0], pair[0][1])):
        yield f"{hint.product.name.en}? {', '.join(one.text('en') for one in hint.evidence)}"
