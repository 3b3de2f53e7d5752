"""What an announcement says, as values; every one carries the sentence it was read from.

Leaves to others: reading pages (page), finding facts (extract), comparing (compare), writing (notice).
Invariant: nothing here is guessed; what was not understood stands in `unread`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Precision(StrEnum):
    DAY = "day"
    PART = "part"  # beginning, middle or end of a month
    MONTH = "month"
    QUARTER = "quarter"
    HALF = "half-year"
    YEAR = "year"


class Kind(StrEnum):
    """What kind of fact a `Mention` is."""

    PRODUCT = "product"  # "Exchange Online", "High Volume Email"
    ENDPOINT = "endpoint"  # smtp.office365.com
    ERROR = "error"  # an exact error text: 550 5.7.30 …
    ALTERNATIVE = "alternative"  # OAuth, HVE, ACS, hybrid, Graph
    ACTION = "action"  # what administrators are asked to do
    RISK = "risk"  # what goes wrong otherwise
    REENABLING = "reenabling"  # administrators may switch Basic authentication on again


@dataclass(frozen=True, slots=True)
class Period:
    """First and last day, both included. `text` is the wording on the page."""

    first: date
    last: date
    precision: Precision
    text: str


class Effect(StrEnum):
    """What a phase does to SMTP AUTH Basic authentication."""

    UNCHANGED = "unchanged"
    DISABLED_BY_DEFAULT = "disabled-by-default"
    UNAVAILABLE = "unavailable"  # new tenants: not by default / not to be had
    ANNOUNCEMENT = "announcement"  # a date is to be announced then
    REMOVED = "removed"
    REPORTING = "reporting"  # a report or notice appears
    PARTIAL = "partial"  # a share of submissions is refused
    OTHER = "other"


class Audience(StrEnum):
    EXISTING = "existing-tenants"
    NEW = "new-tenants"
    ALL = "all-tenants"
    UNKNOWN = "unknown"


class Bound(StrEnum):
    """Where in its period, or beside it, a phase lies: "until December 2026" and "after December 2026" differ."""

    IN = "in"
    FROM = "from"
    AFTER = "after"
    BY = "by"
    UNTIL = "until"
    BEFORE = "before"


@dataclass(frozen=True, slots=True)
class Phase:
    """A dated phase of the change. `superseded`: the page names it as the plan of before, no longer in force."""

    period: Period
    effect: Effect
    audience: Audience
    sentence: str
    bound: Bound = Bound.IN
    superseded: bool = False


@dataclass(frozen=True, slots=True)
class Mention:
    """A fact without a date. `value` is normalised (canonical product name, host in lower case, the exact error
    text, the canonical id of an alternative); for actions and risks it is the sentence's own clause."""

    kind: Kind
    value: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Announcement:
    """One announcement, read."""

    title: str
    publisher: str
    published: date | None
    address: str  # where it was read from: URL or file name; "" for standard input
    language: str  # "en" or "ja"
    phases: tuple[Phase, ...]
    mentions: tuple[Mention, ...]
    unread: tuple[str, ...]  # sentences with a date or a code that no rule understood

    def of(self, kind: Kind) -> tuple[Mention, ...]:
        return tuple(mention for mention in self.mentions if mention.kind is kind)
