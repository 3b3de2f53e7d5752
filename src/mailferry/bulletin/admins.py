"""The notice for administrators: the whole schedule, the error texts, what to do and what else there is.

Leaves to others: the values (notice) and shared parts (matter). Invariant: what only the page's own words can say is
quoted in its language, and marked so.
"""

from __future__ import annotations

from collections.abc import Iterator

from mailferry.bulletin import advice, wording
from mailferry.bulletin.advice import Advice
from mailferry.bulletin.facts import Bound, Effect, Kind, Phase, Precision
from mailferry.bulletin.matter import Matter, closing, figures
from mailferry.bulletin.notice import Block, Heading, Items, Paragraph, Quotes, Table, code, plain


def title(matter: Matter) -> str:
    """Says the change itself, so that the list of posts says it too."""
    _, phase = matter._, matter.turning
    if phase is None:
        return _("Exchange Online: news about Basic authentication for SMTP AUTH")
    when = wording.at(phase, matter.language)
    match phase.effect:
        case Effect.DISABLED_BY_DEFAULT:
            return _("Exchange Online: Basic authentication for SMTP AUTH is disabled by default {when}", when=when)
        case Effect.REMOVED:
            return _("Exchange Online: Basic authentication for SMTP AUTH is removed {when}", when=when)
        case Effect.PARTIAL:
            return _("Exchange Online: mail sent with Basic authentication is partly refused {when}", when=when)
    return _("Exchange Online: Basic authentication for SMTP AUTH is not available by default {when}", when=when)


def blocks(matter: Matter) -> Iterator[Block]:
    _ = matter._
    yield Paragraph(_lead(matter))
    yield Paragraph(
        _(
            "Devices, applications and scripts that sign in with no more than a user name and a password in order to "
            "send mail have to be changed, for example to modern authentication (OAuth)."
        )
    )
    yield from _schedule(matter)
    yield from figures(matter)
    yield from _errors(matter)
    asked = advice.actions(matter.announcement.of(Kind.ACTION), _)
    yield from _advised(_("What administrators are asked to do"), asked, matter, ordered=True)
    others = advice.alternatives(matter.announcement.of(Kind.ALTERNATIVE), _)
    if others:
        yield Heading(_("Other ways to send"))
        yield Items(others)
    yield from _advised(_("What happens otherwise"), advice.risks(matter.announcement.of(Kind.RISK), _), matter)
    yield from _endpoints(matter)
    yield from closing(matter)


def _lead(matter: Matter) -> str:
    _, source = matter._, matter.announcement
    dated = wording.day(source.published, matter.language) if source.published else ""
    publisher = source.publisher
    if matter.by_vendor:
        if dated:
            return _(
                "On {date} Microsoft published how Basic authentication for SMTP AUTH (client submission) in Exchange "
                "Online will end.",
                date=dated,
            )
        return _(
            "Microsoft has published how Basic authentication for SMTP AUTH (client submission) in Exchange Online "
            "will end."
        )
    if publisher and dated:
        return _(
            "On {date} “{publisher}” reported how Basic authentication for SMTP AUTH (client submission) in Exchange "
            "Online will end.",
            publisher=publisher,
            date=dated,
        )
    if publisher:
        return _(
            "“{publisher}” reports how Basic authentication for SMTP AUTH (client submission) in Exchange Online will "
            "end.",
            publisher=publisher,
        )
    return _("Basic authentication for SMTP AUTH (client submission) in Exchange Online is being phased out.")


def _schedule(matter: Matter) -> Iterator[Block]:
    _ = matter._
    yield Heading(_("Schedule"))
    if not matter.phases:
        yield Paragraph(_("No date could be read from the announcement."))
    else:
        rows = tuple(_row(phase, matter) for phase in matter.phases)
        table = Table((_("When"), _("For whom"), _("What happens")), rows)
        yield table if any(whom for _when, whom, _what in rows) else _without_whom(table)
    if matter.announcement.of(Kind.REENABLING):
        yield Paragraph(
            _("Where it is needed, an administrator can enable Basic authentication again for the time being.")
        )
    if matter.turning is not None and matter.turning.period.precision is not Precision.DAY:
        yield Paragraph(_("The announcement names no exact day."))
    replaced = [phase for phase in matter.announcement.phases if phase.superseded]
    if replaced:
        yield Heading(_("Earlier plans, no longer in force"))
        yield Items(tuple(dict.fromkeys(_replaced(phase, matter) for phase in replaced)))


def _row(phase: Phase, matter: Matter) -> tuple[str, str, str]:
    when = wording.label(phase, matter.language)
    if phase.effect is Effect.UNCHANGED and phase.bound is Bound.IN:
        when = wording.until(phase.period, matter.language)
        when = when[:1].upper() + when[1:]
    return when, wording.audience(phase.audience, matter._), _happens(phase, matter)


def _without_whom(table: Table) -> Table:
    """The table where the page says of no phase for whom it is."""
    return Table((table.head[0], table.head[2]), tuple((row[0], row[2]) for row in table.rows))


def _happens(phase: Phase, matter: Matter) -> str:
    known = wording.effect(phase.effect, matter._)
    return known or matter._("In the words of the announcement: “{sentence}”", sentence=plain(phase.sentence))


def _replaced(phase: Phase, matter: Matter) -> str:
    when = wording.label(phase, matter.language)
    return matter._("{when}: {what}", when=when, what=_happens(phase, matter))


def _errors(matter: Matter) -> Iterator[Block]:
    _ = matter._
    if matter.errors:
        yield Heading(_("How refused mail can be recognised"))
        yield Paragraph(_("The service then answers with one of these texts:"))
        yield Items(matter.errors)


def _advised(heading: str, found: Advice, matter: Matter, *, ordered: bool = False) -> Iterator[Block]:
    if not found.known and not found.quoted:
        return
    yield Heading(heading)
    if found.known:
        yield Items(found.known, ordered=ordered)
    if found.quoted:
        yield Paragraph(matter._("In the words of the announcement:"))
        yield Quotes(tuple(plain(text) for text in found.quoted), matter.announcement.language)


def _endpoints(matter: Matter) -> Iterator[Block]:
    hosts = tuple(dict.fromkeys(code(mention.value) for mention in matter.announcement.of(Kind.ENDPOINT)))
    if hosts:
        yield Heading(matter._("Servers the announcement names"))
        yield Items(hosts)
