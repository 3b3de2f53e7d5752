"""What a rule says of a client: this way fits, or this way does not, and why.

Leaves to others: the rules, and choosing among what they say (decide). Invariant: no judgement without a reason in
both languages, and no way that fits without a source.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from mailferry.m365.facts import Text, sources
from mailferry.planner.values import Effort, LimitCheck, Risk, Way


@dataclass(frozen=True, slots=True)
class Fits:
    """The client can go this way."""

    way: Way
    reason: Text
    source: str
    steps: tuple[Text, ...] = ()
    effort: Effort = Effort.SMALL
    risk: Risk = Risk.LOW
    limits: tuple[LimitCheck, ...] = ()


@dataclass(frozen=True, slots=True)
class Unfit:
    """The client cannot go this way."""

    way: Way
    reason: Text


Judgement = Fits | Unfit | None


def say(en: str, ja: str, **values: object) -> Text:
    """A text in both languages, with the same values filled in; a value that is a Text in its own language."""
    if not any(isinstance(value, Text) for value in values.values()):
        return Text(en.format(**values), ja.format(**values))
    english = {name: value.en if isinstance(value, Text) else value for name, value in values.items()}
    japanese = {name: value.ja if isinstance(value, Text) else value for name, value in values.items()}
    return Text(en.format(**english), ja.format(**japanese))


@cache
def source(key: str) -> str:
    """A published source by its key, as it is cited."""
    return str(sources()[key])
