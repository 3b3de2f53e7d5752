"""Dated sentences as phases: what happens then, to whom, and whether it is the plan in force.

Leaves to others: the dates (periods) and the words (data/effects.toml). Invariant: a date whose sentence says of no
effect makes no phase; it is background, or it is given back as not understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailferry.bulletin.facts import Audience, Bound, Effect, Phase
from mailferry.bulletin.fold import fold
from mailferry.bulletin.periods import Dates, Found, dates
from mailferry.bulletin.rules import audience_cue, effect_cue, effects
from mailferry.bulletin.sentences import Sentence
from mailferry.bulletin.told import (
    background,
    deadline,
    names_a_date,
    of_a_thing,
    said_or_done,
    tells_history,
    when_said,
    will_be_said,
)


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


def phases(sentence: Sentence, following: str = "") -> Dated:
    """The phases that a sentence names. `following` is the sentence behind it: what is switched off but "can be
    switched on again" is disabled by default."""
    text = sentence.text
    found = dates(text)
    if not found.found:
        return Dated((), sentence.heading or not found.vague or background(fold(text)))
    plain = fold(text)
    if sentence.heading or _only_a_date(plain, found.found):
        return Dated(_made(sentence, plain, found, _signs(plain, following))[0], understood=True)
    made, understood = _made(sentence, plain, found, _signs(plain, following))
    return Dated(made, understood)


def _only_a_date(plain: str, found: tuple[Found, ...]) -> bool:
    """A line that names a day, perhaps with the time of day, and says nothing."""
    rest = "".join(letter for at, letter in enumerate(plain) if not any(f.start <= at < f.end for f in found))
    return len(re.sub(r"[\d\W_]|時|分", "", rest)) <= 5


def _made(sentence: Sentence, plain: str, found: Dates, signs: list[_Sign]) -> tuple[tuple[Phase, ...], bool]:
    cuts = _cuts(plain, found.found)
    made: list[Phase] = []
    understood = not found.vague
    for date in found.found:
        sign = _nearest(date, signs, cuts, found.found)
        clause = _clause(plain, date, cuts)
        other = effect_cue("elsewhere").search(plain)
        if effect_cue("foreign").search(clause) and (sign is None or not _of_the_change(sign, clause)):
            continue
        if sign is None and _contrasted(clause):
            sign = _nearest(date, signs, cuts, ())  # "in March, rather than in December": the same effect
        if sign is not None and _beside(plain, date, sign, clause):
            continue
        if sign is None:
            if other is not None and not background(clause):
                made.append(_phase(date, Effect.OTHER, sentence, plain, clause))
            elif not background(clause) and not date.moved and not background(plain):
                understood = False
            continue
        if _doubtful(date, sign, plain, cuts):
            understood = False
            continue
        if sign.effect in (Effect.REMOVED, Effect.UNAVAILABLE) and not other and not _on_topic(sentence, plain):
            understood = False
            continue
        announced = sign.effect is Effect.REMOVED and will_be_said(plain, date)
        named = Effect.ANNOUNCEMENT if announced else sign.effect
        elsewhere = effect_cue("elsewhere").search(clause) and not _about_smtp(clause)
        effect = Effect.OTHER if other and (elsewhere or not _about_smtp(plain)) else named
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


#: Effects that take something away; a date near to them may be that of their announcement.
_TAKEN = (Effect.REMOVED, Effect.UNAVAILABLE, Effect.DISABLED_BY_DEFAULT, Effect.PARTIAL)
_BASIC = re.compile(r"\bbasic\b|smtp\s*auth|client\s+submission|基本認証|ベーシック認証", re.IGNORECASE)


def _contrasted(clause: str) -> bool:
    """Whether the clause opens with "rather than …", "instead of …"."""
    match = effect_cue("superseded").search(clause)
    return match is not None and match.start() <= 3


def _beside(plain: str, date: Found, sign: _Sign, clause: str) -> bool:
    """Whether the date tells when something was said or made, beside the change."""
    if when_said(plain, date) or of_a_thing(plain, date):
        return True
    return tells_history(plain, date, (sign.start, sign.end), clause)


def _of_the_change(sign: _Sign, clause: str) -> bool:
    """Whether the clause tells of the change itself, whatever else it names ("update the firmware before …")."""
    return sign.effect is not Effect.REPORTING and _BASIC.search(clause) is not None


def _doubtful(date: Found, sign: _Sign, plain: str, cuts: list[int]) -> bool:
    """Whether it may be another date than that of what is taken away, or a claim that the page itself does not make."""
    if sign.effect not in _TAKEN:
        return False
    if names_a_date(plain, date) or said_or_done(plain, date):
        return True
    if sign.effect is not Effect.REMOVED and will_be_said(plain, date):
        return True
    if any(effect_cue("unsure").search(_clause(plain, at, cuts)) for at in (date, sign)):
        return True
    return deadline(plain, date, sign.start)


def _on_topic(sentence: Sentence, plain: str) -> bool:
    """Whether the sentence, or what it stands under, is about signing in; other things are removed as well."""
    return any(effect_cue("topic").search(text) for text in (plain, fold(sentence.context)))


def _signs(plain: str, following: str = "") -> list[_Sign]:
    signs = [_Sign(match.start(), match.end(), Effect.DISABLED_BY_DEFAULT, 3) for match in _off(plain, following)]
    for rank, (effect, cue) in enumerate(effects()):
        for match in cue.finditer(plain):
            negated = _negated(plain, match) and effect in _NEGATED
            signs.append(_Sign(match.start(), match.end(), Effect.UNCHANGED if negated else effect, rank))
    return signs


def _off(plain: str, following: str) -> Iterator[re.Match[str]]:
    if reenabling(plain) or reenabling(fold(following)):
        yield from (match for match in effect_cue("off").finditer(plain) if not _negated(plain, match))


def reenabling(plain: str) -> bool:
    """Whether folded text says that what was switched off can be switched on again."""
    found, denied = effect_cue("reenable").search(plain), effect_cue("not_reenable")
    return found is not None and not (
        denied.en.search(plain[: found.start()]) or denied.ja.search(plain[found.end() :])
    )


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


def _clause(plain: str, date: Found | _Sign, cuts: list[int]) -> str:
    start = max((cut for cut in cuts if cut < date.start), default=0)
    end = min((cut for cut in cuts if cut >= date.end), default=len(plain))
    return plain[start:end].lstrip(";,、。:| ")


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
