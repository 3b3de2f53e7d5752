"""How dates, spans, numbers and pieces of the announcement are said in each language.

Leaves to others: whole sentences (compose). Invariant: a date is said no more exactly than it was announced.
"""

from __future__ import annotations

import calendar
import re
from datetime import date
from typing import TYPE_CHECKING

from mailferry.bulletin.catalogue import Catalogue
from mailferry.bulletin.facts import Audience, Bound, Effect, Period, Phase, Precision

if TYPE_CHECKING:
    from babel.core import Locale

_PARTS = {
    "beginning": ("beginning of", "上旬"),
    "middle": ("middle of", "中旬"),
    "end": ("end of", "末"),
    "late": ("late", "下旬"),
    "first half": ("first half of", "前半"),
    "second half": ("second half of", "後半"),
}
_BOUNDS_JA = {
    Bound.FROM: "から",
    Bound.AFTER: "より後",
    Bound.BY: "までに",
    Bound.UNTIL: "まで",
    Bound.BEFORE: "より前",
}
_ORDINALS = ("first", "second", "third", "fourth")


def day(when: date, language: str) -> str:
    """2026年1月27日, 27 January 2026."""
    return _format(when, "y年M月d日" if language == "ja" else "d MMMM y")


def month(when: date, language: str) -> str:
    """2026年1月, January 2026."""
    return _format(when, "y年M月" if language == "ja" else "MMMM y")


def _format(when: date, pattern: str) -> str:
    from babel.dates import format_date

    return format_date(when, pattern, locale=_locale())


def _locale() -> Locale:
    from babel.core import Locale

    return Locale.parse("en_GB")


def said(period: Period, language: str) -> str:
    """The span as a name: 2026年12月末, 2027年後半; end of December 2026, second half of 2027."""
    whole = _unit(period, language)
    if whole:
        return whole
    first, last = (
        (day(period.first, language), day(period.last, language))
        if period.precision in (Precision.DAY, Precision.PART)
        else (month(period.first, language), month(period.last, language))
    )
    same = period.first.year == period.last.year
    if language == "ja":
        return f"{first}から{last.removeprefix(f'{period.first.year}年') if same else last}まで"
    if same:
        first = first.removesuffix(f" {period.first.year}")
    return f"{first} to {last}"


def label(phase: Phase, language: str) -> str:
    """When the phase is, as a table has it: 2026年12月末, 2026年12月より後; After December 2026."""
    text = _bounded(phase.period, phase.bound, language)
    return text[:1].upper() + text[1:]


def at(phase: Phase, language: str) -> str:
    """The same as an adverb: 2026年12月末に; at the end of December 2026, on 30 April 2026, after December 2026."""
    period = phase.period
    text = _bounded(period, phase.bound, language)
    if language == "ja":
        alone = phase.bound in (Bound.FROM, Bound.BY, Bound.UNTIL) or text.endswith("まで")
        return text if alone else f"{text}に"
    if phase.bound is not Bound.IN:
        return text
    if not _unit(period, language):
        return f"from {text}"
    if period.precision is Precision.DAY:
        return f"on {text}"
    if text.startswith(("end", "beginning")):
        return f"at the {text}"
    return f"in {_article(text)}{text}"


def until(period: Period, language: str) -> str:
    """Up to the end of the span: 2026年12月末まで; until the end of December 2026."""
    return _bounded(_ending(period), Bound.UNTIL, language)


def _bounded(period: Period, bound: Bound, language: str) -> str:
    text = said(period if bound in (Bound.IN, Bound.FROM) else _ending(period), language)
    if bound is Bound.IN:
        return text
    if language == "ja":
        return f"{text}{_BOUNDS_JA[bound]}"
    if bound is Bound.FROM and not _unit(period, language):
        return f"from {text}"
    return f"{bound.value} {_article(text)}{text}"


def _article(text: str) -> str:
    return "the " if text.split()[0] in ("beginning", "middle", "end", *_ORDINALS) else ""


def _ending(period: Period) -> Period:
    """The last unit of a span of several: of "January to December 2026", December."""
    if _unit(period, "en"):
        return period
    exact = period.precision in (Precision.DAY, Precision.PART)
    first = period.last if exact else period.last.replace(day=1)
    return Period(first, period.last, Precision.DAY if exact else Precision.MONTH, period.text)


def _unit(period: Period, language: str) -> str:
    """The span where it is exactly one day, part of a month, month, quarter, half or year; else ""."""
    first, last = period.first, period.last
    ja, months = language == "ja", (last.year - first.year) * 12 + last.month - first.month + 1
    match period.precision:
        case Precision.DAY if first == last:
            return day(first, language)
        case Precision.PART if months == 1:
            english, japanese = _PARTS[_part(period)]
            return f"{month(first, language)}{japanese}" if ja else f"{english} {month(first, language)}"
        case Precision.MONTH if months == 1:
            return month(first, language)
        case Precision.QUARTER if months == 3 and first.month % 3 == 1:
            number = first.month // 3
            return f"{first.year}年第{number + 1}四半期" if ja else f"{_ORDINALS[number]} quarter of {first.year}"
        case Precision.HALF if months == 6 and first.month == 4:
            return f"{first.year}年半ば" if ja else f"middle of {first.year}"
        case Precision.HALF if months == 6 and first.month in (1, 7):
            number = first.month // 6
            return f"{first.year}年{'前後'[number]}半" if ja else f"{_ORDINALS[number]} half of {first.year}"
        case Precision.YEAR if first.year == last.year:
            return f"{first.year}年" if ja else str(first.year)
    return ""


def _part(period: Period) -> str:
    """Which part of its month. Its end and its last ten days are the same days; the page's word tells them apart."""
    ends = period.last.day == calendar.monthrange(period.last.year, period.last.month)[1]
    if period.first.day == 1 or (period.first.day == 16 and ends):
        return "second half" if ends else "first half" if period.last.day >= 14 else "beginning"
    if ends:
        return "late" if re.search(r"\blate\b|下旬", period.text, re.IGNORECASE) else "end"
    return "middle"


def audience(which: Audience, _: Catalogue) -> str:
    """Whom a phase is for, "" where the page does not say."""
    return {
        Audience.EXISTING: _("Existing tenants"),
        Audience.NEW: _("New tenants"),
        Audience.ALL: _("All tenants"),
        Audience.UNKNOWN: "",
    }[which]


def effect(which: Effect, _: Catalogue) -> str:
    """What a phase does, in a sentence; "" where only the announcement's own words can say it."""
    return {
        Effect.UNCHANGED: _("Nothing changes: Basic authentication can still be used."),
        Effect.DISABLED_BY_DEFAULT: _("Basic authentication is disabled by default."),
        Effect.UNAVAILABLE: _(
            "Basic authentication is not available by default; modern authentication (OAuth) is used."
        ),
        Effect.ANNOUNCEMENT: _("The date on which Basic authentication is removed for good is to be announced."),
        Effect.REMOVED: _("Basic authentication is removed for good."),
        Effect.REPORTING: _("A report or a notice shows who still uses Basic authentication."),
        Effect.PARTIAL: _("A part of the mail sent with Basic authentication is refused."),
        Effect.OTHER: "",
    }[which]
