"""Dated sentences as phases: what happens then, to whom, and whether it is the plan in force.

Leaves to others: the dates (periods) and the words (data/effects.toml). Invariant: a date whose sentence says of no
effect makes no phase; it is background, or it is given back as not understood.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailferry.bulletin.facts import Audience, Bound, Effect, Phase
from mailferry.bulletin.fold import fold
from mailferry.bulletin.periods import Dates, Found, dates
from mailferry.bulletin.rules import audience_cue, effect_cue, effects
from mailferry.bulletin.sentences import Sentence


@dataclass(frozen=True, slots=True)
class Dated:
    """What a sentence's dates came to. `understood` is False where a date was left over."""

    phases: tuple[Phase, ...]
    understood: bool


@dataclass(frozen=True, slots=True)
class _Sign:
    """An effect named at a place of the sentence."""

    start: int
    end: int
    effect: Effect
    rank: int


#: What separates the clauses of a sentence. A comma inside a date is covered by the date.
_CLAUSE = re.compile(r"[;、。:|]|,(?!\s+when\b)|\s-\s|\b(?:and|but|while|whereas|then)\b", re.IGNORECASE)
#: A date further than this many clauses from the words has nothing to do with them.
_FAR = 3


def phases(sentence: Sentence) -> Dated:
    """The phases that a sentence names."""
    text = sentence.text
    found = dates(text)
    if not found.found:
        return Dated((), sentence.heading or not found.vague or _background(fold(text)))
    plain = fold(text)
    if sentence.heading or _only_a_date(plain, found.found):
        return Dated(_made(sentence, plain, found)[0], understood=True)
    made, understood = _made(sentence, plain, found)
    return Dated(made, understood)


def _only_a_date(plain: str, found: tuple[Found, ...]) -> bool:
    """A line that names a day, perhaps with the time of day, and says nothing."""
    rest = "".join(letter for at, letter in enumerate(plain) if not any(f.start <= at < f.end for f in found))
    return len(re.sub(r"[\d\W_]|時|分", "", rest)) <= 5


def _made(sentence: Sentence, plain: str, found: Dates) -> tuple[tuple[Phase, ...], bool]:
    signs = _signs(plain)
    cuts = _cuts(plain, found.found)
    made: list[Phase] = []
    understood = not found.vague
    for date in found.found:
        sign = _nearest(date, signs, cuts, found.found)
        clause = _clause(plain, date, cuts)
        other = effect_cue("elsewhere").search(plain)
        if sign is not None and _tells_history(plain, date, sign, clause):
            continue
        if sign is None:
            if other is not None and not _background(clause):
                made.append(_phase(date, Effect.OTHER, sentence, plain, clause))
            elif not _background(clause) and not date.moved and not _background(plain):
                understood = False
            continue
        if sign.effect is Effect.REMOVED and _names_a_date(plain, date):
            understood = False
            continue
        effect = Effect.OTHER if other and not _about_smtp(plain) else sign.effect
        made.append(_phase(date, effect, sentence, plain, clause))
    return tuple(made), understood


def _phase(date: Found, effect: Effect, sentence: Sentence, plain: str, clause: str) -> Phase:
    superseded = date.moved or effect_cue("superseded").search(clause) is not None
    if effect_cue("withdrawn").search(plain) and not effect_cue("fresh").search(clause):
        superseded = True
    bound = date.bound
    if effect is Effect.UNCHANGED and bound is Bound.FROM and effect_cue("negation").search(plain[: date.start]):
        bound = Bound.UNTIL
    return Phase(date.period, effect, _audience(clause, plain, sentence.context), sentence.text, bound, superseded)


#: "the final removal date": a date is spoken of, which is none of the removal unless it follows at once.
_DATE_NOUN = re.compile(
    r"\b(?:(?:removal|retirement|final|end|exact|shutdown)\s+(?:removal\s+|retirement\s+)?(?:date|day|timeline|schedule)s?"
    r"|(?:date|day)s?\s+(?:of|for|on\s+which|when|at\s+which)\b)|(?:削除|廃止|終了)(?:日|の(?:日程|時期|日付|期日))",
    re.IGNORECASE,
)
_FOLLOWS = re.compile(
    r"(?:[\s:,(=-]|は|が|を|に|\b(?:is|was|are|will|be|has|been|of|on|moves?|moved|set|fixed|now|to|for|the|in|at|by|from|expected"
    r"|planned|again|postponed|scheduled|removal|retirement|basic|authentication|final|smtp|auth)\b)*",
    re.IGNORECASE,
)


def _names_a_date(plain: str, date: Found) -> bool:
    noun = next((match for match in _DATE_NOUN.finditer(plain) if match.end() <= date.start), None)
    return noun is not None and _FOLLOWS.fullmatch(plain, noun.end(), date.start) is None


def _signs(plain: str) -> list[_Sign]:
    signs = []
    for rank, (effect, cue) in enumerate(effects()):
        for match in cue.finditer(plain):
            negated = _negated(plain, match) and effect in _NEGATED
            signs.append(_Sign(match.start(), match.end(), Effect.UNCHANGED if negated else effect, rank))
    return signs


_NEGATED = (Effect.REMOVED, Effect.DISABLED_BY_DEFAULT, Effect.PARTIAL)
_UNTIL = re.compile(r"^[^.;,]{0,40}\b(?:until|before)\b", re.IGNORECASE)


def _negated(plain: str, match: re.Match[str]) -> bool:
    """Whether the effect is denied. "Not removed until 2027" denies nothing: it names the date."""
    cue = effect_cue("negation")
    before = cue.en.search(plain[max(0, match.start() - 40) : match.start()]) is not None
    if before and _UNTIL.search(plain[match.end() :]):
        return False
    return before or cue.ja.search(plain[match.end() :]) is not None


def _cuts(plain: str, found: tuple[Found, ...]) -> list[int]:
    """Where clauses end."""
    return [
        match.start()
        for match in _CLAUSE.finditer(plain)
        if not any(date.start <= match.start() < date.end for date in found)
    ]


def _distance(first: int, second: int, cuts: list[int]) -> int:
    low, high = sorted((first, second))
    return sum(1 for cut in cuts if low <= cut < high)


def _nearest(date: Found, signs: list[_Sign], cuts: list[int], found: tuple[Found, ...]) -> _Sign | None:
    """The effect of this date: in its own clause, or in the nearest one that no other date lies nearer to."""
    best: tuple[int, int, int] | None = None
    chosen: _Sign | None = None
    for sign in signs:
        clauses = min(_distance(date.start, sign.start, cuts), _distance(date.start, sign.end - 1, cuts))
        rivals = [
            min(_distance(other.start, sign.start, cuts), _distance(other.start, sign.end - 1, cuts))
            for other in found
            if other is not date
        ]
        if clauses > _FAR or (clauses > 0 and any(rival < clauses for rival in rivals)):
            continue
        away = abs(date.start - sign.start)
        key = (clauses, away, sign.rank) if _crowded(date, found, cuts) else (clauses, sign.rank, away)
        if best is None or key < best:
            best, chosen = key, sign
    return chosen


def _crowded(date: Found, found: tuple[Found, ...], cuts: list[int]) -> bool:
    """Whether another date stands in the same clause; then nearness decides before the order of the words."""
    return any(other is not date and _distance(date.start, other.start, cuts) == 0 for other in found)


def _clause(plain: str, date: Found, cuts: list[int]) -> str:
    start = max((cut for cut in cuts if cut < date.start), default=0)
    end = min((cut for cut in cuts if cut >= date.end), default=len(plain))
    return plain[start:end].lstrip(";,、。:| ")


def _background(text: str) -> bool:
    return effect_cue("history").search(text) is not None


def _tells_history(plain: str, date: Found, sign: _Sign, clause: str) -> bool:
    """Whether the date is when it was said: "announced on 27 January 2026", with the effect elsewhere."""
    cue = effect_cue("history").search(clause)
    if cue is None or effect_cue("superseded").search(clause):
        return False
    inside = clause.find(plain[sign.start : sign.end])
    if inside < 0:
        return True
    place = plain.find(clause)
    at = date.start - place
    return abs(at - cue.start()) < abs(at - inside)


def _about_smtp(plain: str) -> bool:
    return re.search(r"smtp\s*auth|client\s+submission|クライアント\s*送信", plain, re.IGNORECASE) is not None


def _audience(clause: str, plain: str, context: str) -> Audience:
    """Whom it concerns: by the clause's own words, the sentence's where they name one, or the heading's."""
    for text in (clause, plain, fold(context)):
        named = audiences(text)
        if named and (text is clause or not {Audience.NEW, Audience.EXISTING} <= set(named)):
            return named[0]
    return Audience.UNKNOWN


def audiences(plain: str) -> list[Audience]:
    """Whom folded text names; "all existing tenants" are the existing ones."""
    return [audience for name, audience in _AUDIENCES if audience_cue(name).search(plain)]


_AUDIENCES = (("new", Audience.NEW), ("existing", Audience.EXISTING), ("all", Audience.ALL))
