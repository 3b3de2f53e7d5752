"""Which product a client is, by the signs that the exports hold of it.

Leaves to others: the knowledge and its judgement (clients). Invariant: it is asked once for each distinct set of signs,
however many records show it; where the signs of one client name different families, none is named; weak signs name
nothing, they are evidence with a question mark; what a client does not say of itself, or says in some messages and not
in others, is no ground to act on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mailferry.clients.base import knowledge
from mailferry.clients.product import Weight
from mailferry.clients.recognise import Decision, Recogniser, Recognition
from mailferry.clients.signs import Kind, Signs
from mailferry.inventory.database import statements

if TYPE_CHECKING:
    import duckdb

_MOST_EVIDENCE = 10
#: At most, of what the planner must not build on (it acts from 0.6 on).
_DOUBTFUL = 0.5


@dataclass(frozen=True, slots=True)
class Recognised:
    """A product by its id in the knowledge base, or the family where its products show the same signs; "" where
    nothing names one, and then `evidence` is what weak signs hint at."""

    id: str = ""
    confidence: float = 0.0
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What one kind of record shows of a client. `named`: the host name is from the DNS, not from the client; `wrote`:
    it tells of a message, so that a program that has its own way of writing shows it here."""

    recognition: Recognition
    named: bool = False
    wrote: bool = False

    @property
    def decided(self) -> bool:
        return self.recognition.decision in (Decision.PRODUCT, Decision.FAMILY)

    def grounds(self) -> set[Kind]:
        """The kinds of strong sign that decided, of those that the client said itself."""
        signs = (one for candidate in self.recognition.candidates for one in candidate.evidence)
        kinds = {one.kind for one in signs if one.weight is Weight.STRONG}
        return kinds - {Kind.HOSTNAME} if self.named else kinds


def recognise(connection: duckdb.DuckDBPyConnection) -> Mapping[str, Recognised]:
    """By the key of the client. The temporary tables of facts.gather must be there."""
    recogniser = Recogniser(knowledge())
    known: dict[tuple[Any, ...], Seen] = {}
    found: dict[str, list[Seen]] = {}
    for client, *values in connection.execute(statements("join/facts.sql")["signs"]).fetchall():
        shown = tuple(values)
        if shown not in known:
            named, *signs = shown
            known[shown] = Seen(recogniser.recognise(_signs(*signs)), named, any(signs[5:]))
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


def agreed(found: Sequence[Seen]) -> Recognised:
    """What all that was seen of a client comes to. Two programs behind one mailbox and address have no one name; where
    one record names a product and another only its family, it is the product."""
    decided = [each for each in found if each.decided]
    families = {one.product.family for each in found for one in each.recognition.candidates}
    if not families:
        return Recognised(evidence=tuple(dict.fromkeys(_hints(each.recognition for each in found)))[:_MOST_EVIDENCE])
    if len(families) > 1:
        return Recognised()
    recognitions = [each.recognition for each in decided]
    products = {each.product.id for each in recognitions if each.product is not None}
    told = [each for each in recognitions if each.product is not None] if len(products) == 1 else recognitions
    evidence = dict.fromkeys(
        one.text("en") for each in recognitions for candidate in each.candidates for one in candidate.evidence
    )
    sure = max(map(_sure, told))
    return Recognised(
        (products if len(products) == 1 else families).pop(),
        sure if _stands(found) else min(sure, _DOUBTFUL),
        tuple(evidence)[:_MOST_EVIDENCE],
    )


def _stands(found: Sequence[Seen]) -> bool:
    """Whether the client itself gives grounds, and gives them throughout: what passes on the mail of others shows the
    hand of one of them here and there, and a name in the DNS may be its predecessor's."""
    grounds = {kind for each in found if each.decided for kind in each.grounds()}
    if grounds <= {Kind.MESSAGE_ID, Kind.SUBJECT}:
        return bool(grounds) and all(each.decided for each in found if each.wrote)
    return True


def _sure(found: Recognition) -> float:
    """Of the product where one is named, else of the family."""
    return found.candidates[0].confidence if found.decision is Decision.PRODUCT else found.confidence


def _hints(found: Iterable[Recognition]) -> Iterator[str]:
    hints = {(hint.confidence, hint.product.id): hint for each in found for hint in each.hints}
    for _, hint in sorted(hints.items(), key=lambda pair: (-pair[0][0], pair[0][1])):
        yield f"{hint.product.name.en}? {', '.join(one.text('en') for one in hint.evidence)}"
