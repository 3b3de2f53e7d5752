"""Recognition: which product shows these signs, how sure that is, and by what evidence.

Leaves to others: the knowledge (base) and what it means for OAuth (verdict).
Invariants: only strong signs make a candidate, so that weak ones alone decide nothing and no further weak one changes
that; a host name of letters and decimal digits alone is weak, whoever's letters they are; strong signs of different
families are a conflict and are all shown; the order of signs means nothing; each distinct value is matched once in the
life of a Recogniser.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mailferry.clients.base import KnowledgeBase
from mailferry.clients.patterns import local
from mailferry.clients.product import Confidence, Family, Fingerprint, Product, Remark, Weight
from mailferry.clients.signs import Kind, Signs

#: What one strong sign is worth, by how well it is founded; two that agree are worth more, none is certain.
_STRONG = {Confidence.HIGH: 0.95, Confidence.MEDIUM: 0.85, Confidence.LOW: 0.6}
_SUBJECT = 0.5  # at most: people edit subjects, programs pass them on, and malware copies them
_CERTAIN = 0.99
_SUPPORT = 0.2  # of the doubt that is left, per kind of weak sign
_HINT, _HINTS = 0.15, 0.4  # what weak signs alone are worth, and at most
#: Distinct signs and distinct values that are remembered: some 100 MB at most.
_SIGNS, _VALUES = 1 << 17, 1 << 15


class Decision(StrEnum):
    """How far recognition came."""

    PRODUCT = "product"  # one product
    FAMILY = "family"  # one family; its products show the same signs
    CONFLICT = "conflict"  # strong signs of different families
    NONE = "none"  # no strong sign


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sign that was seen, and whether it may decide."""

    kind: Kind
    value: str
    weight: Weight
    header: str = ""

    def text(self, language: str) -> str:
        """The evidence as people read it."""
        label = self.header if self.kind is Kind.HEADER else self.kind.label(language)
        return f"{label}: {self.value}" if self.value else label


@dataclass(frozen=True, slots=True)
class Candidate:
    """A product that it may be. `confidence` 0 to 1 is of this product; those of a family share the family's."""

    product: Product
    confidence: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Recognition:
    """The result. `candidates` rest on strong signs, likeliest first; `hints` on weak ones alone: where there are
    candidates, only what is built on one of them."""

    decision: Decision = Decision.NONE
    family: Family | None = None
    confidence: float = 0.0  # of the family; 0 where there is none
    candidates: tuple[Candidate, ...] = ()
    hints: tuple[Candidate, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def product(self) -> Product | None:
        """The product, where the signs name one and only one."""
        return self.candidates[0].product if self.decision is Decision.PRODUCT else None

    @property
    def best(self) -> Candidate | None:
        """The likeliest; None where nothing is decided."""
        return self.candidates[0] if self.decision in (Decision.PRODUCT, Decision.FAMILY) else None


NOTHING = Recognition()


class Recogniser:
    """Matches signs against a base. Keep it for as long as there are records: it remembers each distinct value."""

    def __init__(self, base: KnowledgeBase) -> None:
        self._base = base
        owned: dict[tuple[Kind, str], dict[Fingerprint, list[Product | Remark]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for product in base.products.values():
            for mark in product.fingerprints:
                owned[_place(mark)][mark].append(product)
        for remark in base.remarks:
            owned[_place(remark.fingerprint)][remark.fingerprint].append(remark)
        self._sieves = {place: _Sieve(marks) for place, marks in owned.items()}
        self._memory: dict[Signs, Recognition] = {}

    def recognise(self, signs: Signs) -> Recognition:
        """What shows these signs."""
        known = self._memory.get(signs)
        if known is None:
            if len(self._memory) >= _SIGNS:
                self._memory.clear()
            known = self._memory[signs] = self._judge(signs)
        return known

    def recognise_many(self, many: Iterable[Signs]) -> Iterator[Recognition]:
        """One result for each, in their order."""
        return map(self.recognise, many)

    def _judge(self, signs: Signs) -> Recognition:
        seen: dict[str, _Seen] = {}
        remarks: dict[str, Remark] = {}
        for kind, header, value in _looks(signs):
            sieve = self._sieves.get((kind, header.lower()))
            for mark, owners in sieve.matches(value) if sieve else ():
                weight = Weight.WEAK if kind is Kind.HOSTNAME and _NUMBERED.match(value) else mark.weight
                evidence = Evidence(kind, value, weight, header)
                for owner in owners:
                    if isinstance(owner, Remark):
                        remarks[owner.id] = owner
                    else:
                        (seen.get(owner.id) or seen.setdefault(owner.id, _Seen(owner))).signs.add(evidence)
        if not seen and not remarks:
            return NOTHING
        return self._decide(seen, tuple(remarks[id] for id in sorted(remarks)))

    def _decide(self, seen: Mapping[str, _Seen], remarks: tuple[Remark, ...]) -> Recognition:
        strong = {id: found for id, found in seen.items() if found.strong}
        if not strong:
            return Recognition(hints=_ranked(map(_hint, seen.values())), remarks=remarks)
        # What is built on a library shows the library's signs too: they are evidence for it, not against it.
        for found in strong.values():
            for under in self._base.beneath(found.product):
                if under in strong:
                    found.signs |= strong[under].signs
        below = {under for found in strong.values() for under in self._base.beneath(found.product)}
        families = {found.product.family for id, found in strong.items() if id not in below}
        groups = {family: self._group(family, seen, below) for family in sorted(families)}
        candidates = _ranked(one for group in groups.values() for one in _shared(group, 1 / len(groups)))
        hints = self._built_on(candidates, seen)
        if len(groups) > 1:
            return Recognition(Decision.CONFLICT, None, 0.0, candidates, hints, remarks)
        decision = Decision.PRODUCT if len(candidates) == 1 else Decision.FAMILY
        (family, group), *_ = groups.items()
        confidence = round(max(found.worth for found in group), 4)
        return Recognition(decision, self._base.families[family], confidence, candidates, hints, remarks)

    def _group(self, family: str, seen: Mapping[str, _Seen], below: set[str]) -> list[_Seen]:
        """The members of a family that was named, those with weak signs too: the strong one speaks for them all."""
        return [
            seen[member.id] for member in self._base.members[family] if member.id in seen and member.id not in below
        ]

    def _built_on(self, candidates: Sequence[Candidate], seen: Mapping[str, _Seen]) -> tuple[Candidate, ...]:
        """What is built on a candidate and shows a weak sign that the candidate does not."""
        named = {one.product.id: {(sign.kind, sign.value) for sign in one.evidence} for one in candidates}
        return _ranked(
            _hint(found)
            for found in seen.values()
            for under in self._base.beneath(found.product)
            if not found.strong and under in named and found.beyond(named[under])
        )


class _Seen:
    """What was seen of one product."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.signs: set[Evidence] = set()

    @property
    def strong(self) -> bool:
        return any(sign.weight is Weight.STRONG for sign in self.signs)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Strong ones first; each sign once."""
        best: dict[tuple[Kind, str, str], Evidence] = {}
        for sign in sorted(self.signs, key=_order) if len(self.signs) > 1 else self.signs:
            best.setdefault((sign.kind, sign.header, sign.value), sign)
        return tuple(best.values())

    def beyond(self, signs: set[tuple[Kind, str]]) -> bool:
        """Whether it shows more than these."""
        return any((one.kind, one.value) not in signs for one in self.signs)

    def kinds(self) -> tuple[set[tuple[Kind, str]], int]:
        """The independent kinds of strong sign, and how many of weak ones there are beside them."""
        strong = {(_SAME.get(one.kind, one.kind), one.header) for one in self.signs if one.weight is Weight.STRONG}
        every = {(_SAME.get(one.kind, one.kind), one.header) for one in self.signs}
        return strong, len(every) - len(strong)

    @property
    def worth(self) -> float:
        """How sure the family is."""
        strong, weak = self.kinds()
        doubt = (1 - _SUPPORT) ** weak
        for kind, _ in strong:
            worth = _STRONG[self.product.founded]
            doubt *= 1 - (min(worth, _SUBJECT) if kind is Kind.SUBJECT else worth)
        return min(_CERTAIN, 1 - doubt)


#: An inventory number looks like this; of six digits of a MAC address one in twenty, of twelve one in three hundred.
_NUMBERED = re.compile(r"[A-Za-z]++\d{6,12}+$")
#: The name of the machine, however it was learnt.
_SAME = {Kind.EHLO: Kind.HOSTNAME}


def _order(sign: Evidence) -> tuple[bool, Kind, str, str]:
    return sign.weight is Weight.WEAK, sign.kind, sign.header, sign.value


def _shared(group: Sequence[_Seen], share: float) -> Iterator[Candidate]:
    """The members of one family divide its confidence by the evidence each has."""
    worth = max(found.worth for found in group)
    weights = [len(strong) + weak / 2 for strong, weak in (found.kinds() for found in group)]
    for found, weight in zip(group, weights, strict=True):
        yield Candidate(found.product, round(share * worth * weight / sum(weights), 4), found.evidence)


def _hint(found: _Seen) -> Candidate:
    worth = min(_HINTS, 1 - (1 - _HINT) ** found.kinds()[1])
    return Candidate(found.product, round(worth, 4), found.evidence)


def _ranked(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    return tuple(sorted(candidates, key=lambda one: (-one.confidence, one.product.id)))


def _place(mark: Fingerprint) -> tuple[Kind, str]:
    return mark.kind, mark.header


def _looks(signs: Signs) -> Iterator[tuple[Kind, str, str]]:
    """Where to look: a machine that greets by its name shows its host name by it."""
    for kind, header, value in signs:
        yield kind, header, value.partition(".")[0] if kind is Kind.HOSTNAME else value
        if kind is Kind.EHLO and value[:1] != "[":
            label = value.partition(".")[0]
            if label != signs.hostname.partition(".")[0]:
                yield Kind.HOSTNAME, "", label


class _Sieve:
    """The patterns for one kind of sign. A value that none can match is put aside by one expression of them all."""

    def __init__(self, marks: Mapping[Fingerprint, Sequence[Product | Remark]]) -> None:
        self._literals: dict[str, list[tuple[Fingerprint, Sequence[Product | Remark]]]] = defaultdict(list)
        patterns: dict[str, list[tuple[Fingerprint, Sequence[Product | Remark]]]] = defaultdict(list)
        for mark, owners in marks.items():
            (self._literals[mark.pattern.lower()] if mark.literal else patterns[mark.pattern]).append((mark, owners))
        self._gate = re.compile("|".join(map(local, patterns)) or r"(?!)")
        self._patterns = [(re.compile(pattern), found) for pattern, found in patterns.items()]
        self._memory: dict[str, tuple[tuple[Fingerprint, Sequence[Product | Remark]], ...]] = {}

    def matches(self, value: str) -> tuple[tuple[Fingerprint, Sequence[Product | Remark]], ...]:
        """The marks that the value shows, with who has them."""
        known = self._memory.get(value)
        if known is None:
            if len(self._memory) >= _VALUES:
                self._memory.clear()
            known = self._memory[value] = tuple(self._find(value))
        return known

    def _find(self, value: str) -> Iterator[tuple[Fingerprint, Sequence[Product | Remark]]]:
        if self._gate.match(value):
            for pattern, found in self._patterns:
                if pattern.match(value):
                    yield from found
        if self._literals:
            low = value.lower()
            for text, found in self._literals.items():
                if text in low:
                    yield from found
