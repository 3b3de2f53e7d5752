"""From sentences to facts: phases, error texts, endpoints, products, alternatives, actions, risks.

Leaves to others: main text (page, plain), dates and effects (phases), comparing (compare).
Invariant: rules and data alone decide; each fact stands once, with the first sentence that says it, and a sentence with
a date or code that no rule understood is listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise

from mailferry.bulletin.errortexts import errors, leftover
from mailferry.bulletin.facts import Audience, Kind, Mention, Phase
from mailferry.bulletin.fold import fold
from mailferry.bulletin.periods import dates
from mailferry.bulletin.phases import audiences, phases, reenabling
from mailferry.bulletin.rules import cue, endpoint, names
from mailferry.bulletin.sentences import Sentence

#: Longer is no sentence, and more of them no announcement.
LONGEST = 3000
MOST = 2000


class TooMuch(ValueError):
    """The text is no announcement but something much larger."""


@dataclass(slots=True)
class Facts:
    """What has been found, each once, in the order of the page."""

    phases: dict[tuple[object, ...], Phase] = field(default_factory=dict)
    mentions: dict[tuple[Kind, str], Mention] = field(default_factory=dict)
    unread: dict[str, None] = field(default_factory=dict)

    def add(self, kind: Kind, value: str, sentence: str) -> None:
        self.mentions.setdefault((kind, _same(value)), Mention(kind, value, sentence))

    def add_phase(self, phase: Phase) -> None:
        key = (phase.period.first, phase.period.last, phase.effect, phase.superseded)
        known = [(other, old) for other, old in self.phases.items() if other[:4] == key]
        if phase.audience is Audience.UNKNOWN and known:
            return  # the same again, less exactly said
        for other, old in known:
            if old.audience is Audience.UNKNOWN:
                del self.phases[other]
        self.phases.setdefault((*key, phase.audience), phase)


def extract(sentences: Iterable[Sentence]) -> Facts:
    """All facts of a text."""
    facts = Facts()
    listed = list(islice(sentences, MOST + 1))
    if len(listed) > MOST:
        raise TooMuch(f"more than {MOST:,} sentences")
    for sentence, following in pairwise((*listed, Sentence(""))):
        if len(sentence.text) > LONGEST:
            facts.unread[f"{sentence.text[:200]}..."] = None
            continue
        if cue("command").search(fold(sentence.text)):
            facts.unread[sentence.text] = None
            continue
        _one(sentence, following, facts)
        _concern(sentence, facts)
    return facts if _on_subject(listed) else _unread(facts)


def _on_subject(listed: list[Sentence]) -> bool:
    """Whether the text is about signing in to send mail at all: recipes have dates and requests, too, and other
    services end Basic authentication of their own."""
    texts = [fold(sentence.text) for sentence in listed]
    return all(any(cue(name).search(text) for text in texts) for name in ("subject", "service"))


def _unread(facts: Facts) -> Facts:
    """Of a text about something else: nothing, but its dated sentences are listed."""
    return Facts(unread=dict.fromkeys((*(phase.sentence for phase in facts.phases.values()), *facts.unread)))


_CONCERN = re.compile(
    r"^(?:this|it|the change|that)\s+(?:\w+\s+)?(?:concerns|affects|applies|is for|holds)\b|^(?:対象|影響)",
    re.IGNORECASE,
)


def _concern(sentence: Sentence, facts: Facts) -> None:
    """ "This concerns all existing tenants": said of the phase just named."""
    plain = fold(sentence.text)
    named = audiences(plain) if _CONCERN.search(plain) and not dates(plain).found else []
    if len(facts.phases) == 0 or not named:
        return
    said = next(reversed(facts.phases.values())).sentence
    for key, phase in [(key, phase) for key, phase in facts.phases.items() if phase.sentence == said]:
        if phase.audience is Audience.UNKNOWN:
            del facts.phases[key]
            facts.add_phase(replace(phase, audience=named[0]))


def _one(sentence: Sentence, following: Sentence, facts: Facts) -> None:
    text, plain = sentence.text, fold(sentence.text)
    dated = phases(sentence, "" if following.heading else following.text)
    for phase in dated.phases:
        facts.add_phase(phase)
    found = list(errors(text, sentence.codes))
    for error in found:
        facts.add(Kind.ERROR, error, text)
    if not dated.understood or (not found and leftover(text)):
        facts.unread[text] = None
    for host in _endpoints(plain):
        facts.add(Kind.ENDPOINT, host, text)
    for name in names("product"):
        if name.pattern.search(plain):
            facts.add(Kind.PRODUCT, name.value, text)
    for value in _alternatives(sentence, plain):
        facts.add(Kind.ALTERNATIVE, value, text)
    if sentence.heading:
        return
    if cue("action").search(plain) and not _ASKS.search(plain):
        facts.add(Kind.ACTION, _clause(text), text)
    if reenabling(plain):
        facts.add(Kind.REENABLING, _clause(text), text)
    past = bool(dated.phases) and all(phase.superseded for phase in dated.phases)
    if cue("risk").search(plain) and not cue("no_risk").search(plain) and not past:
        facts.add(Kind.RISK, _clause(text), text)


#: A question, or a heading like "What you need to do:".
_ASKS = re.compile(r"[?？]\s*$|^(?:what|how|when|why|who|where)\b[^,]*:\s*$", re.IGNORECASE)


def _endpoints(plain: str) -> Iterator[str]:
    host, not_host = endpoint()
    for match in host.finditer(plain):
        name = match[0].lower().rstrip(".")
        if not not_host.search(name):
            yield name


def _alternatives(sentence: Sentence, plain: str) -> Iterator[str]:
    """Ways that are offered: by the sentence or by the lead of its list."""
    if not cue("offer").search(plain) and not cue("offer").search(fold(sentence.context)):
        return
    refused = cue("no_offer").search(plain)
    for name in names("alternative"):
        for match in name.pattern.finditer(plain):
            if refused is None or not refused.start() <= match.start() < refused.end():
                yield name.value
                break


_CONJUNCTION = re.compile(
    r"^(?:[-*•・●■◆○]\s*|\d{1,2}[.)]\s+|(?:however|therefore|so|but|and|also|in addition|moreover|finally|meanwhile"
    r"|as a result|そのため|しかし|また|さらに|なお|ただし|したがって|このため)[,、\s]+)+",
    re.IGNORECASE,
)


def _clause(text: str) -> str:
    """The sentence without what ties it to the one before."""
    clause = _CONJUNCTION.sub("", text).strip()
    return clause[:1].upper() + clause[1:]


def _same(value: str) -> str:
    return re.sub(r"\W+", " ", fold(value)).strip().lower()
