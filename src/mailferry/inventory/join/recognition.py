"""Which product a client is, by the signs that the exports hold of it.

Leaves to others: the knowledge and its judgement (clients). Invariant: it is asked once for each distinct set of signs,
however many records show it; where the signs of one client name different products, none is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailferry.clients.base import knowledge
from mailferry.clients.recognise import Candidate, Recogniser
from mailferry.clients.signs import Signs
from mailferry.inventory.database import statements

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Recognised:
    """A product by its id in the knowledge base, "" where nothing names one."""

    id: str = ""
    confidence: float = 0.0
    evidence: tuple[str, ...] = ()


def recognise(connection: duckdb.DuckDBPyConnection) -> Mapping[str, Recognised]:
    """By the key of the client. The temporary tables of facts.gather must be there."""
    recogniser = Recogniser(knowledge())
    found: dict[str, list[Candidate]] = {}
    rows = connection.execute(statements("join/facts.sql")["signs"]).fetchall()
    for client, ehlo, host, mechanism, tls, agent, message_id, subject in rows:
        best = recogniser.recognise(
            Signs(
                ehlo=ehlo,
                hostname=host,
                auth_mechanism=mechanism,
                tls=tls,
                user_agent=agent,
                message_id=_bracketed(message_id),
                subject=subject,
            )
        ).best
        if best is not None:
            found.setdefault(client, []).append(best)
    return {client: _agreed(candidates) for client, candidates in found.items()}


def _bracketed(message_id: str) -> str:
    """As the header has it; some logs leave the brackets out."""
    return f"<{message_id.strip('<>')}>" if message_id else ""


def _agreed(candidates: Iterable[Candidate]) -> Recognised:
    """The surest of candidates that are one product: two programs behind one mailbox and address have no one name."""
    ranked = sorted(candidates, key=lambda each: (-each.confidence, each.product.id))
    if len({each.product.id for each in ranked}) > 1:
        return Recognised()
    evidence = dict.fromkeys(one.text("en") for each in ranked for one in each.evidence)
    return Recognised(ranked[0].product.id, ranked[0].confidence, tuple(evidence)[:10])
