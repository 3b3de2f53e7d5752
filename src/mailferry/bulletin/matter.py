"""What a notice is made from, and the parts that every notice shares: figures, source, signature.

Leaves to others: what each kind of reader is told (admins, owners). Invariant: plans that the page calls replaced are
never among the phases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import quote, urlsplit

from mailferry.bulletin import wording
from mailferry.bulletin.catalogue import Catalogue
from mailferry.bulletin.facts import Announcement, Audience, Bound, Effect, Kind, Phase
from mailferry.bulletin.figures import Figures
from mailferry.bulletin.notice import Block, Heading, Link, Paragraph, Table, code, plain

#: Effects after which a client that sends a password stops.
_HURTING = (Effect.DISABLED_BY_DEFAULT, Effect.REMOVED, Effect.PARTIAL, Effect.UNAVAILABLE)
_VENDOR = re.compile(
    r"microsoft|マイクロソフト|exchange (?:online )?team|tech ?community|message center", re.IGNORECASE
)

#: What stands in an address as it is (RFC 3986 section 2.2); anything else is escaped.
_IN_ADDRESS = ":/?#[]@!$&'()*+,;=%~"


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signs, and whom readers ask; "" for nobody."""

    organisation: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Matter:
    """Everything a notice is made from, title, publisher and signature in plain text; `_` gives its sentences."""

    announcement: Announcement
    _: Catalogue
    figures: Figures
    signature: Signature

    @property
    def language(self) -> str:
        return self._.language

    @property
    def phases(self) -> tuple[Phase, ...]:
        """In the order of time, each said once; what holds for existing and new tenants alike holds for all."""
        found: dict[tuple[date, date, Effect, Bound], Phase] = {}
        for phase in map(_when_it_happens, self.announcement.phases):
            if phase.superseded:
                continue
            key = (phase.period.first, phase.period.last, phase.effect, phase.bound)
            said = found.get(key)
            if said is None:
                found[key] = phase
            elif said.audience is not phase.audience:
                found[key] = replace(said, audience=_both(said.audience, phase.audience))
        return tuple(sorted(found.values(), key=_in_time))

    @property
    def turning(self) -> Phase | None:
        """The first phase after which clients of existing tenants stop; what was over when the announcement came out
        is no news."""
        hurting = [p for p in self.phases if p.effect in _HURTING and p.audience is not Audience.NEW]
        said = self.announcement.published or date.min
        return next((p for p in hurting if p.period.last >= said), hurting[0] if hurting else None)

    @property
    def by_vendor(self) -> bool:
        return _VENDOR.search(self.announcement.publisher) is not None

    @property
    def errors(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(code(mention.value) for mention in self.announcement.of(Kind.ERROR)))


def _when_it_happens(phase: Phase) -> Phase:
    """ "Kept until the end of 2026, then disabled": it is disabled then, not until then."""
    late = phase.bound is Bound.UNTIL and phase.effect in (*_HURTING, Effect.ANNOUNCEMENT)
    return replace(phase, bound=Bound.IN) if late else phase


def _both(one: Audience, other: Audience) -> Audience:
    """Audience of two phases that are the same but for it."""
    known = {one, other} - {Audience.UNKNOWN}
    return known.pop() if len(known) == 1 else Audience.ALL


def _in_time(phase: Phase) -> tuple[date, date]:
    """What begins after a span comes behind what lies in it, what holds until then before."""
    if phase.bound is Bound.AFTER:
        return phase.period.last, date.max
    return phase.period.first, phase.period.last


def figures(matter: Matter) -> Iterator[Block]:
    """The organisation's own figures, where there are any."""
    _, known = matter._, matter.figures
    lines = [text for text in (_breaking(known, _), _left(matter), _progress(known, _)) if text]
    if not lines:
        return
    yield Heading(_("What this means for us"))
    if lines[0] == _breaking(known, _):
        yield Paragraph(lines.pop(0))
        if known.categories:
            rows = tuple(
                (plain(share.category.of(matter.language)), _("{number}", number=f"{share.count:,}"))
                for share in sorted(known.categories, key=lambda share: -share.count)
            )
            yield Table((_("Kind"), _("Number")), rows)
    for line in lines:
        yield Paragraph(line)


def _breaking(known: Figures, _: Catalogue) -> str:
    if known.breaking is None:
        return ""
    if known.breaking == 0:
        return _("None of our devices and programs depends on Basic authentication any more.")
    text = _.count(
        "{n} device or program still depends on Basic authentication.",
        "{n} devices and programs still depend on Basic authentication.",
        known.breaking,
    )
    if known.mailboxes is None:
        return text
    more = _.count("They send from {n} mailbox.", "They send from {n} mailboxes.", known.mailboxes)
    return text + ("" if _.language == "ja" else " ") + more


def _left(matter: Matter) -> str:
    days, phase = matter.figures.days_left, matter.turning
    if days is None or days < 1 or phase is None:
        return ""
    end = wording.until(phase.period, matter.language)
    return matter._.count("{n} day is left {end}.", "{n} days are left {end}.", days, end=end)


def _progress(known: Figures, _: Catalogue) -> str:
    if known.done is None or not known.total:
        return ""
    share = known.done * 100 // known.total
    return _("So far {done} of {total} are changed ({share} %).", done=known.done, total=known.total, share=share)


def closing(matter: Matter) -> Iterator[Block]:
    """Where it was read, and who signs."""
    _, source, signature = matter._, matter.announcement, matter.signature
    title = source.title or _("Announcement")
    about = [source.publisher] if source.publisher else []
    about += [wording.day(source.published, matter.language)] if source.published else []
    rest = _(" ({about})", about=_(", ").join(about)) if about else ""
    yield Heading(_("Source"))
    if urlsplit(source.address).scheme in ("http", "https"):
        yield Link("", title, quote(source.address, safe=_IN_ADDRESS), rest)
    else:
        yield Paragraph(title + rest)
    if signature.contact:
        yield Paragraph(_("Questions: {contact}", contact=signature.contact))
    if signature.organisation:
        yield Paragraph(signature.organisation)
